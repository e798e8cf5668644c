"""Many images as one picture, and a picture as a file."""

import resource

import numpy as np
import pytest
from PIL import Image

from tfgan_kit_client.outputs import write_array
from tfgan_kit_client.pictures import tile, write_png


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_shows_every_image_row_by_row_between_white_gaps(channels):
    images = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((4, 5, channels), np.uint8)
    grid = tile(images, columns=2)
    assert grid.shape == (4 + 2 + 4, 5 + 2 + 5, channels)
    assert (grid[:4, :5] == 0).all() and (grid[:4, 7:] == 1).all() and (grid[6:, :5] == 2).all()
    assert (grid[4:6] == 255).all() and (grid[:, 5:7] == 255).all() and (grid[6:, 7:] == 255).all()


@pytest.mark.parametrize("number, side", [(1, 1), (4, 2), (5, 3), (9, 3)])
def test_without_columns_the_grid_is_the_least_square(number, side):
    assert tile(np.zeros((number, 2, 2, 1), np.uint8)).shape[1] == 4 * side - 2


@pytest.mark.parametrize("images", [np.zeros((0, 2, 2, 1), np.uint8), np.zeros((1, 2, 2, 1))])
def test_what_is_no_image_is_refused(images):
    with pytest.raises(ValueError, match="Received: "):
        tile(images)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_holds_the_picture_and_leaves_no_other_file(tmp_path, channels):
    picture = np.arange(12 * channels, dtype=np.uint8).reshape(3, 4, channels)
    write_png(tmp_path / "one.png", picture)
    read = np.array(Image.open(tmp_path / "one.png")).reshape(picture.shape)
    np.testing.assert_array_equal(read, picture)
    assert [path.name for path in tmp_path.iterdir()] == ["one.png"]


def test_an_array_on_a_full_disk_is_an_error_with_its_name_and_ends_no_process(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
    try:
        with pytest.raises(OSError, match="all.npy"):
            write_array(tmp_path / "all.npy", np.zeros((9, 8, 8, 1), np.uint8), 9)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
