"""One image of any height and width, in tiles without seams."""

import itertools

from tfgan_kit.pixels import to_uint8
from tfgan_kit.ranges import check_sizes

import tensorflow as tf

TILE = 256


def tiles(generator, height, width, seed=0, tile_size=TILE):
    """The tiles of one large image of a `SpatialGenerator`, from left to right and top to bottom.

    The latents at a position depend on (seed, row, column) alone and a pixel on the latents around
    it, so that a tile needs none of its neighbours, memory does not grow with the image, and any
    part of the image can be generated alone.

    Args:
        generator: `SpatialGenerator`; for a GAN, its `ema_generator`.
        height, width: int >= 1, pixels.
        seed: int in [-2^31, 2^31), determines the image.
        tile_size: int >= 1, side of a tile in pixels; rounded up to a multiple of the
            generator's pixels per latent.

    Yields:
        (top, left, uint8 (h, w, C)): the position of a tile in pixels, and the tile, smaller at the image's
        right and lower border.

    Raises:
        ValueError: sizes below 1.

    Example:
        >>> image = np.empty((100, 200, 3), np.uint8)
        >>> generator = gk.networks.SpatialGenerator(image_size=32, latent_channels=4, width=4)
        >>> for top, left, tile in tiles(generator, 100, 200):
        ...     image[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    """
    check_sizes(height=height, width=width, tile_size=tile_size)
    step = generator.pixels_a_latent
    tile_size = -(-tile_size // step) * step
    grid = generator.latents_a_side(tile_size)

    @tf.function
    def make(first_row, first_column):
        rows, columns = first_row + tf.range(grid), first_column + tf.range(grid)
        latents = _latents(rows, columns, generator.latent_channels, seed)
        return to_uint8(generator(latents[None], training=False)[0, :tile_size, :tile_size])

    for top, left in itertools.product(range(0, height, tile_size), range(0, width, tile_size)):
        tile = make(tf.constant(top // step), tf.constant(left // step)).numpy()
        yield top, left, tile[: height - top, : width - left]


def _latents(rows, columns, channels, seed):
    """Latents N(0, 1) at the positions (row, column): float32 (R, C, channels)."""

    places = tf.cast(rows, tf.int64)[:, None] * 2**32 + tf.cast(columns, tf.int64)  # (R, C)

    def draw(place):
        pair = tf.stack([tf.constant(seed, tf.int64), place])
        return tf.random.stateless_normal([channels], pair, alg="philox")

    latents = tf.map_fn(draw, tf.reshape(places, [-1]), fn_output_signature=tf.float32)
    return tf.reshape(latents, [*places.shape, channels])
