"""Is this Keras model, trained anywhere, a generator of images that can be served?"""

import warnings

from tfgan_kit.export.inputs import in_our_order

import keras
import numpy as np
import tensorflow as tf

_ROWS = 4


def check_generator(generator, latent_dim, num_classes, output_range):
    """Runs a generator once and reads off it what the exporter needs.

    Args:
        generator: Keras model of latents, and labels if any, to images (N, H, W, C).
        latent_dim, num_classes: ints, or None to read them off the model.
        output_range: (low, high), the values of black and white.

    Returns:
        `(generator, latent_dim, num_classes, image_shape)`: a model that takes latents (N, Z), or
        `[latents, labels]` with labels int32 (N,), the given one where that does so itself.

    Raises:
        TypeError: it is no Keras model.
        ValueError: it is no generator of images, or its pixels lie outside `output_range`.
    """
    if not isinstance(generator, keras.Model):
        raise TypeError(
            "A generator is a Keras model; make one of a function or a layer with keras.Model(inputs, "
            f"outputs). Received: generator of type {type(generator).__name__}"
        )
    num_classes = num_classes or getattr(generator, "num_classes", None)
    latent_dim = latent_dim or getattr(generator, "latent_dim", None)
    taken, width, classes = in_our_order(generator, latent_dim, num_classes)
    latent_dim = latent_dim or width
    if latent_dim is None:
        raise ValueError(
            "Cannot read the latent dimension off this model: give `latent_dim` (--latent_dim). "
            f"Received: generator={generator.name!r}"
        )
    images = _run(taken, int(latent_dim), classes)
    _check_range(images, output_range)
    return taken, int(latent_dim), classes, images.shape[1:]


def called(model, inputs):
    """A Keras model's answer at inference, compiled by XLA where this processor has no kernel for a layer.

    Raises:
        tf.errors.OpError: XLA has none either, or the inputs do not fit.
    """
    try:
        return model(inputs, training=False)
    except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError) as error:
        if "support" not in error.message:  # "do not yet support dilation rates larger than 1", "only supports NHWC"
            raise
        compiled = tf.function(lambda: model(inputs, training=False), jit_compile=True, autograph=False)
        try:
            return compiled()
        except (tf.errors.OpError, ValueError, TypeError):
            raise error from None


def _run(generator, latent_dim, num_classes):
    """Images of a few rows, float64 (N, H, W, C)."""
    latents = tf.random.stateless_normal([_ROWS, latent_dim], [0, 0], alg="philox")
    labels = None if num_classes is None else tf.constant([0, num_classes - 1] * (_ROWS // 2), tf.int32)
    try:
        images = called(generator, [latents, labels] if num_classes else latents)
    except (ValueError, TypeError, tf.errors.OpError) as error:
        then = f", then labels (N,) from 0 to {num_classes - 1}" if num_classes else ""
        raise ValueError(
            f"The model does not take latents (N, {latent_dim}){then}; is it a generator? Keras says: "
            f"{str(error)[:300]}"
        ) from error
    _check_images(images)
    return tf.cast(images, tf.float64).numpy()


def _check_images(images):
    if isinstance(images, dict | list | tuple):
        raise ValueError(
            "An exported generator has one output, its images: make a model of that output alone, "
            f"keras.Model(model.inputs, model.outputs[k]). Received: {len(images)} outputs"
        )
    shape = tuple(images.shape)
    if len(shape) == 4 and shape[1] in (1, 3) and shape[-1] not in (1, 3):
        raise ValueError(
            "Images go out with their channels last, (N, H, W, C): add a layer "
            "keras.layers.Permute((2, 3, 1)) at the end of a channels_first model. Received: a model "
            f"that answers {shape} for {_ROWS} rows"
        )
    if len(shape) != 4 or shape[0] != _ROWS or shape[-1] not in (1, 3):
        raise ValueError(
            "An exported generator makes images (N, H, W, C), C 1 or 3. Received: a model that "
            f"answers {shape} for {_ROWS} rows"
        )


def _check_range(images, output_range):
    low, high = output_range
    if not (low < high and np.isfinite(high - low)):
        raise ValueError(
            "`output_range` (--output_range) is (low, high), finite numbers, low < high. "
            f"Received: output_range={output_range}"
        )
    if not np.isfinite(images).all():
        raise ValueError(
            "The generator's pixels are not finite: its weights hold NaN or infinity. Export an "
            f"earlier checkpoint. Received: {np.isnan(images).sum()} NaN in {images.size} pixels"
        )
    least, most = images.min(), images.max()
    slack = 0.01 * (high - low)
    if least < low - slack or most > high + slack:
        raise ValueError(
            f"The generator's pixels lie in [{least:.3g}, {most:.3g}], outside `output_range` "
            "(--output_range): a sigmoid's is 0,1, and tanh's -1,1. "
            f"Received: output_range={output_range}"
        )
    if low < 0 <= least:
        warnings.warn(
            f"All pixels lie in [{least:.3g}, {most:.3g}]; if the model ends in a sigmoid, export "
            "with output_range 0,1, or its pictures will be too bright.",
            stacklevel=4,
        )
