"""The interface of an update rule: how two players are updated within one training step."""

import tensorflow as tf

MOST_MOVES = 512


class Update:
    """How the players are updated within one training step; subclasses define `step`.

    A rule's draws depend on (seed, step, move) alone, where a move is one update of one player, so that a resumed
    run equals an uninterrupted one. It serialises as a Keras object: register the class with
    `keras.saving.register_keras_serializable`.

    Attributes:
        discriminator_steps, generator_steps: int, applications of each optimizer in a step.
        gradient_accumulation_steps: int, parts that the rows of each update are split into.
        batches: int, parts with images of their own that a batch of the data set is split into, one an update.

    Example:
        >>> @keras.saving.register_keras_serializable("mine")
        ... class Simultaneous(gk.updates.Update):
        ...     def step(self, game, batch):
        ...         of_discriminator, of_generator, logs = game.gradient_field(batch, game.latents(batch))
        ...         game.discriminator.update(of_discriminator)
        ...         game.generator.update(of_generator)
        ...         return logs
    """

    discriminator_steps = generator_steps = 1
    gradient_accumulation_steps = 1
    batches = 1

    def step(self, game, batch):
        """Updates both players of a `Game` on a `Batch`.

        Returns:
            The logs, float32 scalars by name: this replica's shares of the means over the whole batch.
        """
        raise NotImplementedError

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def accumulate(gradients_of, parts):
    """The summed gradients and logs of the parts of a batch, computed one after the other."""
    gradients, logs = gradients_of(parts[0])
    for part in parts[1:]:
        # Without this TensorFlow would run the parts concurrently, in the memory of all of them.
        done = [gradient for gradient in gradients if gradient is not None]
        with tf.control_dependencies(done):
            more, more_logs = gradients_of(part._replace(images=tf.identity(part.images)))
        gradients = [a if b is None else tf.add(a, b) for a, b in zip(gradients, more, strict=True)]
        logs = {name: logs[name] + more_logs[name] for name in logs}
    return gradients, logs
