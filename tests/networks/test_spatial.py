"""The fully convolutional pair: images of any size, and tiles of one that agree."""

import tfgan_kit as gk
from tfgan_kit.generation.tiles import tiles

import numpy as np
import pytest
import tensorflow as tf

from tests.twins import twins

SCALE = 4  # 2 ** num_stages


def generator(**arguments):
    small = dict(image_size=16, channels=2, latent_channels=3, width=4, num_stages=2)
    return gk.networks.SpatialGenerator(**(small | arguments))


def grid(height, width, seed=0):
    return np.random.default_rng(seed).normal(size=(1, height, width, 3)).astype(np.float32)


@pytest.mark.parametrize("image_size", [8, 15, 16, 33])
@pytest.mark.parametrize("num_stages", [1, 3])
def test_flat_latents_make_images_of_the_size_it_is_trained_on(image_size, num_stages):
    made = generator(image_size=image_size, num_stages=num_stages)
    images = made(np.zeros((2, made.latent_dim), np.float32))
    assert images.shape == (2, image_size, image_size, 2)


@pytest.mark.parametrize("height, width", [(5, 5), (6, 11)])
def test_a_grid_of_any_size_makes_an_image(height, width):
    images = generator()(grid(height, width))
    assert images.shape == (1, SCALE * (height - 4) + 4, SCALE * (width - 4) + 4, 2)


@pytest.mark.parametrize("axis", [1, 2])
def test_moving_the_latents_by_one_moves_the_image_by_the_pixels_of_one(axis):
    made, latents = generator(), grid(9, 9)
    whole, rest = made(latents), made(np.delete(latents, 0, axis=axis))
    moved = np.delete(whole, range(SCALE), axis=axis)
    np.testing.assert_allclose(rest, moved, atol=1e-5)


def test_a_pixel_depends_on_the_latents_around_it_alone():
    made, latents = generator(), grid(12, 12)
    other = latents.copy()
    other[0, 11, 11] += 5.0
    difference = np.abs(made(latents) - made(other)).max(axis=(0, 3))
    assert difference[-1, -1] > 0
    # The last latent reaches 5 latents' pixels at most.
    assert difference[: -5 * SCALE].max() == difference[:, : -5 * SCALE].max() == 0


@pytest.mark.parametrize("shape", [(40, 64, 1), (9, 11, 3)])
def test_discriminator_answers_one_logit_for_an_image_of_any_size(shape):
    discriminator = gk.networks.PatchDiscriminator(channels=shape[-1], width=4, num_stages=3)
    assert discriminator(np.zeros((2, *shape), np.float32)).shape == (2, 1)


def assemble(network, height, width, seed=0, tile_size=256):
    """The whole image that the tiles make: uint8 (height, width, C)."""
    image = np.empty((height, width, network.channels), np.uint8)
    for top, left, tile in tiles(network, height, width, seed, tile_size):
        image[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return image


def trained(images):
    tf.keras.utils.set_random_seed(0)
    gan = gk.GAN(generator(), gk.networks.PatchDiscriminator(2, width=4))
    gan.compile("adam", "adam")
    gan.fit(images, batch_size=8, verbose=0)
    return gan


IMAGES = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 2), np.uint8)


@pytest.mark.slow
@pytest.mark.thorough
def test_pair_trains_and_reloads(tmp_path):
    gan = trained(IMAGES)
    gan.save(tmp_path / "gan.keras")
    again = tf.keras.models.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(gan.generate(3), again.generate(3))
    np.testing.assert_array_equal(gan.ema_generator(grid(7, 9)), again.ema_generator(grid(7, 9)))


@pytest.mark.thorough
@twins("size", [20, 16, 64])
def test_tiles_of_any_size_make_the_same_image(size):
    gan = trained(IMAGES)
    whole = assemble(gan.ema_generator, 50, 70, seed=3, tile_size=128).astype(int)
    pieces = assemble(gan.ema_generator, 50, 70, seed=3, tile_size=size).astype(int)
    assert np.abs(whole - pieces).max() <= 1  # another shape may round another way
    assert whole.std() > 1


def test_tiles_cover_the_image_and_no_more():
    covered = np.zeros((50, 70), int)
    for top, left, tile in tiles(generator(), 50, 70, tile_size=32):
        assert tile.dtype == np.uint8
        covered[top : top + tile.shape[0], left : left + tile.shape[1]] += 1
    assert (covered == 1).all()


@pytest.mark.thorough
def test_a_part_of_a_huge_image_is_the_same_in_a_larger_one():
    made = generator()
    small, large = assemble(made, 30, 30, tile_size=32), assemble(made, 64, 90, tile_size=32)
    np.testing.assert_array_equal(small, large[:30, :30])


@pytest.mark.thorough
def test_seed_names_the_image():
    made = generator()
    assert np.abs(assemble(made, 16, 16, seed=0).astype(int) - assemble(made, 16, 16, seed=1)).max() > 5


def test_memory_does_not_grow_with_the_image():
    """A tile at a time: the first is there before the last is thought of."""
    top, left, tile = next(tiles(generator(), 10**6, 10**6, tile_size=32))
    assert (top, left, tile.shape) == (0, 0, (32, 32, 2))


@pytest.mark.parametrize(
    "sizes", [dict(height=0, width=5), dict(height=5, width=-1), dict(height=5, width=5, tile_size=0)]
)
def test_an_image_without_pixels_is_refused(sizes):
    with pytest.raises(ValueError, match="must be at least 1. Received:"):
        next(tiles(generator(), **sizes))


@pytest.mark.parametrize("name", ["channels", "latent_channels", "width", "num_stages"])
def test_generator_with_fewer_than_one_of_anything_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1. Received: {name}=0"):
        generator(**{name: 0})


def test_images_below_eight_pixels_are_refused():
    with pytest.raises(ValueError, match="`image_size` must be at least 8"):
        generator(image_size=7)
