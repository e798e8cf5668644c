"""Is this Keras model, trained anywhere, a generator of images that can be served?"""

import warnings

import numpy as np
import tensorflow as tf

_ROWS = 4


def check_generator(generator, latent_dim, num_classes, output_range):
    """Runs a generator once and reads off it what the exporter needs.

    Args:
        generator: Keras model, latents (N, Z), or `[latents, labels]`, to images (N, H, W, C).
        latent_dim, num_classes: ints, or None to read them off the model.
        output_range: (low, high), the values of black and white.

    Returns:
        `(latent_dim, num_classes, image_shape)`.

    Raises:
        ValueError: it is no generator of images, or its pixels lie outside `output_range`.
    """
    inputs = getattr(generator, "inputs", None) or []
    if inputs and len(inputs[0].shape) != 2 or len(inputs) > 1 and "int" in inputs[0].dtype:
        raise ValueError(
            "A generator takes latents (N, Z), or [latents, labels] in this order. Received: first "
            f"input {inputs[0].name!r} of shape {inputs[0].shape}, dtype {inputs[0].dtype}"
        )
    latent_dim = latent_dim or getattr(generator, "latent_dim", None)
    latent_dim = latent_dim or (inputs[0].shape[-1] if inputs else None)
    num_classes = num_classes or getattr(generator, "num_classes", None)
    if latent_dim is None:
        raise ValueError(
            "Cannot read the latent dimension off this model: give `latent_dim` (--latent_dim). "
            f"Received: generator={generator.name!r}"
        )
    if len(inputs) > 1 and num_classes is None:
        raise ValueError(
            "This model takes labels, and the server must know how many there are: give "
            f"`num_classes` (--num_classes). Received: a model of {len(inputs)} inputs"
        )
    images = _run(generator, int(latent_dim), num_classes)
    _check_range(images, output_range)
    return int(latent_dim), num_classes, images.shape[1:]


def _run(generator, latent_dim, num_classes):
    """Images of a few rows, float64 (N, H, W, C)."""
    latents = tf.random.stateless_normal([_ROWS, latent_dim], [0, 0], alg="philox")
    labels = tf.zeros([_ROWS], tf.int32)
    try:
        images = generator([latents, labels] if num_classes else latents, training=False)
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        raise ValueError(
            f"The model does not take latents (N, {latent_dim})"
            f"{', then labels (N,)' if num_classes else ''}; is it a generator? Keras says: "
            f"{str(error)[:300]}"
        ) from error
    shape = tuple(images.shape) if hasattr(images, "shape") else ()
    if len(shape) != 4 or shape[0] != _ROWS or shape[-1] not in (1, 3):
        raise ValueError(
            "An exported generator makes images (N, H, W, C), C 1 or 3. Received: a model that "
            f"answers {shape or type(images).__name__} for {_ROWS} rows"
        )
    return tf.cast(images, tf.float64).numpy()


def _check_range(images, output_range):
    low, high = output_range
    if not low < high:
        raise ValueError(f"`output_range` is (low, high), low < high. Received: {output_range}")
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
