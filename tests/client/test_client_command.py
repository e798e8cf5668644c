"""`python -m tfgan_kit_client`: a grid, a folder, and every way to ask wrongly."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.serving import toy
from tfgan_kit_client import image_seeds
from tfgan_kit_client.pictures import tile


def run(folder, *flags):
    done = subprocess.run(
        [sys.executable, "-m", "tfgan_kit_client", "--model_name=toy", *flags],
        capture_output=True, text=True, timeout=60, cwd=folder,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_png_is_a_grid_of_the_images(target, tmp_path):
    code, text = run(
        tmp_path, f"--target={target}", "--num_images=5", "--labels=0,1", "--output=served.png"
    )
    assert code == 0, text
    assert "5 images from toy version 1" in text and "images/s" in text
    grid = tile(toy.expected(image_seeds(0, 5), [0, 1, 0, 1, 0]))
    np.testing.assert_array_equal(np.array(Image.open(tmp_path / "served.png")), grid[..., 0])
    assert [path.name for path in tmp_path.iterdir()] == ["served.png"]


@pytest.mark.parametrize("address", ["target", "unconditional"])
def test_a_folder_gets_a_png_an_image_named_by_its_seed(request, address, tmp_path):
    # The unconditional toy has no _png signatures: its images are encoded here.
    target = request.getfixturevalue(address)
    code, text = run(
        tmp_path, f"--target={target}", "--num_images=3", "--seed=1", "--batch_size=2",
        "--output=made/",
    )  # fmt: skip
    assert code == 0, text
    names = sorted(path.name for path in (tmp_path / "made").iterdir())
    assert names == [f"{2**32 + k}.png" for k in range(3)]
    image = np.array(Image.open(tmp_path / "made" / names[2]))
    np.testing.assert_array_equal(image, toy.expected([2**32 + 2])[0, ..., 0])


@pytest.mark.parametrize(
    "flags, reason",
    [
        (["--num_images=0", "--output=a.png"], "num_images"),
        (["--labels=a,b", "--output=a.png"], "--labels takes integers"),
        (["--output=a.jpg"], "--output is a FILE.png or a FOLDER/"),
        (["--output=no/where/a.png"], "there is no folder no/where"),
        (["--target=localhost:1", "--output=a.png"], "Nothing was made: no server answers"),
        ([], "--output"),
    ],
)
def test_a_bad_command_exits_with_1_and_writes_nothing(tmp_path, flags, reason):
    code, text = run(tmp_path, *flags)
    assert code == 1 and reason in text and "Traceback" not in text
    assert list(tmp_path.iterdir()) == []
