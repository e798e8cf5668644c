"""The exponential moving average of the generator."""

import keras
import tensorflow as tf

RAMP = 10.0
NO_COPY = (
    "{} cannot be copied from its configuration, which {} need: register its classes with "
    "keras.saving.register_keras_serializable, give them get_config, and use layers instead of "
    "Lambda. Keras says: "
)


def copy_generator(generator, inputs):
    """A second generator with the same weights, not trainable, which will hold their average.

    Raises:
        ValueError: the generator cannot be rebuilt from its configuration.
    """
    try:
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(generator))
        copy(inputs)
    except (ValueError, TypeError) as error:
        raise ValueError(NO_COPY.format("The generator", "averaging and saving") + str(error)[:300]) from error
    copy.set_weights(generator.get_weights())
    copy.trainable = False
    return copy


class Average:
    """The exponential moving average of a network, weights and statistics: `average += (1 - decay) (w - average)`.

    Args:
        network: Keras model that is trained.
        copy: a model of the same architecture, which holds the average.
        decay: float in [0, 1), reached from below as (1 + t) / (10 + t) at step t; 0: `copy` is `network` itself.

    Reference: arXiv:1806.04498; the ramp is `tf.train.ExponentialMovingAverage`'s.
    """

    def __init__(self, network, copy, decay):
        self.decay = decay
        self._pairs = list(zip(copy.weights, network.weights, strict=True)) if decay else []

    def move(self, step):
        """Updates the average after training step `step`, int64 scalar, counted from 1."""
        step = tf.cast(step, tf.float32)
        decay = tf.minimum(self.decay, (1.0 + step) / (RAMP + step))
        for average, weight in self._pairs:
            if keras.backend.is_float_dtype(weight.dtype):
                rate = tf.cast(1.0 - decay, weight.dtype)
                average.assign_sub(rate * (average.value - weight.value))
            else:
                average.assign(weight.value)
