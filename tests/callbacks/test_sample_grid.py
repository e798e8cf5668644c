from tfgan_kit.callbacks import SampleGrid
from tfgan_kit.callbacks.sample_grid import grid

import numpy as np
import pytest
from PIL import Image


def read(path):
    return np.asarray(Image.open(path))


@pytest.mark.thorough
def test_every_epoch_leaves_a_picture_named_by_its_step(reused_gan, dataset, tmp_path):
    gan, folder = reused_gan(), tmp_path / "new" / "samples"
    gan.fit(dataset, epochs=2, callbacks=[SampleGrid(folder, num_images=4)], verbose=0)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["step-00000003.png", "step-00000006.png"]
    np.testing.assert_array_equal(read(folder / names[-1]), np.squeeze(grid(gan, 4)))


def test_untrained_gan_has_the_same_picture_every_time(reused_gan):
    gan = reused_gan()
    np.testing.assert_array_equal(grid(gan, 9, seed=3), grid(gan, 9, seed=3))
    assert not np.array_equal(grid(gan, 9, seed=3), grid(gan, 9, seed=4))


def test_conditional_grid_has_a_column_a_class(make_gan, monkeypatch):
    gan, seen = make_gan(conditional=True), []
    generate = gan.generate

    def remember(num_images, seed, labels):
        seen.extend(labels)
        return generate(num_images, seed=seed, labels=labels)

    monkeypatch.setattr(gan, "generate", remember)
    picture = grid(gan, num_images=9)
    assert seen == [0, 1, 2] * 3
    assert picture.dtype == np.uint8 and picture.shape[0] == picture.shape[1]


@pytest.mark.parametrize("num_images", [1, 2, 5])
def test_any_number_of_images_makes_a_picture(num_images, reused_gan):
    assert grid(reused_gan(), num_images).ndim == 3
