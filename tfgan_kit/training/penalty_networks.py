"""Networks in the form that penalties call: float32, training mode, without side effects."""

from tfgan_kit.generation.sample import pack
from tfgan_kit.internals.keras import is_called_by_keras, is_keras_layer, layers_of

import keras
import tensorflow as tf


def rows_are_independent(network):
    """Whether a row's output in training is known to depend on that row alone.

    That is known of Keras's own layers except batch normalization and `Lambda`, in a functional or
    sequential model; a custom layer declares it by an attribute `rows_are_independent = True`.
    """
    known = getattr(network, "rows_are_independent", None)
    if known is not None:
        return known
    if not is_called_by_keras(network):
        return False  # it overrides `call`
    return all(_is_row_wise(operation) for operation in getattr(network, "operations", network.layers))


def _is_row_wise(operation):
    if isinstance(operation, keras.Model):
        return rows_are_independent(operation)
    known = getattr(operation, "rows_are_independent", None)
    if known is not None:
        return known
    coupled = (keras.layers.BatchNormalization, keras.layers.Lambda)
    inside = layers_of(operation) if isinstance(operation, keras.layers.Layer) else [operation]
    return all(is_keras_layer(layer) and not isinstance(layer, coupled) for layer in inside)


def has_synchronized_layers(network):
    """Whether a forward pass waits for the other replicas because of synchronized statistics."""
    return any(getattr(layer, "synchronized", False) for layer in layers_of(network))


class PenaltyNetwork:
    """A network in the form that penalties call: training mode, float32, without side effects.

    It uses the network's own weights. Statistics that a forward pass would update (of batch
    normalization, of spectral normalization) do not change.

    Args:
        network: Keras model.
        example: an input of the network with one row.

    Raises:
        ValueError: a network in half precision that cannot be rebuilt in float32.
    """

    def __init__(self, network, example):
        self.network = network
        self._twin = network if _computes_in_float32(network) else _in_float32(network)
        self._twin(example)  # a twin's first call builds it

    @property
    def is_the_network(self):
        """Whether it computes in float32 as it is."""
        return self._twin is self.network

    def given(self, condition):
        """A callable of the network's rows: a `Given`."""
        return Given(self, self._twin, condition)

    def run(self, part, inputs, **arguments):
        values = [(mine, theirs.value) for mine, theirs in zip(self._twin.weights, self.network.weights, strict=True)]
        with keras.StatelessScope(state_mapping=values):  # its assignments are discarded
            outputs = part(inputs, **{"training": True, **arguments})
        return tf.nest.map_structure(lambda output: tf.cast(output, tf.float32), outputs)


class Given:
    """A network for penalties with the condition of a step bound: `network(rows)`.

    The two halves of a generator are available by name: `network.part("mapping")(latents)` returns the
    input of `network.part("synthesis")`, and either takes further arguments by name. `network` is the Keras network
    itself, with the weights that are trained.
    """

    def __init__(self, network, part, condition):
        self._network, self._part, self._condition = network, part, condition

    @property
    def network(self):
        return self._network.network

    def __call__(self, rows, **arguments):
        return self._network.run(self._part, pack(rows, self._condition), **arguments)

    def part(self, name):
        """The sub-network in the attribute of that name, called with its rows and no condition."""
        return Given(self._network, getattr(self._part, name), None)


def _computes_in_float32(network):
    return all(layer.compute_dtype in ("float32", "float64") for layer in layers_of(network))


def _in_float32(network):
    """The same network with weights of its own, computing in float32 (half overflows in squares).

    Raises:
        ValueError: it cannot be rebuilt from its configuration, or not in float32.
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
        raise ValueError(
            "The network cannot be copied from its configuration, which a penalty in float32 needs: register its "
            "classes with keras.saving.register_keras_serializable, give them get_config, and use layers instead of "
            f"Lambda. Keras says: {str(error)[:300]}"
        ) from error
    finally:
        keras.config.set_dtype_policy(before)
    for mine, theirs in zip(layers_of(twin), layers_of(network), strict=True):
        mine.trainable = theirs.trainable
    if not _computes_in_float32(twin):
        raise ValueError(
            "Penalties are computed in float32, but the network does not follow that dtype: let its "
            "layers use the `dtype` of their configuration. Received: "
            f"network={network.name} of {network.dtype_policy.name}"
        )
    return twin
