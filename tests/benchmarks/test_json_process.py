import os
import pathlib
import sys

import pytest

from benchmarks.json_process import LAST_LINES, JsonProcess

pytestmark = pytest.mark.thorough

ECHO = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
DIES = "import sys\nfor k in range(50): print('line', k, file=sys.stderr)\nsys.exit(3)"


def started(code, **arguments):
    return JsonProcess("The echo", [sys.executable, "-c", code], **arguments)


def test_a_request_is_answered():
    process = started(ECHO)
    assert process.ask(a=1, b=[2]) == {"a": 1, "b": [2]}
    process.close()


def test_a_dead_process_is_named_with_its_last_words(tmp_path):
    process = started(DIES)
    process._process.wait()  # so that the request breaks the pipe
    with pytest.raises(ChildProcessError, match="The echo ended with exit code 3") as error:
        process.ask(padding="x" * 100_000)
    said = str(error.value).splitlines()[1:]
    assert said == [f"line {k}" for k in range(50 - LAST_LINES, 50)]
    process.close()


def test_an_answer_that_is_cut_is_the_end_of_the_process():
    process = started("import sys; sys.stdout.write('{\"a\"'); sys.exit('torn')")
    with pytest.raises(ChildProcessError, match="exit code 1.*\ntorn"):
        process.answer()
    process.close()


def test_a_process_that_cannot_start_leaves_nothing_open(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere") as error:
        JsonProcess("None", [str(tmp_path / "nowhere")], log=tmp_path / "log")
    files = [os.path.realpath(path) for path in pathlib.Path("/proc/self/fd").iterdir()]
    assert str(tmp_path / "log") not in files
    del error  # what kept the constructor's own variables alive until here


def test_close_ends_it():
    process = started(ECHO)
    process.close()
    assert process._process.returncode == 0
