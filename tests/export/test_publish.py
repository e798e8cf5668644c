"""The folder of versions: whole ones only, whatever happens to the exporter."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import tfgan_kit as gk
from tfgan_kit.export import ExportProfile, read_lineage
from tfgan_kit.export.lineage import check_files, checksums
from tfgan_kit.export.publish import LEFTOVERS, publish, remove_old, unpublished, version_folders, versions
from tfgan_kit.files import here, write_json

import pytest

EXPORTER = pathlib.Path(__file__).with_name("exporter_process.py")


def make(base, *numbers):
    for number in numbers:
        (base / str(number) / "variables").mkdir(parents=True)
        (base / str(number) / "saved_model.pb").touch()


def published(base, version):
    with unpublished(base) as folder:
        (folder / "saved_model.pb").write_text("new")
        return publish(folder, base, version)


def test_versions_are_the_integers_that_a_server_reads(tmp_path):
    for name in ("1", "007", "v2", "1.0", "writing-x", "99999999999999999999"):
        (tmp_path / name).mkdir()
    (tmp_path / "12").touch()
    assert versions(tmp_path) == [1, 7]


@pytest.mark.parametrize("version, expected", [("next", 6), (3, 3), (40, 40)])
def test_a_version_gets_the_number_that_was_asked_for(version, expected, tmp_path):
    make(tmp_path, 1, 5)
    assert published(tmp_path, version) == tmp_path / str(expected)
    assert not list(tmp_path.glob("writing-*"))


@pytest.mark.parametrize("there", ["5", "005"])
def test_a_version_that_is_there_is_refused_with_all_there_are(there, tmp_path):
    make(tmp_path, 1, there)
    with pytest.raises(ValueError, match="There are 1, 5 in .*Received: version=5"):
        published(tmp_path, 5)
    assert (tmp_path / there / "saved_model.pb").read_text() == ""


def test_an_export_refuses_it_before_any_work(plain_generator, tmp_path):
    make(tmp_path, 2)
    with pytest.raises(ValueError, match="There are 2 in"):
        gk.export_generator(plain_generator, tmp_path, profile=ExportProfile(version=2))


@pytest.mark.parametrize(
    "keep, new, left",
    [
        (None, 6, [1, 3, 5, 6]),
        (1, 6, [6]),
        (2, 6, [5, 6]),
        (4, 6, [1, 3, 5, 6]),
        (9, 6, [1, 3, 5, 6]),
        (1, 2, [2, 5]),
        (2, 2, [2, 3, 5]),
    ],
)
def test_the_newest_versions_and_the_new_one_are_kept(keep, new, left, tmp_path):
    make(tmp_path, 1, 3, 5, new)
    deleted = remove_old(tmp_path, keep, tmp_path / str(new))
    assert versions(tmp_path) == left
    assert deleted == sorted({1, 3, 5, new} - set(left))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(map(str, left))


@pytest.mark.thorough
def test_old_versions_go_only_after_the_new_one_is_there(plain_generator, tmp_path, monkeypatch):
    make(tmp_path, 1, 2)

    def damaged(folder, base, version):
        path = publish(folder, base, version)
        (path / "saved_model.pb").write_text("damaged by the disk")
        return path

    monkeypatch.setattr("tfgan_kit.export.exporter.publish", damaged)
    with pytest.raises(ValueError, match="saved_model.pb"):
        gk.export_generator(
            plain_generator,
            tmp_path,
            output_range=(0.0, 1.0),
            profile=ExportProfile(keep=1, signatures=("serving_default",)),
        )
    assert versions(tmp_path) == [1, 2, 3]


@pytest.mark.thorough
def test_a_version_that_another_exporter_removed_at_once_is_said(plain_generator, tmp_path, monkeypatch):
    """Two exporters that keep one version each: the later one removes what this one has just published."""
    profile = ExportProfile(keep=1, signatures=("serving_default",))

    def overtaken(folder, base, version):
        path = publish(folder, base, version)
        make(tmp_path, int(path.name) + 1)
        remove_old(base, 1, tmp_path / str(int(path.name) + 1))
        return path

    monkeypatch.setattr("tfgan_kit.export.exporter.publish", overtaken)
    with pytest.raises(FileNotFoundError, match="Another exporter.* Received: version=.*1, keep=1"):
        gk.export_generator(plain_generator, tmp_path, output_range=(0.0, 1.0), profile=profile)
    assert versions(tmp_path) == [2]


@pytest.mark.thorough
def test_a_number_below_the_newest_is_said_not_to_be_served(plain_generator, tmp_path):
    make(tmp_path, 7)
    profile = ExportProfile(version=4, signatures=("serving_default",))
    with pytest.warns(UserWarning, match="older than 7"):
        gk.export_generator(plain_generator, tmp_path, output_range=(0.0, 1.0), profile=profile)


@pytest.mark.parametrize("name", ["writing-abc", "deleting-3-abc", ".batching.config-host-7"])
@pytest.mark.parametrize("days, left", [(0, True), (0.9, True), (1.1, False)])
def test_what_a_killed_exporter_left_goes_after_a_day(name, days, left, tmp_path):
    path = tmp_path / name
    if name.startswith("."):
        path.touch()
    else:
        make(path, 1)
    then = time.time() - days * 24 * 3600
    for inner in [*path.rglob("*"), path]:
        os.utime(inner, (then, then))
    with unpublished(tmp_path):
        assert path.exists() == left


@pytest.mark.parametrize("name", ["writing-{}-abc", "deleting-3-{}-abc", ".batching.config-{}.config"])
@pytest.mark.parametrize("process, left", [(None, True), (4194305, False)], ids=["running", "ended"])
def test_what_an_exporter_of_this_machine_left_goes_when_it_has_ended(name, process, left, tmp_path):
    path = tmp_path / name.format(here(process))
    make(path, 1)
    with unpublished(tmp_path):
        assert path.exists() == left


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # the children run no TensorFlow
def test_exporters_that_keep_one_version_do_not_stumble_over_each_other(tmp_path):
    def export():
        for _ in range(40):
            with unpublished(tmp_path) as folder:
                make_whole(folder)
                remove_old(tmp_path, 1, publish(folder, tmp_path))

    children = []
    for _ in range(3):
        children.append(os.fork())
        if children[-1] == 0:
            try:
                export()
                os._exit(0)
            finally:
                os._exit(1)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert all(name.isdecimal() for name in os.listdir(tmp_path))


def test_a_folder_that_is_still_written_to_is_no_leftover(tmp_path):
    make(tmp_path / "writing-abc", 1)
    os.utime(tmp_path / "writing-abc", (0, 0))
    with unpublished(tmp_path):
        assert (tmp_path / "writing-abc").exists()


def test_all_is_on_the_disk_before_the_rename(tmp_path, monkeypatch):
    done = []
    sync, rename = os.fsync, os.rename
    monkeypatch.setattr(os, "fsync", lambda d: (done.append(os.readlink(f"/proc/self/fd/{d}")), sync(d)))
    monkeypatch.setattr(os, "rename", lambda a, b: (done.append("rename"), rename(a, b)))
    with unpublished(tmp_path) as folder:
        (folder / "variables").mkdir()
        (folder / "variables" / "data").write_text("x")
        written = [str(folder), str(folder / "variables"), str(folder / "variables" / "data")]
        publish(folder, tmp_path)
    at = done.index("rename")
    assert set(written) <= set(done[:at]) and str(tmp_path) in done[at:]


def check_folder(base):
    """Every version is whole: it has all files that its own lineage names, with their bytes."""
    found = version_folders(base)
    for version in found.values():
        check_files(version, read_lineage(version)["files"])
    strangers = {
        path.name for path in base.iterdir() if path.name not in map(str, found) and not path.name.startswith(LEFTOVERS)
    }
    assert strangers <= {"batching.config"}
    return found


def kill_exporters(base, kills, randomness):
    """Kills exporters, forked off one process that has loaded TensorFlow, at random moments."""
    process = subprocess.Popen(
        [sys.executable, EXPORTER, base],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=EXPORTER.parents[2],
    )
    try:
        durations = [_one(process, None)]  # a whole export tells how long one takes
        assert check_folder(base).keys() == {1}
        for _ in range(kills):
            durations.append(_one(process, randomness.uniform(0.0, 1.1 * durations[0])))
            assert check_folder(base)
        _one(process, None)
        return check_folder(base)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(timeout=30)


def _one(process, seconds):
    """One export; killed after `seconds`. Returns how long it took."""
    print("export", file=process.stdin, flush=True)
    child = int(process.stdout.readline())
    started = time.monotonic()
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)  # the process that forked it has not waited for it yet
    print("wait", file=process.stdin, flush=True)
    status = process.stdout.readline().strip()
    assert seconds is not None or status == "0"
    return time.monotonic() - started


@pytest.mark.slow
@pytest.mark.thorough
def test_an_exporter_that_is_killed_leaves_no_half_version(tmp_path):
    assert len(kill_exporters(tmp_path, 2, random.Random(0))) == 2  # `keep` of the last


@pytest.mark.slow
def test_forty_exporters_that_are_killed_leave_no_half_version(tmp_path):
    kill_exporters(tmp_path, 40, random.Random(1))


def make_whole(folder):
    """A version of two files, with the lineage that names them."""
    (folder / "variables").mkdir(parents=True, exist_ok=True)
    (folder / "saved_model.pb").write_text("graph")
    (folder / "variables" / "data").write_text("weights")
    write_json(folder / "assets.extra" / "tfgan_kit.json", {"files": checksums(folder)})


def publish_and_die(base, module, name, moment):
    """Publishes with `keep` 1, so that the export also deletes; dies at the first use of a step."""
    step = getattr(module, name)

    def dies(*arguments, **more):
        if moment == "after":
            step(*arguments, **more)
        os.kill(os.getpid(), signal.SIGKILL)

    with unpublished(base) as folder:
        make_whole(folder)
        setattr(module, name, dies)
        remove_old(base, 1, publish(folder, base))


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # the child runs no TensorFlow
@pytest.mark.parametrize("module, name", [(os, "rename"), (os, "fsync"), (shutil, "rmtree"), (os, "unlink")])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_death_beside_a_step_of_publishing_leaves_whole_versions(module, name, moment, tmp_path):
    make_whole(tmp_path / "1")
    child = os.fork()
    if child == 0:
        try:
            publish_and_die(tmp_path, module, name, moment)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    published_by_then = name in ("rmtree", "unlink") or (name, moment) == ("rename", "after")
    assert max(check_folder(tmp_path)) == (2 if published_by_then else 1)
