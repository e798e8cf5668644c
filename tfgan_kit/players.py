"""The two players: what a GAN reads off its networks, and whether they fit together."""

import keras
import tensorflow as tf


def read_latent_dim(generator):
    """Z of a generator: its attribute `latent_dim`, or the last axis of its first input."""
    dim = getattr(generator, "latent_dim", None)
    if dim is None and getattr(generator, "inputs", None):
        dim = generator.inputs[0].shape[-1]
    if dim is None:
        raise ValueError(
            "Cannot read the latent dimension off the generator: give `latent_dim` to GAN, or "
            f"build the generator on its inputs first. Received: generator={generator!r}"
        )
    return int(dim)


def example_row(latent_dim, num_classes):
    """A generator's input of one row, zeros."""
    latents = tf.zeros((1, latent_dim))
    return [latents, tf.zeros((1,), tf.int32)] if num_classes else latents


def check_players(generator, discriminator, latent_dim, num_classes):
    """Runs both networks once, which builds them, and returns the shape of one image.

    Raises:
        ValueError: one does not take what it is given, or makes something else than it should.
    """
    images = _run_generator(generator, latent_dim, num_classes)
    row = [images, tf.zeros((1,), tf.int32)] if num_classes else images
    try:
        logits = discriminator(row)
    except ValueError as error:
        raise ValueError(
            "The discriminator does not take what the generator makes, "
            f"{'[images, labels] with images' if num_classes else 'images'} of shape "
            f"{tuple(images.shape)}; give both the same image size, channels and num_classes. "
            f"Keras says: {str(error)[:300]}"
        ) from error
    known = getattr(discriminator, "num_classes", None) or num_classes
    if known != num_classes:
        raise ValueError(
            "Both networks need the same number of classes. "
            f"Received: generator {num_classes}, discriminator {known}"
        )
    if tuple(logits.shape) != (1, 1):
        raise ValueError(
            "A discriminator answers one logit a row, (N, 1). "
            f"Received: a discriminator that answers {tuple(logits.shape)} for one row"
        )
    return tuple(images.shape[1:])


def _run_generator(generator, latent_dim, num_classes):
    try:
        images = generator(example_row(latent_dim, num_classes))
    except ValueError as error:
        raise ValueError(
            "The generator does not take "
            f"{'[latents, labels] with latents' if num_classes else 'latents'} of shape "
            f"{(1, latent_dim)}; give GAN its `latent_dim`, and `num_classes` if it is "
            f"conditional. Keras says: {str(error)[:300]}"
        ) from error
    if len(images.shape) not in (2, 4) or images.shape[0] != 1:
        raise ValueError(
            "A generator maps latents (N, Z) to images (N, H, W, C) or points (N, D). "
            f"Received: a generator that maps {(1, latent_dim)} to {tuple(images.shape)}"
        )
    return images


def copy_generator(generator, inputs):
    """A second generator with the same weights, not trainable, to hold their average.

    Raises:
        ValueError: it cannot be made again from its configuration.
    """
    try:
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(generator))
        copy(inputs)
    except (ValueError, TypeError) as error:
        raise ValueError(
            "The generator cannot be copied from its configuration, which averaging and saving "
            "need: register its classes with keras.saving.register_keras_serializable, give them "
            f"get_config, and use layers instead of Lambda. Keras says: {str(error)[:300]}"
        ) from error
    copy.set_weights(generator.get_weights())
    copy.trainable = False
    return copy


def regularize(network):
    """The sum of a network's weight regularizers, which Keras would add to its own loss."""
    weights = [w for w in network.trainable_variables if getattr(w, "regularizer", None)]
    return sum((tf.cast(w.regularizer(w), tf.float32) for w in weights), 0.0)
