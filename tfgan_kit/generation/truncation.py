"""Truncation by a generator whose family defines it: fewer kinds of images, each of higher fidelity.

One call for all families, `truncation_of(generator).images(inputs, uniforms, truncation_psi)`; what psi moves is the
family's: BigGAN's latents, which are drawn again beyond it, or a StyleGAN's w, which come closer to their mean.
"""

from tfgan_kit.generation.styles import has_styles, own_noise_mode

import numpy as np
import tensorflow as tf


class Redrawn:
    """Truncation of latents (arXiv:1809.11096, section 3.1): those beyond psi are drawn again.

    Args:
        generator: Keras model with `truncated_latents(latents, uniforms, truncation_psi)`.
    """

    allowed = "positive"
    meaning = "latents beyond it are drawn again"

    def __init__(self, generator):
        self._generator = generator

    @staticmethod
    def allows(truncation_psi):
        """Whether each psi is allowed, of an array or a tensor."""
        return truncation_psi > 0.0

    def latents(self, latents, uniforms, truncation_psi):
        """Latents float32 (N, Z) within psi float32 (N,); uniforms (N, Z) decide what is drawn."""
        return self._generator.truncated_latents(latents, uniforms, truncation_psi)

    def images(self, inputs, uniforms, truncation_psi):
        """The generator's images with truncation.

        Args:
            inputs: latents (N, Z), or `[latents, labels]`, as the generator takes them.
            uniforms: float32 (N, Z) in [0, 1), independent of the latents.
            truncation_psi: float32 (N,).
        """
        latents, *labels = tf.nest.flatten(inputs)
        latents = self.latents(latents, uniforms, truncation_psi)
        return self._generator([latents, *labels] if labels else latents, training=False)


class TowardMean:
    """Truncation of w (arXiv:1812.04948, appendix B): `w_avg + psi (w - w_avg)`, w_avg their mean in training.

    psi 1 is no truncation, and 0 gives all latents the mean image; beyond 1 images are more extreme, and below 0
    the opposites of what they were.

    Args:
        generator: StyleGAN generator, with `mapping` and `synthesis`.
    """

    allowed = "from -2 to 2"
    meaning = "1 is no truncation, 0 the mean image"

    def __init__(self, generator):
        self._generator = generator

    @staticmethod
    def allows(truncation_psi):
        """Whether each psi is allowed, of an array or a tensor."""
        return abs(truncation_psi) <= 2.0

    def ws(self, ws, truncation_psi):
        """w float32 (N, num_ws, W) of latents, closer to their mean by psi float32 (N,)."""
        return self._generator.mapping.truncated(ws, truncation_psi)

    def images(self, inputs, uniforms, truncation_psi):
        """The generator's images with truncation; `uniforms` are not used."""
        generator, (latents, *labels) = self._generator, tf.nest.flatten(inputs)
        ws = generator.mapping(latents, *labels, truncation_psi=truncation_psi)
        seeds = generator.noise_seeds_of(latents)
        return generator.synthesis(ws, noise_mode=own_noise_mode(generator), noise_seeds=seeds)


def truncation_of(generator):
    """How a generator's family truncates: a `Redrawn` or a `TowardMean`; None if it does not.

    A family that draws latents again has a method `truncated_latents`; StyleGANs are known by their styles.
    """
    if has_styles(generator):
        return TowardMean(generator)
    return Redrawn(generator) if callable(getattr(generator, "truncated_latents", None)) else None


def check_psi(generator, truncation_psi, count):
    """`truncation_psi` of `GAN.generate` as float32 (count,).

    Raises:
        ValueError: the generator does not define truncation; or it is out of its range, or not one number or `count`.
    """
    truncation = truncation_of(generator)
    if truncation is None:
        raise ValueError(
            "This generator's family does not define truncation (BigGAN's and the StyleGANs do): leave "
            f"`truncation_psi` out. Received: truncation_psi={truncation_psi} for {type(generator).__name__}"
        )
    psi = np.asarray(truncation_psi, np.float32)
    if psi.shape not in ((), (count,)) or not truncation.allows(psi).all():
        raise ValueError(
            f"`truncation_psi` of this family must be {truncation.allowed}, one number or one per image: "
            f"{truncation.meaning}. Received: truncation_psi={truncation_psi} for {count} images"
        )
    return tf.constant(np.broadcast_to(psi, (count,)))
