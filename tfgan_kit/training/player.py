"""A player of the game: a network, its optimizer, its tape."""

from tfgan_kit.distribution import replicas
from tfgan_kit.generation.judgement import Judgement
from tfgan_kit.generation.sample import pack
from tfgan_kit.training import mistakes
from tfgan_kit.training.penalty_networks import PenaltyNetwork, has_synchronized_layers, rows_are_independent

import tensorflow as tf


class Player:
    """One network of the game with its optimizer.

    Args:
        name: "generator" or "discriminator".
        network: Keras model of `x`, or `[x, condition]`.
        optimizer: Keras optimizer, built for it.
        example: an input of the network with one row.
        skipped: `logs.SkipCount` of the updates that a loss scale skips; None without a loss scale.
    """

    def __init__(self, name, network, optimizer, example, skipped=None):
        self.name = name
        self.network = network
        self.optimizer = optimizer
        self.skipped = skipped
        self.rows_are_independent = rows_are_independent(network)
        self._example = example
        self._output_checked = False

    def __call__(self, x, condition=None, training=True):
        """The network's output as float32; with several outputs, each of them."""
        inputs = pack(x, condition)
        outputs = self.network(inputs, training=training)
        if not self._output_checked:
            self._output_checked = True
            mistakes.check_last_operations(self.name, self.network, inputs, Judgement.of(outputs).logits)
        return tf.nest.map_structure(lambda output: tf.cast(output, tf.float32), outputs)

    def for_penalties(self):
        """The network in the form that penalties call."""
        return PenaltyNetwork(self.network, self._example)

    def waits_for_replicas(self):
        """Whether a forward pass waits for the other replicas because of synchronized statistics."""
        return has_synchronized_layers(self.network)

    def tape(self):
        """A tape that watches this player's weights and no others."""
        return WatchingTape([variable.value for variable in self.network.trainable_variables])

    def scaled(self, loss):
        """The loss to differentiate: times the optimizer's loss scale, by which `update` divides the gradients."""
        return self.optimizer.scale_loss(loss)

    def regularization(self):
        """The sum of the weights' regularizers, which Keras would add to its own loss.

        Activity regularizers and `add_loss` are ignored.
        """
        weights = [w for w in self.network.trainable_variables if getattr(w, "regularizer", None)]
        return sum((tf.cast(w.regularizer(w), tf.float32) for w in weights), 0.0)

    def update(self, gradients):
        """One update with the sum of `gradients` over the replicas."""
        scale = getattr(self.optimizer, "dynamic_scale", None)
        before = None if scale is None else tf.identity(scale.value)
        self.optimizer.apply(replicas.sum_over_replicas(gradients), self.network.trainable_variables)
        if scale is not None:  # a skipped update halves it
            self.skipped.update_state(scale.value < before)


class WatchingTape(tf.GradientTape):
    """A gradient tape that watches the given variables' values or tensors from its beginning, and nothing else."""

    def __init__(self, watched):
        super().__init__(watch_accessed_variables=False)
        self._watched = watched

    def __enter__(self):
        tape = super().__enter__()
        tape.watch(self._watched)
        return tape

    def gradients(self, loss, **kwargs):
        """The gradients of a recorded loss, one for each of what it watches; `kwargs` as of `gradient`."""
        return self.gradient(loss, self._watched, **kwargs)
