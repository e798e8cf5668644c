"""From an image's name, an int64 seed, to its latents and label.

The same functions serve `GAN.generate`, the exported model and its certificate, so that a seed
means the same image everywhere.
"""

import numpy as np
import tensorflow as tf

# Second word of the stateless seed: what is drawn from an image's name.
_LATENTS = 0


_LABEL = 1


_PHILOX = 1  # `tf.random.Algorithm.PHILOX`, as the raw ops number it


_BLOCK = 8  # rows drawn in one iteration


SEEDS_PER_STREAM = 2**32


def image_seeds(seed, num_images, start=0):
    """The names of images `start .. start + num_images - 1` of stream `seed`: `seed * 2^32 + k`.

    Args:
        seed: int in [-2^31, 2^31).
        num_images: int >= 0.
        start: int >= 0, the first k; `start + num_images` at most 2^32.

    Returns:
        int64 (num_images,).

    Raises:
        ValueError: outside these ranges.

    Example:
        >>> image_seeds(1, 2)
        array([4294967296, 4294967297])
    """
    if not isinstance(seed, int | np.integer) or not -(2**31) <= seed < 2**31:
        raise ValueError(f"A seed is an integer in [-2^31, 2^31). Received: seed={seed!r}")
    if not isinstance(num_images, int | np.integer):
        raise ValueError(f"Images come in whole numbers. Received: num_images={num_images!r}")
    if num_images < 0 or start < 0 or start + num_images > SEEDS_PER_STREAM:
        raise ValueError(f"A seed names images 0 to 2^32 - 1. Received: start={start}, num_images={num_images}")
    first = int(seed) * SEEDS_PER_STREAM + start
    return np.arange(num_images, dtype=np.int64) + first


def _per_row(seeds, stream, draw, spec):
    """`draw(key, counter)` of each row alone, so that no row depends on its neighbours.

    Philox has one key a seed and TensorFlow's kernels take one key a call, so a row costs two ops,
    but not an iteration of the loop: `_BLOCK` rows share one (benchmarks/README.md, "Export").
    """
    blocks = -(-tf.shape(seeds)[0] // _BLOCK)
    padded = tf.concat([seeds, tf.zeros([blocks * _BLOCK - tf.shape(seeds)[0]], tf.int64)], axis=0)
    pairs = tf.stack([padded, tf.fill(tf.shape(padded), tf.constant(stream, tf.int64))], axis=1)

    def draw_block(pairs):
        # What tf.random.stateless_* does with a seed for alg="philox", there in a dozen ops.
        rows = [tf.raw_ops.StatelessRandomGetKeyCounter(seed=pair) for pair in tf.unstack(pairs)]
        return tf.stack([draw(*row) for row in rows])

    drawn = tf.map_fn(
        draw_block,
        tf.reshape(pairs, [blocks, _BLOCK, 2]),
        fn_output_signature=tf.TensorSpec([_BLOCK, *spec.shape], spec.dtype),
    )  # (blocks, _BLOCK, ...)
    return tf.reshape(drawn, [blocks * _BLOCK, *spec.shape])[: tf.shape(seeds)[0]]


@tf.function(reduce_retracing=True)
def latents_from_seeds(seeds, latent_dim):
    """Latents of the named images: int64 (N,) -> float32 (N, latent_dim) from N(0, 1)."""
    return _per_row(
        seeds,
        _LATENTS,
        lambda key, counter: tf.raw_ops.StatelessRandomNormalV2(
            shape=[latent_dim], key=key, counter=counter, alg=_PHILOX, dtype=tf.float32
        ),
        tf.TensorSpec([latent_dim], tf.float32),
    )


@tf.function(reduce_retracing=True)
def labels_from_seeds(seeds, num_classes):
    """Labels of the named images: int64 (N,) -> int32 (N,), uniform in [0, num_classes)."""
    return _per_row(
        seeds,
        _LABEL,
        lambda key, counter: tf.raw_ops.StatelessRandomUniformIntV2(
            shape=tf.zeros([0], tf.int32),
            key=key,
            counter=counter,
            alg=_PHILOX,
            minval=tf.constant(0),
            maxval=tf.constant(num_classes),
        ),
        tf.TensorSpec([], tf.int32),
    )
