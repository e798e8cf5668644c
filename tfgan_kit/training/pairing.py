"""Checks that a generator and a discriminator fit together, and reads their sizes."""

from tfgan_kit.generation.judgement import CLASSES, LOGITS, takes_labels

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


def example_row(shape, num_classes):
    """A network's input of one row, zeros: latents or images of a shape, and a label if needed."""
    row = tf.zeros((1, *shape))
    return [row, tf.zeros((1,), tf.int32)] if num_classes else row


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
