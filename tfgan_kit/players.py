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


def example_row(shape, num_classes):
    """A network's input of one row, zeros: latents or images of a shape, and a label if needed."""
    row = tf.zeros((1, *shape))
    return [row, tf.zeros((1,), tf.int32)] if num_classes else row


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
        images = generator(example_row((latent_dim,), num_classes))
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


_NO_COPY = (
    "{} cannot be copied from its configuration, which {} need: register its classes with "
    "keras.saving.register_keras_serializable, give them get_config, and use layers instead of "
    "Lambda. Keras says: "
)


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
            _NO_COPY.format("The generator", "averaging and saving") + str(error)[:300]
        ) from error
    copy.set_weights(generator.get_weights())
    copy.trainable = False
    return copy


def regularize(network):
    """The sum of a network's weight regularizers, which Keras would add to its own loss.

    Activity regularizers and `add_loss` are not looked at.
    """
    weights = [w for w in network.trainable_variables if getattr(w, "regularizer", None)]
    return sum((tf.cast(w.regularizer(w), tf.float32) for w in weights), 0.0)


def rows_are_independent(network):
    """Whether a row's output in training depends on that row alone, as far as can be known.

    It is known of Keras's own layers but for batch normalization (and `Lambda`), in a functional or
    sequential model; a layer of one's own says so by an attribute `rows_are_independent = True`.
    """
    known = getattr(network, "rows_are_independent", None)
    if known is not None:
        return known
    if not type(network).call.__module__.startswith("keras.src.models"):
        return False  # a `call` of its own
    return all(_is_row_wise(operation) for operation in getattr(network, "operations", network.layers))


def _is_row_wise(operation):
    if isinstance(operation, keras.Model):
        return rows_are_independent(operation)
    known = getattr(operation, "rows_are_independent", None)
    if known is not None:
        return known
    coupled = (keras.layers.BatchNormalization, keras.layers.Lambda)
    inside = operation._flatten_layers() if isinstance(operation, keras.layers.Layer) else [operation]
    return all(
        type(layer).__module__.startswith("keras.src.layers") and not isinstance(layer, coupled)
        for layer in inside
    )


def has_synchronized_layers(network):
    """Whether a pass through the network waits for the other replicas: synchronized statistics."""
    return any(getattr(layer, "synchronized", False) for layer in network._flatten_layers())


def as_penalties_call(network, example):
    """The network as penalties call it: `(images, labels) -> logits` in training mode, in float32.

    Its weights are the network's own. Statistics that a pass would move (batch normalization's,
    spectral normalization's) stay as they are, so that penalties change nothing but the loss.
    `example` is an input of one row.
    """
    twin = network if _computes_in_float32(network) else _in_float32(network)
    twin(example)  # a twin's first call builds it

    def call(rows, labels):
        values = [
            (mine, theirs.value) for mine, theirs in zip(twin.weights, network.weights, strict=True)
        ]
        with keras.StatelessScope(state_mapping=values):  # what it assigns goes nowhere
            outputs = twin(rows if labels is None else [rows, labels], training=True)
        return tf.cast(outputs, tf.float32)

    return call


def _computes_in_float32(network):
    return all(layer.compute_dtype in ("float32", "float64") for layer in network._flatten_layers())


def _in_float32(network):
    """The same network with weights of its own, computing in float32 (half overflows in squares).

    Raises:
        ValueError: it cannot be made again from its configuration, or not in float32.
    """

    def full_precision(config):
        if isinstance(config, dict) and config.get("class_name") == "DTypePolicy":
            return {**config, "config": {"name": "float32"}}
        if isinstance(config, dict):
            return {key: full_precision(value) for key, value in config.items()}
        if isinstance(config, list | tuple):
            return [full_precision(value) for value in config]
        return config

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        twin = keras.saving.deserialize_keras_object(
            full_precision(keras.saving.serialize_keras_object(network))
        )
    except (ValueError, TypeError) as error:
        raise ValueError(_NO_COPY.format("The network", "a penalty in float32") + str(error)[:300]) from error
    finally:
        keras.config.set_dtype_policy(before)
    for mine, theirs in zip(twin._flatten_layers(), network._flatten_layers(), strict=True):
        mine.trainable = theirs.trainable
    if not _computes_in_float32(twin):
        raise ValueError(
            "Penalties are computed in float32, but the network keeps its precision there: let its "
            "layers take the `dtype` of their configuration. Received: "
            f"network={network.name} of {network.dtype_policy.name}"
        )
    return twin
