"""What a command prints where nobody watches: lines, ours alone."""

import os
import re
import subprocess
import sys

from tfgan_kit import processor


def test_tensorflows_start_up_lines_are_not_printed(tmp_path):
    """Of a real process: they are written by its C++ before anything of ours runs."""
    (tmp_path / "mine.py").write_text("import tfgan_kit as gk\ngk.networks.DCGANGenerator, gk.GAN, gk.presets.get\n")
    command = [sys.executable, "-m", "tfgan_kit.generate", "--ckpt=nowhere", "--output=grid.png"]
    command += ["--import_module=mine"]  # to which nothing was put off
    environment = os.environ | {processor.ONEDNN: "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=120, check=False
    )
    assert done.returncode == 1 and done.stdout == ""
    assert re.fullmatch(r"error: There is no checkpoint at that path.*nowhere\n", done.stderr)


def test_an_error_while_tensorflow_is_imported_is_printed(tmp_path):
    (tmp_path / "keras.py").write_text("import sys\nprint('I0000 not a line of theirs', file=sys.stderr)\n1 / 0\n")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.getcwd()}"}
    command = [sys.executable, "-m", "tfgan_kit.generate", "--ckpt=nowhere", "--output=grid.png"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "I0000 not a line of theirs\n" in done.stderr and "ZeroDivisionError" in done.stderr


def test_training_prints_a_line_an_epoch(finished_run):
    out = (finished_run().parent / "printed.txt").read_text()
    assert "\b" not in out and "\r" not in out
    epochs = [line for line in out.splitlines() if re.match(r"2/2 - .*d_loss: ", line)]
    assert len(epochs) == 2
