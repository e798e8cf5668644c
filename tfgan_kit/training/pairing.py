"""Checks that a generator and a discriminator fit together, and reads their sizes."""

from tfgan_kit.generation.judgement import CLASSES, LOGITS, takes_labels
from tfgan_kit.generation.sample import pack
from tfgan_kit.generation.translation import takes_images

import tensorflow as tf


def read_latent_dim(generator):
    """Z of a generator: its attribute `latent_dim`, or the last axis of its first input."""
    dim = getattr(generator, "latent_dim", None)
    if dim is None and getattr(generator, "inputs", None):
        dim = generator.inputs[0].shape[-1]
    if dim is None:
        raise ValueError(
            "Cannot read the latent dimension from the generator: give `latent_dim` to GAN, or "
            f"build the generator on its inputs first. Received: generator={generator!r}"
        )
    return int(dim)


def read_condition_shape(generator):
    """(H, W, C) of the images that a generator translates; None of one that takes latents.

    Raises:
        ValueError: it takes images of any size.
    """
    if not takes_images(generator):
        return None
    shape = tuple(generator.inputs[0].shape[1:])
    if None in shape:
        raise ValueError(
            "In training images have one size: build the networks for that of your crops, e.g. image_size=256. "
            f"Received: a generator of images {shape}"
        )
    return shape


def example_row(shape, num_classes, condition_shape=None):
    """A network's input of one row, zeros: latents or images of a shape, and a label or an image if needed.

    Args:
        shape: that of a row, or None where there is a condition alone.
        num_classes: int, of labels, or None.
        condition_shape: (H, W, C) of a condition that is an image, or None.
    """
    row = None if shape is None else tf.zeros((1, *shape))
    if condition_shape:
        return pack(row, tf.zeros((1, *condition_shape)))
    return pack(row, tf.zeros((1,), tf.int32) if num_classes else None)


def check_translators(generator, discriminator, condition_shape):
    """`check_players` where the generator translates images.

    Raises:
        ValueError: a network rejects its input, or its output has the wrong shape.
    """
    images = generator(example_row(None, None, condition_shape))
    if not tf.is_tensor(images) or len(images.shape) != 4 or images.shape[0] != 1:
        raise ValueError(
            f"A generator maps images to images (N, H, W, C). Received: a generator that maps {(1, *condition_shape)} "
            f"to {_shapes(images)}"
        )
    told = condition_shape if takes_labels(discriminator) else None
    try:
        outputs = discriminator(example_row(images.shape[1:], None, told))
    except ValueError as error:
        wanted = "[images, given images]" if told else "images"
        raise ValueError(
            f"The discriminator does not accept {wanted} of shapes {tuple(images.shape)}, {(1, *condition_shape)}: "
            "build it for both sizes and channels, PatchGANDiscriminator with `condition_channels`. Keras says: "
            f"{str(error)[:300]}"
        ) from error
    shapes = _shapes(outputs)
    if isinstance(outputs, dict) or len(shapes) not in (2, 4) or (shapes[0], shapes[-1]) != (1, 1):
        raise ValueError(
            "A discriminator of translations returns one logit per row, (N, 1), or per patch, (N, h, w, 1). Received: "
            f"a discriminator that returns {shapes} for one row"
        )
    return tuple(images.shape[1:])


def check_players(generator, discriminator, latent_dim, num_classes):
    """Runs both networks once, which builds them, and returns the shape of one image.

    Raises:
        ValueError: a network rejects its input, or its output has the wrong shape.
    """
    images = _run_generator(generator, latent_dim, num_classes)
    labelled = num_classes and takes_labels(discriminator)
    row = [images, tf.zeros((1,), tf.int32)] if labelled else images
    try:
        outputs = discriminator(row)
    except ValueError as error:
        raise ValueError(
            "The discriminator does not accept the generator's output, "
            f"{'[images, labels] with images' if labelled else 'images'} of shape "
            f"{tuple(images.shape)}; give both the same image size, channels and num_classes. "
            f"Keras says: {str(error)[:300]}"
        ) from error
    known = getattr(discriminator, "num_classes", None) or num_classes
    if known != num_classes:
        raise ValueError(
            f"Both networks need the same number of classes. Received: generator {num_classes}, discriminator {known}"
        )
    _check_outputs(outputs, num_classes)
    return tuple(images.shape[1:])


def _check_outputs(outputs, num_classes):
    shapes, several = _shapes(outputs), isinstance(outputs, dict)
    if (shapes.get(LOGITS) if several else shapes) != (1, 1):
        raise ValueError(
            "A discriminator returns one logit per row, (N, 1); patches are averaged over height and width, and of "
            f"several outputs, a dict, they are `logits`. Received: a discriminator that returns {shapes} for one row"
        )
    if several and shapes.get(CLASSES, (1, num_classes)) != (1, num_classes):
        raise ValueError(
            "A discriminator's `classes` are a logit for each class of the generator, (N, num_classes). Received: "
            f"{shapes[CLASSES]} for one row, num_classes={num_classes}"
        )


def _run_generator(generator, latent_dim, num_classes):
    try:
        images = generator(example_row((latent_dim,), num_classes))
    except ValueError as error:
        raise ValueError(
            "The generator does not accept "
            f"{'[latents, labels] with latents' if num_classes else 'latents'} of shape "
            f"{(1, latent_dim)}; give GAN its `latent_dim`, and `num_classes` if it is "
            f"conditional. Keras says: {str(error)[:300]}"
        ) from error
    if not tf.is_tensor(images) or len(images.shape) not in (2, 4) or images.shape[0] != 1:
        raise ValueError(
            "A generator maps latents (N, Z) to images (N, H, W, C) or points (N, D). "
            f"Received: a generator that maps {(1, latent_dim)} to {_shapes(images)}"
        )
    return images


def _shapes(outputs):
    """The shape of an output, or a structure of the shapes of several."""
    return tf.nest.map_structure(lambda output: tuple(output.shape), outputs)
