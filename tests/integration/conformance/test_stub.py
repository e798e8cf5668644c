"""The suite against a server that behaves as TensorFlow Serving was measured to: by BINARY, and by TARGET."""

import os
import pathlib
import shlex
import subprocess
import sys

import pytest

from tests.integration.conformance import starts, stub

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not starts.EMBEDDED, reason="this is the suite that runs already")]
ROOT = pathlib.Path(__file__).parents[3]
FOLDER = pathlib.Path(__file__).parent.relative_to(ROOT)
STUB = [sys.executable, "-m", "tests.integration.conformance.stub"]


LEFT_OUT = (*stub.NOT_IMITATED, "test_rest_hostile.py::test_ten_thousand_malformed_requests")


def _passed(*modules, **variables) -> str:
    """What pytest says of the suite, or of modules, under these variables; it fails where one of the tests does."""
    arguments = [FOLDER / module for module in modules] or [FOLDER, f"--ignore={FOLDER / 'test_stub.py'}"]
    arguments += [f"--deselect={FOLDER / case}" for case in LEFT_OUT]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments],
        env={**os.environ, **variables}, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-10_000:]
    return done.stdout


def test_by_binary():
    said = _passed(TFGAN_KIT_SERVING_BINARY=shlex.join(STUB), TFGAN_KIT_SERVING_START_SECONDS="60")
    assert " passed" in said


def test_by_target_it_is_left_as_it_was(tmp_path):
    """Its start line is the documented one, with `plain`; modules of the others are skipped."""
    (tmp_path / "models.config").write_text("model_config_list {}")
    ports = starts.free_port(), starts.free_port()
    documented = [sys.executable, "-m", "tests.integration.conformance", "plain", tmp_path]
    lines = subprocess.run(documented, capture_output=True, text=True, check=True).stdout.split()
    lines += [f"--port={ports[0]}", f"--rest_api_port={ports[1]}", f"--model_config_file={tmp_path / 'models.config'}"]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen([*STUB, *lines], stdout=log, stderr=log) as process:
        try:
            target = f"localhost:{ports[0]}"
            starts.await_ready(starts.Server(target, None, [], process), tmp_path / "log")
            variables = {
                "TFGAN_KIT_SERVING_TARGET": target,
                "TFGAN_KIT_SERVING_REST_TARGET": f"localhost:{ports[1]}",
                "TFGAN_KIT_SERVING_CONFIG": str(tmp_path / "models.config"),
            }
            said = _passed(**variables)
            assert " passed" in said and " skipped" in said
            _passed("test_status.py", "test_rest_monitoring.py", **variables)  # it takes the models once more
            assert process.poll() is None and stub.WRECKED not in (tmp_path / "log").read_text()
        finally:
            process.kill()
