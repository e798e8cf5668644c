"""The whole way, as the README tells it."""

import json
import os
import pathlib
import re
import subprocess
import sys

from tfgan_kit import processor

import pytest
from PIL import Image

from tests.test_processor import KERNEL

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.slow
def test_the_demo_makes_everything_it_names(tmp_path):
    line = [sys.executable, "-m", "tfgan_kit.demo", f"--output={tmp_path / 'demo'}", "--steps=600"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    demo = tmp_path / "demo"
    assert Image.open(demo / "served.png").size == (10 * 86 - 2, 8 * 86 - 2 + 20)
    names = {r["metric"] for r in json.loads((demo / "metrics.json").read_text())["results"]}
    assert {"fd_domain_1250", "kid_domain_1250", "label_agreement_domain_1250", "swd"} <= names
    assert (demo / "metrics.html").exists()
    assert len(list((demo / "run" / "samples").glob("step-*.png"))) == 2
    assert (demo / "models" / "digits" / "1" / "saved_model.pb").exists()
    assert f"--model_base_path={demo.resolve() / 'models' / 'digits'}" in done.stdout


def python_of(page):
    """The Python blocks of a page."""
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


ROAD, THEORY, CLIENT = python_of("README.md")
(REPLICAS,) = (block for block in python_of("docs/training.md") if ".scope()" in block)


def test_the_readmes_road_is_25_lines():
    assert len([line for line in ROAD.splitlines() if line.strip()]) <= 25


@pytest.mark.slow
def test_the_readmes_python_runs_as_it_stands_and_by_onednns_kernels(tmp_path):
    check = "assert abs(images.astype(int) - gan.generate(10, seed=0, labels=range(10))).max() <= 1\n"
    given = "import numpy as np\nlabels = np.arange(10)\nx, y = np.random.normal(size=(2, 99, 3))\n"
    script = ROAD.replace("epochs=20", "epochs=1") + check + given + THEORY
    environment = {key: value for key, value in os.environ.items() if key != processor.ONEDNN}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=environment | {"ONEDNN_VERBOSE": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert KERNEL.search(done.stdout)
