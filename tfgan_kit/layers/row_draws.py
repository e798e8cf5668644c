"""Random numbers of rows: each row's from its own seed, int64, whatever batch it is in."""

import numpy as np
import tensorflow as tf

PHILOX = 1  # `tf.random.Algorithm.PHILOX`, as the raw ops number it
_BLOCK = 8  # rows drawn in one iteration
_STEP = 1 / 16  # of latents whose seed is taken: 6 bits a number of N(0, 1)


def per_row(seeds, stream, draw, spec):
    """`draw(key, counter)` of each row separately, so that no row depends on the others.

    Philox has one key per seed and TensorFlow's kernels take one key per call, so a row costs two
    ops, but not an iteration of the loop: `_BLOCK` rows share one (benchmarks/README.md, "Export").

    Args:
        seeds: int64 (N,).
        stream: int, second word of the stateless seed: what is drawn.
        draw: callable, key and counter of a stateless random op -> tensor.
        spec: `tf.TensorSpec` of what it draws.

    Returns:
        (N, ...) of that dtype.
    """
    blocks = -(-tf.shape(seeds)[0] // _BLOCK)
    padded = tf.concat([seeds, tf.zeros([blocks * _BLOCK - tf.shape(seeds)[0]], tf.int64)], axis=0)
    pairs = tf.stack([padded, tf.fill(tf.shape(padded), tf.constant(stream, tf.int64))], axis=1)

    def draw_block(pairs):
        # What tf.random.stateless_* does with a seed for alg="philox", in fewer ops.
        rows = [tf.raw_ops.StatelessRandomGetKeyCounter(seed=pair) for pair in tf.unstack(pairs)]
        return tf.stack([draw(*row) for row in rows])

    drawn = tf.map_fn(
        draw_block,
        tf.reshape(pairs, [blocks, _BLOCK, 2]),
        fn_output_signature=tf.TensorSpec([_BLOCK, *spec.shape], spec.dtype),
    )  # (blocks, _BLOCK, ...)
    return tf.reshape(drawn, [blocks * _BLOCK, *spec.shape])[: tf.shape(seeds)[0]]


def normals(seeds, stream, count):
    """float32 (N, count) from N(0, 1)."""
    return _numbers(tf.raw_ops.StatelessRandomNormalV2, seeds, stream, count)


def uniforms(seeds, stream, count):
    """float32 (N, count) in [0, 1)."""
    return _numbers(tf.raw_ops.StatelessRandomUniformV2, seeds, stream, count)


def _numbers(law, seeds, stream, count):
    def draw(key, counter):
        return law(shape=[count], key=key, counter=counter, alg=PHILOX, dtype=tf.float32)

    return per_row(seeds, stream, draw, tf.TensorSpec([count], tf.float32))


def seeds_of_latents(latents):
    """A seed of each row's latents, rounded to 1/16, so that the last bits of another processor do not matter.

    Args:
        latents: float32 (N, Z).

    Returns:
        int64 (N,).

    Example:
        >>> seeds = seeds_of_latents(tf.constant([[0.5, 1.0], [0.5, 1.001], [0.5, 2.0]])).numpy()
        >>> bool(seeds[0] == seeds[1]), bool(seeds[0] == seeds[2])
        (True, False)
    """
    return _hashed(tf.cast(tf.round(latents / _STEP), tf.int64))


def seeds_of_bits(x):
    """A seed of each row's bits: float32 (N, ...) to int64 (N,)."""
    return _hashed(tf.cast(tf.bitcast(tf.reshape(x, (tf.shape(x)[0], np.prod(x.shape[1:]))), tf.int32), tf.int64))


def _hashed(numbers):
    """int64 (N, K) to int64 (N,): a sum with fixed odd factors, modulo 2^64, which Philox then scrambles."""
    factors = np.random.RandomState(0).randint(-(2**63), 2**63 - 1, numbers.shape[-1], np.int64) | 1
    return tf.reduce_sum(numbers * factors, axis=-1)
