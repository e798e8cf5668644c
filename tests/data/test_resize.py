"""Compositing, cropping, resizing and channels, against hand-made pixels and against Pillow."""

import io

from tfgan_kit.data.decode import decode_image, needs_pillow
from tfgan_kit.data.resize import fit_images

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image


def encode(image, kind, **options):
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def decode(content):
    return decode_image(tf.constant(content), needs_pillow(content)).numpy()


def shown(content):
    """The colours that a viewer shows on white."""
    return fit_images(decode(content), None, 3).numpy()


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("alpha, expected", [(0, 255), (255, 40), (51, 212)])
def test_transparency_shows_white_behind(alpha, expected):
    # 40 at opacity 51 / 255 = 0.2 on white: 0.2 * 40 + 0.8 * 255 = 212
    pixels = np.array([40, 40, 40, alpha], np.uint8).reshape(1, 1, 4)
    np.testing.assert_array_equal(fit_images(pixels, None, 3), np.full([1, 1, 3], expected))
    grey = pixels[..., 2:]
    np.testing.assert_array_equal(fit_images(grey, None, 1), np.full([1, 1, 1], expected))


@pytest.mark.thorough
@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_graph_that_does_not_know_the_channels_gives_what_one_that_does_gives(count, channels):
    image = noise(5, 7, count)
    unknown = tf.function(
        lambda x: fit_images(x, None, channels), input_signature=[tf.TensorSpec([None, None, None], tf.uint8)]
    )
    np.testing.assert_array_equal(unknown(image), fit_images(image, None, channels))


def test_grey_survives_the_way_through_colour_exactly():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    colour = fit_images(levels, None, 3)
    np.testing.assert_array_equal(fit_images(colour, None, 1), levels)


def test_a_colours_grey_is_its_luma():
    # 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2
    pixel = np.array([200, 100, 50], np.uint8).reshape(1, 1, 3)
    assert fit_images(pixel, None, 1).numpy().item() == 124


def test_an_oblong_image_is_cropped_to_its_centre():
    image = np.zeros([2, 6, 1], np.uint8)
    image[:, 2:4] = 255
    np.testing.assert_array_equal(fit_images(image, 2, 1), np.full([2, 2, 1], 255))
    upright = image.transpose(1, 0, 2)
    np.testing.assert_array_equal(fit_images(upright, 2, 1), np.full([2, 2, 1], 255))


def test_an_image_of_the_right_size_is_not_touched():
    image = noise(8, 8, 3)
    np.testing.assert_array_equal(fit_images(image, 8, 3), image)
    unknown = tf.function(lambda x: fit_images(x, 8, 3), input_signature=[tf.TensorSpec([None, None, None], tf.uint8)])
    np.testing.assert_array_equal(unknown(image), image)


def test_resizing_is_antialiased_as_pillow_does_it():
    image = noise(32, 32, 3)
    pillow = np.asarray(Image.fromarray(image).resize((8, 8), Image.Resampling.BILINEAR))
    ours = fit_images(image, 8, 3).numpy()
    # Pillow rounds after each axis: one level of difference.
    assert np.abs(ours.astype(int) - pillow).max() <= 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "height, width, size",
    [(280, 280, 256), (72, 72, 64), (9, 9, 32), (40, 40, 1), (1, 1, 8), (31, 64, 31), (50, 33, 17)],
)
def test_resizing_is_tensorflows_bit_for_bit(height, width, size, channels):
    images = noise(2, height, width, channels)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = images[:, top : top + side, left : left + side]
    expected = tf.round(tf.image.resize(square, [size, size], antialias=True))
    fitted = fit_images(images, size, channels)
    assert fitted.shape == (2, size, size, channels)
    np.testing.assert_array_equal(fitted, expected)
    np.testing.assert_array_equal(fit_images(images[1], size, channels), expected[1])


@pytest.mark.parametrize("level, alpha, expected", [(0, 255, 0), (255, 255, 255), (0, 0, 255)])
@pytest.mark.parametrize("size", [16, 36, 100])
def test_the_extreme_levels_survive_resizing(level, alpha, expected, size):
    # An overflow would show as the other extreme: there is no clipping.
    pixels = np.full([37, 37, 4], level, np.uint8)
    pixels[..., 3] = alpha
    np.testing.assert_array_equal(fit_images(pixels, size, 3), np.full([size, size, 3], expected))


@pytest.mark.parametrize(
    "kind, mode, options",
    [
        ("PNG", "RGB", {}),
        ("PNG", "RGBA", {}),
        ("PNG", "L", {}),
        ("PNG", "LA", {}),
        ("PNG", "P", {}),
        ("PNG", "P", {"transparency": 3}),
        ("PNG", "1", {}),
        ("PNG", "RGB", {"transparency": (0, 0, 0)}),
        ("PNG", "L", {"transparency": 0}),
        ("GIF", "P", {}),
        ("GIF", "P", {"transparency": 3}),
        ("BMP", "RGB", {}),
        ("BMP", "P", {}),
        ("BMP", "1", {}),
        ("BMP", "L", {}),
    ],
)
def test_every_lossless_kind_decodes_to_what_pillow_shows(kind, mode, options):
    pixels = noise(6, 9, 4)
    pixels[:2] = 0  # some of the colour that `transparency` names
    image = Image.fromarray(pixels)
    image = (image.convert("RGB") if mode not in ("RGBA", "LA") else image).convert(mode)
    content = encode(image, kind, **options)
    rgba = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
    np.testing.assert_array_equal(shown(content), fit_images(rgba, None, 3))


def test_a_16_bit_png_keeps_its_upper_8_bits():
    content = encode(Image.fromarray(np.full([2, 2], 40_000, np.uint16)), "PNG")
    np.testing.assert_array_equal(decode(content), np.full([2, 2, 1], 40_000 >> 8))


def test_a_jpeg_that_the_camera_marked_as_turned_is_upright():
    pixels = np.zeros([8, 16, 3], np.uint8)
    pixels[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the first row is the right-hand side: turn clockwise to view
    content = encode(Image.fromarray(pixels), "JPEG", exif=exif, quality=95)
    image = decode(content)
    assert image.shape[:2] == (16, 8)
    assert image[:6].min() > 200 and image[-6:, :, :3].max() < 50


def test_the_first_frame_of_an_animation_is_the_image():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    content = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(shown(content)[0, 0], [255, 0, 0])
