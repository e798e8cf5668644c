"""What a shell does to a command: a pipe that is closed, a full disk, warnings as errors, `~` in a flag's value."""

import json
import os
import subprocess
import sys

import pytest

from tfgan_kit_client.command_line import command

LINES = 20_000
PROGRAM = f"""
import os, sys, warnings
from absl import flags
from tfgan_kit_client import command_line
flags.DEFINE_string("output", None, "")
flags.DEFINE_multi_string("ckpt", [], "")

def main():
    if flags.FLAGS.output == "warn":
        warnings.warn("this is old", DeprecationWarning)
    if flags.FLAGS.output == "stop":
        raise ValueError("a mistake")
    print(flags.FLAGS.output, *flags.FLAGS.ckpt)
    if flags.FLAGS.output == "many":
        print("line\\n" * {LINES})

command_line.run(main)
"""


def run(*arguments, stdout=subprocess.PIPE, **environment):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], stdout=stdout, stderr=subprocess.PIPE, timeout=60,
        env=os.environ | environment, check=False,
    )  # fmt: skip


def test_a_reader_that_has_read_enough_ends_it_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    done = run("--output=many", stdout=writer)
    os.close(writer)
    assert done.stderr == b"" and done.returncode == 1


@pytest.mark.parametrize("arguments", [["--output=many"], ["--output=few"], ["--output=stop"]], ids=str)
def test_a_full_output_is_one_line(arguments):
    with open("/dev/full", "wb") as full:
        done = run(*arguments, stdout=full)
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line == ("error: a mistake" if "stop" in arguments[0] else "error: [Errno 28] No space left on device")


def test_closed_output_is_no_mistake():
    command = f"exec {sys.executable} -c '{PROGRAM}' --output=few >&-"
    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_warning_that_is_an_error_is_one_line():
    done = run("--output=warn", PYTHONWARNINGS="error::DeprecationWarning:__main__")
    assert (done.returncode, done.stderr) == (1, b"error: this is old\n")


def test_a_tilde_is_the_home_folder_in_every_flag(tmp_path):
    done = run("--output=~/grid.png", "--ckpt=~/one", "--ckpt=~", HOME=str(tmp_path))
    assert done.stdout.decode().split() == [f"{tmp_path}/grid.png", f"{tmp_path}/one", str(tmp_path)]


def test_a_path_of_any_bytes_is_printed():
    done = run(b"--output=caf\xe9", PYTHONIOENCODING="utf-8:strict")
    assert (done.returncode, done.stdout) == (0, b"caf\\udce9\n")


@pytest.mark.parametrize("value", ["runs/digits", "my runs/it's", "$HOME/x;ls", "-x", "caf\u00e9 \n"])
def test_a_printed_command_can_be_pasted(value, tmp_path):
    """The shell gives the program the words that were meant."""
    text = command("x", output=value, steps=None, ckpt=[1])
    show = f"python() {{ {sys.executable} -c 'import json, sys; print(json.dumps(sys.argv[1:]))' -- \"$@\"; }}\n"
    done = subprocess.run(["/bin/bash", "-c", show + text], capture_output=True, text=True, check=True)
    words = json.loads(done.stdout)
    assert words[:3] == ["--", "-m", "x"]
    assert words[3:] == ([f"--output={value}"] if value == "-x" else ["--output", value]) + ["--ckpt", "[1]"]
