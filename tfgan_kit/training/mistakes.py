"""Likely mistakes of a game, each reported in one warning that can be switched off: `LikelyMistake`."""

import types
import warnings

from tfgan_kit.data.source import TrainingData
from tfgan_kit.generation.judgement import Judgement
from tfgan_kit.internals.keras import inner_optimizer, schedule_of

import keras
import numpy as np
import tensorflow as tf


class LikelyMistake(UserWarning):
    """Training as asked for is possible, but is hardly meant.

    Example:
        >>> import warnings
        >>> warnings.simplefilter("ignore", gk.LikelyMistake)
    """


def _warn(text):
    warnings.warn(
        f"{text} (If this is meant: warnings.simplefilter('ignore', tfgan_kit.LikelyMistake).)",
        LikelyMistake,
        stacklevel=3,
    )


# The networks' last operations

# Operations of TensorFlow behind which the values are still those of the operation before.
_PASSING = {"Cast", "ConcatV2", "ExpandDims", "Identity", "Mean", "Pack", "Reshape", "Squeeze", "Transpose"}
_AFFINE = {"AddV2", "Mul", "RealDiv", "Sub"}
# Operations whose results have a bound, by the name that Keras gives them.
_BOUNDED = {
    "ClipByValue": "clip",
    "LogSoftmax": "log_softmax",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "Softmax": "softmax",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
}
_NOT_NEGATIVE = {"Exp": "exponential"} | {
    name: _BOUNDED[name] for name in ("Relu", "Relu6", "Sigmoid", "Softmax", "Softplus")
}


def _last_operation(output, through_affine):
    """The type of the TensorFlow operation that gives a symbolic tensor its values.

    `through_affine`: whether sums and products with constants are passed, behind which a bound is still one.
    """
    operation = output.op
    while operation.inputs:
        changing = [tensor.op for tensor in operation.inputs if tensor.op.type != "Const"]
        passed = operation.type in _PASSING or (through_affine and operation.type in _AFFINE and len(changing) == 1)
        if not (passed and changing):
            break
        operation = changing[0]
    return operation.type


def _symbolic(network, inputs, outputs):
    """The outputs as tensors of a graph, which is traced for it where the step is run eagerly."""
    if not tf.executing_eagerly():
        return tf.nest.flatten(outputs)
    if not isinstance(network, keras.Model):
        return []
    try:
        trace = tf.function(lambda inputs: Judgement.of(network(inputs, training=True)).logits, autograph=False)
        return trace.get_concrete_function(tf.nest.map_structure(tf.type_spec_from_value, inputs)).outputs
    except Exception:  # whatever a network does that runs eagerly only: this is but a probe
        return []


def check_last_operations(player, network, inputs, outputs):
    """Warns if a network's outputs have a bound that logits, or images in [-1, 1], do not have.

    Args:
        player: "generator" or "discriminator".
        network: Keras model.
        inputs, outputs: its inputs and what it answered to them: logits (N, 1), images (N, H, W, C), or a list of
            tensors; points (N, D) of a generator may have any range.
    """
    for output in _symbolic(network, inputs, outputs):
        last = _last_operation(output, through_affine=player == "discriminator")
        if player == "discriminator" and last in _BOUNDED:
            _warn(
                f"The discriminator ends in {_BOUNDED[last]}, but the objectives take logits, which have no bounds, "
                "and apply what they need themselves: let it end in a layer without an activation, such as Dense(1)."
            )
        if player == "generator" and last in _NOT_NEGATIVE and len(output.shape) == 4:
            _warn(
                f"The generator ends in {_NOT_NEGATIVE[last]}, so it makes no value below 0, but images are in "
                "[-1, 1]: let it end in tanh."
            )


# Players that cannot learn


def check_players_learn(players):
    """Warns of a player without weights to train, or with a learning rate of 0."""
    for player in players:
        inner = inner_optimizer(player.optimizer)
        if not player.network.trainable_variables:
            _warn(f"The {player.name} cannot learn: it has no trainable weights; is its `trainable` False?")
        elif schedule_of(inner) is None and _number(inner.learning_rate) == 0.0:
            _warn(f"The {player.name} cannot learn: the learning rate of its optimizer is 0.")


def _number(rate):
    """A learning rate: a variable, also of several replicas, or what a function of the user's returns."""
    return float(rate.numpy() if hasattr(rate, "numpy") else rate)


class StepCounter(keras.callbacks.Callback):
    """Warns after the first batch if the model's `train_step`, overridden, does not count the step."""

    def on_train_begin(self, logs=None):
        self._before = self.model.steps_trained

    def on_train_batch_end(self, batch, logs=None):
        if self._before is not None and self.model.steps_trained == self._before:
            _warn(
                "This `train_step` does not end the step: the step is not counted and the average does not move, so "
                "that generate, save and export give the initial weights. Let it `return self.end_step(logs)`."
            )
        self._before = None


# The first images


def check_images(images):
    """Warns of images (N, H, W, C) that use only the upper half of [-1, 1], or the first two of 256 levels."""
    if images.ndim != 4 or not images.size:
        return
    if images.dtype == np.uint8 and images.max() <= 1:
        _warn(
            "These uint8 images have values up to 1 of 255, so they are nearly black: were they divided by 255 "
            "before? Give uint8 images from 0 to 255."
        )
    elif images.dtype.kind == "f" and 0 <= images.min() <= images.max() <= 1.0 + 1e-3:
        _warn(
            f"These float images are from {images.min():g} to {images.max():g}, and none is below 0, but images are "
            "in [-1, 1], 0 is gray. Convert [0, 1] with 2 * x - 1, or give uint8 images from 0 to 255."
        )


def checked(data):
    """The same `tf.data.Dataset` or generator; `check_images` looks at its first batch when that is read.

    Other data is returned: arrays are checked as a whole, by `arguments.check_arrays`.
    """
    seen = []

    def look(images):
        if not seen:
            seen.append(True)
            check_images(np.asarray(images))
        return np.int64(0)

    @tf.autograph.experimental.do_not_convert
    def look_at_first(position, batch):
        images = keras.utils.unpack_x_y_sample_weight(batch)[0]
        if not tf.is_tensor(images):
            return batch
        looked = tf.cond(position == 0, lambda: tf.numpy_function(look, [images], tf.int64), lambda: np.int64(0))
        with tf.control_dependencies([looked]):
            return tf.nest.map_structure(tf.identity, batch)

    if isinstance(data, TrainingData):
        return data.transformed(lambda batches, step: batches.enumerate().map(look_at_first), keeps_rows=True)
    if isinstance(data, tf.data.Dataset):
        return tf.data.Dataset.enumerate(data).map(look_at_first)
    return _look_at_first_of(data, look) if isinstance(data, types.GeneratorType) else data


def _look_at_first_of(generator, look):
    for batch in generator:
        look(keras.utils.unpack_x_y_sample_weight(batch)[0])
        yield batch
