"""The exponential moving average of the generator."""

from tfgan_kit.training.schedules import is_schedule

import keras
import tensorflow as tf

RAMP = 10.0


def copy_generator(generator, inputs):
    """A second generator with the same weights, not trainable, which will hold their average.

    It is made from the generator's configuration; where there is none (a Lambda, a class that is not registered), it
    is a `WithWeights` of the generator itself.
    """
    try:
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(generator))
        copy(inputs)
        copy.set_weights(generator.get_weights())
    except Exception:  # whatever code of the user's raises; `savable` says so before the first step
        copy = WithWeights(generator)
    copy.name = f"average_of_{generator.name}"  # in `summary`
    copy.trainable = False
    return copy


class WithWeights(keras.Model):
    """A network with other weights: `call` computes what `network` would with them, in inference mode."""

    def __init__(self, network):
        super().__init__()
        copies = {id(weight): self._copy(weight) for weight in network.weights}
        self._network = lambda: network  # hidden from Keras, which would count its weights among these
        self._copies_of = lambda variables: [copies.get(id(variable), variable) for variable in variables]
        self.built = True

    def _copy(self, weight):
        return self.add_weight(
            shape=weight.shape,
            dtype=weight.dtype,
            initializer=lambda shape, dtype: tf.identity(weight.value),
            trainable=False,
            name=weight.name,
        )

    def call(self, inputs, training=False):
        network = self._network()
        states = self._copies_of(network.trainable_variables), self._copies_of(network.non_trainable_variables)
        return network.stateless_call(*states, inputs, training=False)[0]


class Average:
    """The exponential moving average of a network, weights and statistics: `average += (1 - decay) (w - average)`.

    Args:
        network: Keras model that is trained. What an attribute `copied_by_average` of it lists, variables, is copied
            instead, such as StyleGAN2's mean of w, which is an average already, and its noise.
        copy: a model of the same architecture, which holds the average.
        decay: float in [0, 1), reached from below as (1 + t) / (10 + t) at step t; 0: `copy` is `network` itself; or a
            schedule of it, which is taken as it is, at the number of steps before this one.

    Reference: arXiv:1806.04498; the ramp is `tf.train.ExponentialMovingAverage`'s.
    """

    def __init__(self, network, copy, decay):
        self.decay = decay
        self._pairs = list(zip(copy.weights, network.weights, strict=True)) if decay else []
        self._copied = {id(variable) for variable in getattr(network, "copied_by_average", ())}

    def move(self, step):
        """Updates the average after training step `step`, int64 scalar, counted from 1."""
        decay = self.decay(step - 1) if is_schedule(self.decay) else self._from_below(tf.cast(step, tf.float32))
        for average, weight in self._pairs:
            if keras.backend.is_float_dtype(weight.dtype) and id(weight) not in self._copied:
                rate = tf.cast(1.0 - decay, weight.dtype)
                average.assign_sub(rate * (average.value - weight.value))
            else:
                average.assign(weight.value)

    def _from_below(self, step):
        return tf.minimum(float(self.decay), (1.0 + step) / (RAMP + step))
