"""What a command says before TensorFlow is imported: help, what is missing, what is misspelt."""

import os
import re
import resource
import subprocess
import sys

from tfgan_kit.internals.start_up import COMMANDS, starts_a_command

import pytest

RUN = ["train", "--preset=mlp_mixture", "--run_dir=run"]


@pytest.fixture
def parse(command, monkeypatch, tmp_path):
    """`command`, which fails where it would import TensorFlow to go on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tfgan_kit.command_line.work", lambda name, *_: pytest.fail(f"{name} goes on"))
    return command


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["train"], "Give a --preset, or a --recipe. Known presets are dcgan_mnist, "),
        (["train", "--preset=mlp_mixture"], "Give a --run_dir"),
        (["train", "--prest=mlp_mixture"], "Did you mean: preset"),
        (["train", "--preset=mlp", "--run_dir=run"], "--preset is one of dcgan_mnist, "),
        ([*RUN, "--objective=hing"], "--objective is one of non_saturating, "),
        ([*RUN, "--dataset=mnist"], "--dataset is spelled as one of tfds:NAME[/CONFIG][:SPLIT], folder:PATH, "),
        ([*RUN, "--dataset=ring8:"], "--dataset is spelled as one of"),
        ([*RUN, "--dataset=npz:"], "--dataset is spelled as one of"),
        ([*RUN, "--strategy=miror"], "<none|mirrored|multi_worker|tpu>"),
        ([*RUN, "--evaluate_every=1", "--evaluate_metrics=swd,fie"], "--evaluate_metrics are of fid, precision_recall"),
        ([*RUN, "--patience=2"], "--patience needs --evaluate_every"),
        ([*RUN, "--ckpt=other"], "two names of one path here: give one. Received: ckpt=other, run_dir=run"),
        (["evaluate"], "give --ckpt, or --target for a server"),
        (["evaluate", "--ckpt=run", "--metrics=fid_lite0"], "--metrics are of fid, "),
        (["evaluate", "--ckpt=run", "--extractor=vgg"], "--extractor is one of domain, inception, lite0, "),
        (["evaluate", "--ckpt=run", "--resizer=nearest"], "--resizer is one of tf1_bilinear, clean"),
        (["evaluate", "--ckpt=run", "--test_dataset=mnist"], "--test_dataset is spelled as one of"),
        (["generate", "--ckpt=run"], "Give --output"),
        (["generate", "--output=g.png"], "Give --ckpt"),
        (["generate", "--output=g.png", "--ckpt=a", "--run_dir=b"], "Received: ckpt=a, run_dir=b"),
        (["export"], "Give --ckpt"),
        (["export", "--run_dir=run"], "Give --output"),
        (["export", "--precision=int8"], "<float32|bfloat16>"),
        (["divergence", "--output=m.png"], "give --ckpt or --dataset"),
        (["divergence", "--output=m.png", "--dataset=ring8", "--dataset=mnist"], "--dataset is spelled as one of"),
        (["divergence", "--output=m.png", "--divergence=kl"], "<gaussian_w2|gaussian_kl|"),
        (["demo", "--steps=many"], "--steps"),
    ],
    ids=" ".join,
)
def test_what_is_missing_or_misspelt_is_told_with_the_choices(parse, arguments, message):
    code, out, err = parse(*arguments)
    assert code == 1 and message in out + err and "Traceback" not in out + err


@pytest.mark.parametrize(
    "arguments",
    [
        [*RUN, "--dataset=npz:/digits.npz", "--evaluate_every=1", "--evaluate_metrics=kid_lite0,fid,precision_recall"],
        ["train", "--recipe=run", "--ckpt=again"],
        ["train", "--import_module=mine", "--preset=mine", "--objective=mine", "--dataset=mine:x", "--run_dir=run"],
        ["evaluate", "--run_dir=run", "--extractor=."],
        ["divergence", "--output=m.png", "--ckpt=a", "--run_dir=b"],
    ],
    ids=" ".join,
)
def test_what_is_known_or_may_be_registered_goes_on(parse, arguments):
    with pytest.raises(pytest.fail.Exception, match=f"{arguments[0]} goes on"):
        parse(*arguments)


def test_a_checkpoint_of_a_run_is_named_by_ckpt_or_run_dir(command, finished_run, tmp_path):
    names = [tmp_path / "a.png", tmp_path / "b.png"]
    for flag, output in zip(("ckpt", "run_dir"), names, strict=True):
        code, _, err = command("generate", f"--{flag}={finished_run()}", "--num_images=2", f"--output={output}")
        assert code == 0, err
    assert names[0].read_bytes() == names[1].read_bytes()


@pytest.mark.parametrize(
    "module", [*(f"tfgan_kit.{name}" for name in COMMANDS), "tfgan_kit_client", "tfgan_kit_client.load"]
)
def test_help_takes_less_than_a_second_and_no_tensorflow(module):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", module, "--help"],
        capture_output=True, text=True, timeout=60, env=os.environ | {"KERAS_BACKEND": "none"}, check=False,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    imported = set(re.findall(r"^import time:.*\| +([\w.]+)$", done.stderr, re.MULTILINE))
    assert f"{module.partition('.')[0]}" in imported and not imported & {"tensorflow", "keras", "scipy", "torch"}
    assert "--" in done.stdout, done.stderr[-2000:]
    # Of the processor's time: this machine may have other things to do.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


@pytest.mark.parametrize(
    "options, arguments, is_one",
    [
        ("-m tfgan_kit.train", "--steps 3", True),
        ("-mtfgan_kit.export", "", True),
        ("-X dev -Im tfgan_kit.serving", "", True),
        ("-Imtfgan_kit.demo", "-m x", True),
        ("-m tfgan_kit.trainer", "", False),
        ("-m mine.train", "-m tfgan_kit.train", False),
        ("-m mine", "tfgan_kit.train", False),
    ],
)
def test_a_command_is_told_from_a_user_s_own_package(options, arguments, is_one):
    line = ["python", *options.split(), *arguments.split()]
    assert starts_a_command(["-m", *arguments.split()], line) == is_one


def test_a_program_whose_argument_is_a_command_is_a_program():
    assert not starts_a_command(["mine.py", "tfgan_kit.train"], ["python", "mine.py", "tfgan_kit.train"])
    assert not starts_a_command(["-c", "tfgan_kit.train"], ["python", "-c", "import tfgan_kit", "tfgan_kit.train"])
