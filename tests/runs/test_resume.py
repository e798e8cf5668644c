"""Whether a run folder holds the run that is asked for, told from its config.json alone."""

import types

from tfgan_kit.runs import resume
from tfgan_kit.runs.run import Run

import pytest

pytestmark = pytest.mark.thorough

DEFAULTS = {"seed": 0, "steps": None, "keep": 3, "objective": None}
SOURCE = types.SimpleNamespace(
    name="mnist5k", fingerprint="f" * 64, num_images=10, image_shape=(4, 4, 1), num_classes=3, class_names=None
)


def config(batch_size=8, **flags):
    return resume.describe(DEFAULTS | flags, SOURCE, batch_size, flip=False)


@pytest.fixture
def run(tmp_path):
    """A run folder with a checkpoint by name."""
    run = Run(tmp_path)
    run.write_config(config())
    run.checkpoints_dir.mkdir()
    (run.checkpoints_dir / "step-00000002.keras").touch()
    return run


@pytest.mark.parametrize(
    "flags, said",
    [
        ({"seed": 1}, "--seed=0; give the same"),
        ({"batch_size": 4}, "--batch_size=8; give the same"),
        ({"objective": "hinge"}, "leave --objective out"),
    ],
)
def test_a_flag_that_changes_what_is_learnt_is_refused_with_the_way_out(flags, said, run):
    with pytest.raises(ValueError, match=said):
        resume.check_same_run(run, config(**flags), DEFAULTS)


def test_a_flag_that_an_earlier_version_did_not_know_had_its_default(run):
    old = config()
    del old["flags"]["objective"]
    run.write_config(old)
    resume.check_same_run(run, config(), DEFAULTS)
    with pytest.raises(ValueError, match="leave --objective out"):
        resume.check_same_run(run, config(objective="hinge"), DEFAULTS)


@pytest.mark.parametrize(
    "name, value, said",
    [("fingerprint", "0" * 64, "the fingerprint"), ("num_images", 11, "the number of readable images")],
)
def test_other_data_of_the_same_name_are_refused(name, value, said, run):
    changed = config()
    changed["dataset"][name] = value
    with pytest.raises(ValueError, match=f"{said} of mnist5k has changed"):
        resume.check_same_run(run, changed, DEFAULTS)


def test_a_resume_records_what_has_changed_since_the_one_before(run):
    for step, flags in [(2, {"keep": 9}), (4, {"keep": 9}), (6, {"steps": 8})]:
        resume.record_resume(run, step, config(**flags), DEFAULTS)
    resumed = run.read_config()["resumed"]
    assert [(line["step"], line["flags"]) for line in resumed] == [
        (2, {"keep": 9}),
        (4, {}),
        (6, {"steps": 8, "keep": 3}),
    ]
    assert run.read_config()["flags"] == DEFAULTS


def test_a_resume_by_other_kernels_is_recorded_and_said(run, recwarn):
    """The bits of a resumed run are those of an uninterrupted one by the same kernels only."""
    same, other = config(), config() | {"processor": {"instruction_set": "SSE41", "onednn": False}}
    resume.record_resume(run, 2, same, DEFAULTS)
    assert not recwarn.list
    with pytest.warns(UserWarning, match="is resumed with SSE41, oneDNN off"):
        resume.record_resume(run, 4, other, DEFAULTS)
    with pytest.warns(UserWarning, match="was trained with SSE41, oneDNN off"):
        resume.record_resume(run, 6, same, DEFAULTS)
    assert [line["processor"] for line in run.read_config()["resumed"]] == [
        same["processor"],
        other["processor"],
        same["processor"],
    ]


def test_a_run_of_a_version_without_that_record_goes_on(run, recwarn):
    old = run.read_config()
    del old["processor"]
    run.write_config(old)
    resume.record_resume(run, 2, config(), DEFAULTS)
    assert not recwarn.list
