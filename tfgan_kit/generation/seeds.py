"""From an image seed, int64, to latents and a label.

`GAN.generate`, the exported model and its certificate use the same functions, so that a seed
determines the same image everywhere.
"""

from tfgan_kit.layers.row_draws import PHILOX, normals, per_row, uniforms

import tensorflow as tf

from tfgan_kit_client.images import image_seeds as image_seeds  # one formula, which the client shares

# Second word of the stateless seed: what is drawn from an image seed.
_LATENTS = 0
_LABEL = 1
_UNIFORMS = 2


@tf.function(reduce_retracing=True)
def latents_from_seeds(seeds, latent_dim):
    """Latents of image seeds: int64 (N,) -> float32 (N, latent_dim) from N(0, 1)."""
    return normals(seeds, _LATENTS, latent_dim)


@tf.function(reduce_retracing=True)
def labels_from_seeds(seeds, num_classes):
    """Labels of image seeds: int64 (N,) -> int32 (N,), uniform in [0, num_classes)."""
    return per_row(
        seeds,
        _LABEL,
        lambda key, counter: tf.raw_ops.StatelessRandomUniformIntV2(
            shape=tf.zeros([0], tf.int32),
            key=key,
            counter=counter,
            alg=PHILOX,
            minval=tf.constant(0),
            maxval=tf.constant(num_classes),
        ),
        tf.TensorSpec([], tf.int32),
    )


@tf.function(reduce_retracing=True)
def uniforms_from_seeds(seeds, latent_dim):
    """Numbers of image seeds beside their latents, for truncation: int64 (N,) -> float32 (N, latent_dim) in [0, 1)."""
    return uniforms(seeds, _UNIFORMS, latent_dim)
