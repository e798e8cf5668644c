"""From an image seed, int64, to latents and a label.

`GAN.generate`, the exported model and its certificate use the same functions, so that a seed
determines the same image everywhere.
"""

import tensorflow as tf

from tfgan_kit_client.images import image_seeds as image_seeds  # one formula, which the client shares

# Second word of the stateless seed: what is drawn from an image seed.
_LATENTS = 0
_LABEL = 1
_UNIFORMS = 2
_PHILOX = 1  # `tf.random.Algorithm.PHILOX`, as the raw ops number it
_BLOCK = 8  # rows drawn in one iteration


def _per_row(seeds, stream, draw, spec):
    """`draw(key, counter)` of each row separately, so that no row depends on the others.

    Philox has one key per seed and TensorFlow's kernels take one key per call, so a row costs two
    ops, but not an iteration of the loop: `_BLOCK` rows share one (benchmarks/README.md, "Export").
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


@tf.function(reduce_retracing=True)
def latents_from_seeds(seeds, latent_dim):
    """Latents of image seeds: int64 (N,) -> float32 (N, latent_dim) from N(0, 1)."""
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
    """Labels of image seeds: int64 (N,) -> int32 (N,), uniform in [0, num_classes)."""
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


@tf.function(reduce_retracing=True)
def uniforms_from_seeds(seeds, latent_dim):
    """Numbers of image seeds beside their latents, for truncation: int64 (N,) -> float32 (N, latent_dim) in [0, 1)."""
    return _per_row(
        seeds,
        _UNIFORMS,
        lambda key, counter: tf.raw_ops.StatelessRandomUniformV2(
            shape=[latent_dim], key=key, counter=counter, alg=_PHILOX, dtype=tf.float32
        ),
        tf.TensorSpec([latent_dim], tf.float32),
    )
