"""`serving/README.md`, the operator's page: what it says to type is typed, from top to bottom.

    TFGAN_KIT_RUN=demo/run pytest -m slow tests/integration/test_operator_page.py

does so with a run of one's own, here the demo's, in place of a small untrained GAN.
"""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

import tfgan_kit as gk
from tfgan_kit.runs.run import Run

import keras
import pytest
from PIL import Image

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "serving" / "README.md").read_text()
RUN, NOT_RUN = (re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE) for kind in ("sh", "console"))


def flags(program):
    """The flags, with what they are set to, of the page's first command of a program."""
    line = re.search(rf"^{re.escape(program)} ((?:.*\\\n)*.*)", PAGE, re.MULTILINE).group(1)
    return dict(re.findall(r"--(\w+)(=\S+)?", line))


@pytest.mark.parametrize("block", [*RUN, *NOT_RUN])
def test_every_block_is_bash(block):
    done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_block_says_whether_it_was_run():
    assert len(re.findall(r"^```\w", PAGE, re.MULTILINE)) == len(RUN) + len(NOT_RUN)


def test_both_servers_are_started_by_one_line():
    ours, theirs = flags("python -m tfgan_kit.serving"), flags("tensorflow_model_server")
    assert ours.pop("model_config_file_poll_wait_seconds") == "=1"  # so that a reader need not wait
    assert theirs.pop("model_config_file_poll_wait_seconds") == "=5"
    assert ours == theirs


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w-]+\.(?:config|ya?ml|sh))`", PAGE))))
def test_files_that_the_page_names_are_there(path):
    assert (ROOT / "serving" / path).is_file()


@pytest.fixture
def at_work(tmp_path):
    """A folder as the page finds it: `serving/`, and a run of a conditional GAN."""
    (tmp_path / "serving").symlink_to(ROOT / "serving")
    if given := os.environ.get("TFGAN_KIT_RUN"):
        shutil.copytree(given, tmp_path / "runs" / "digits")
        return tmp_path
    gan = gk.GAN(
        gk.networks.DCGANGenerator(16, 1, latent_dim=8, width=8, num_classes=10),
        gk.networks.DCGANDiscriminator(16, 1, width=2, num_classes=10),
    )
    gan.compile(keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4), objective="non_saturating")
    Run(tmp_path / "runs" / "digits").save(gan)
    return tmp_path


def free_ports(number):
    """Ports that nobody listens on, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.mark.slow
def test_the_page_runs_as_it_stands(at_work):
    grpc, rest, tls = free_ports(3)
    script = "trap 'kill $(jobs -p)' EXIT\n" + "\n".join(RUN)
    for written, free in (("8500", grpc), ("8501", rest), ("8600", tls)):
        script = script.replace(written, free)
    folder = pathlib.Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "REST_PORT": rest}
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=at_work,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,  # 45 s of one core, most of it ten imports of TensorFlow
    )
    live = at_work / "live"
    log = live / "server.log"
    assert done.returncode == 0, done.stderr[-3000:] + (log.read_text()[-3000:] if log.exists() else "")
    for name in ("images", "canary", "stable"):
        assert len(json.loads((live / f"{name}.json").read_text())["predictions"]) == 3
    assert Image.open(live / "served.png").size[0] > 16
    assert Image.open(live / "over_tls.png").size[0] > 16 and not (live / "refused.png").exists()
    [step] = json.loads((live / "load" / "results.json").read_text())["steps"]
    assert step["answered"] > 0 and step["errors"] == {}
    exposed = set(re.findall(r"# TYPE (\S+)", (live / "metrics.txt").read_text()))
    assert {"request_count", "request_latency", "runtime_latency"} <= {name.rpartition(":")[2] for name in exposed}
    left = {path.name for path in (at_work / "models" / "digits").iterdir() if path.is_dir()}
    assert left == {"1", "2", "withdrawn-3"}
