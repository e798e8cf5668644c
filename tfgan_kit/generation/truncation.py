"""Truncation by a generator that defines it: fewer kinds of images, each of higher fidelity."""

from tfgan_kit.generation.seeds import latents_from_seeds, uniforms_from_seeds

import numpy as np
import tensorflow as tf


def offers_truncation(generator):
    """Whether a generator's family defines truncation: it has a method `truncated_latents`."""
    return callable(getattr(generator, "truncated_latents", None))


def truncated_from_seeds(generator, seeds, latent_dim, truncation_psi):
    """Latents of image seeds with truncation: each row from its own seed and psi alone.

    Args:
        generator: Keras model with `truncated_latents(latents, uniforms, truncation_psi)`.
        seeds: int64 (N,).
        latent_dim: int, Z.
        truncation_psi: float32 (N,), positive.

    Returns:
        float32 (N, Z).
    """
    latents = latents_from_seeds(seeds, latent_dim)
    return generator.truncated_latents(latents, uniforms_from_seeds(seeds, latent_dim), truncation_psi)


def check_psi(generator, truncation_psi, count):
    """`truncation_psi` of `GAN.generate` as float32 (count,).

    Raises:
        ValueError: the generator does not define truncation; or it is not positive, or not one number or `count`.
    """
    if not offers_truncation(generator):
        raise ValueError(
            "This generator's family does not define truncation (BigGAN's do): leave `truncation_psi` out. "
            f"Received: truncation_psi={truncation_psi} for {type(generator).__name__}"
        )
    psi = np.asarray(truncation_psi, np.float32)
    if psi.shape not in ((), (count,)) or not (psi > 0).all():
        raise ValueError(
            "`truncation_psi` is one positive number, or one per image. "
            f"Received: truncation_psi={truncation_psi} for {count} images"
        )
    return tf.constant(np.broadcast_to(psi, (count,)))
