"""Networks as penalties call them: in float32, in training mode, changing nothing but the loss."""

from tfgan_kit.training.averaging import _NO_COPY

import keras
import tensorflow as tf


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
        type(layer).__module__.startswith("keras.src.layers") and not isinstance(layer, coupled) for layer in inside
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
        values = [(mine, theirs.value) for mine, theirs in zip(twin.weights, network.weights, strict=True)]
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
        twin = keras.saving.deserialize_keras_object(full_precision(keras.saving.serialize_keras_object(network)))
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
