"""The suite against a server that it did not fork: by BINARY, and by TARGET. Here that is the embedded one, too."""

import os
import pathlib
import shlex
import subprocess
import sys

import pytest

from tests.integration.conformance import starts

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not starts.FORKED, reason="this is the suite that runs already")]
ROOT = pathlib.Path(__file__).parents[3]
FOLDER = pathlib.Path(__file__).parent.relative_to(ROOT)
COMMAND = [sys.executable, "-m", "tfgan_kit.serving"]
MODULES = ("test_status.py", "test_versions.py", "test_limits.py", "test_rest_monitoring.py")


def _passed(*modules, **variables) -> str:
    """What pytest says of these modules under these variables; it fails where one of the tests does."""
    arguments = ["-m", "not slow", *(FOLDER / module for module in modules)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments],
        env={**os.environ, "TFGAN_KIT_SERVING_EMBEDDED": "1", **variables}, cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-10_000:]
    return done.stdout


def test_by_binary():
    said = _passed(*MODULES, TFGAN_KIT_SERVING_BINARY=shlex.join(COMMAND))
    assert " passed" in said and "skipped" not in said


def test_by_target_twice_and_it_is_left_as_it_was(tmp_path):
    """Its start line is the documented one, with `plain`; modules of the others are skipped."""
    (tmp_path / "models.config").write_text("model_config_list {}")
    ports = starts.free_port(), starts.free_port()
    documented = [sys.executable, "-m", "tests.integration.conformance", "plain", tmp_path]
    lines = subprocess.run(documented, capture_output=True, text=True, check=True).stdout.split()
    lines += [f"--port={ports[0]}", f"--rest_api_port={ports[1]}", f"--model_config_file={tmp_path / 'models.config'}"]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen([*COMMAND, *lines], stdout=log, stderr=log) as process:
        try:
            target = f"localhost:{ports[0]}"
            starts.await_ready(starts.Server(target, None, [], process), tmp_path / "log")
            variables = {
                "TFGAN_KIT_SERVING_TARGET": target,
                "TFGAN_KIT_SERVING_REST_TARGET": f"localhost:{ports[1]}",
                "TFGAN_KIT_SERVING_CONFIG": str(tmp_path / "models.config"),
            }
            for _ in range(2):  # it takes the models once more
                said = _passed(*MODULES, **variables)
                assert " passed" in said and " skipped" in said
            assert process.poll() is None
        finally:
            process.kill()
