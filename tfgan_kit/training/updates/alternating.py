"""The players in turn, k discriminator steps and l generator steps per training step (arXiv:1406.2661)."""

from tfgan_kit.ranges import require
from tfgan_kit.training.updates.update import MOST_MOVES, Update, accumulate

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfgan_kit")
class Alternating(Update):
    """The discriminator is updated `discriminator_steps` times, then the generator `generator_steps` times.

    A batch of the data set feeds the whole step: the discriminator's k-th update uses its rows k,
    k + discriminator_steps, ..., so a batch of `discriminator_steps * B` images gives each update B
    fresh ones; the generator's updates use the last of these. When each player is updated once, one
    forward pass of the generator serves both (same latents, as in the DCGAN reference code), which
    saves a twelfth of the arithmetic.

    Args:
        discriminator_steps: int >= 1; 5 in WGAN-GP (arXiv:1704.00028, algorithm 1).
        generator_steps: int >= 1; 2 in some DCGAN recipes.
        gradient_accumulation_steps: int >= 1, parts that the rows of each update are split into.
            The gradients of the parts are summed and applied once: the same update in less memory,
            except for batch statistics, which are each part's own. (A Keras optimizer's argument of
            that name would apply the sum after as many steps of `fit`, and does not work under
            several replicas.)

    Raises:
        ValueError: an argument below 1, more than 512 updates, or (in training) a batch too small to split.

    Example:
        >>> gan.compile("adam", "adam", update=Alternating(discriminator_steps=5))

    Reference: Goodfellow et al., arXiv:1406.2661, algorithm 1.
    """

    def __init__(self, discriminator_steps=1, generator_steps=1, gradient_accumulation_steps=1):
        self.discriminator_steps = discriminator_steps
        self.generator_steps = generator_steps
        self.gradient_accumulation_steps = gradient_accumulation_steps
        for name, steps in self.get_config().items():
            if not isinstance(steps, int) or steps < 1:
                raise ValueError(
                    "Each player is updated at least once per step, a whole number of times, in at least "
                    f"one part. Received: {name}={steps}"
                )
        if discriminator_steps + generator_steps > MOST_MOVES:
            raise ValueError(
                f"A step has at most {MOST_MOVES} updates. Received: discriminator_steps="
                f"{discriminator_steps}, generator_steps={generator_steps}"
            )

    @property
    def batches(self):
        return self.discriminator_steps

    def step(self, game, batch):
        if self.discriminator_steps == self.generator_steps == self.gradient_accumulation_steps == 1:
            return _shared_pass(game, batch)
        batch = self._check_size(batch)
        for move in range(self.discriminator_steps):
            rows = batch.move(move, self.batches)
            logs = self._discriminator_step(game, rows, move)
        latents_of = 0 if self.discriminator_steps == self.generator_steps == 1 else self.discriminator_steps
        for move in range(self.generator_steps):
            logs |= self._generator_step(game, rows, self.discriminator_steps + move, latents_of + move)
        return logs

    def _discriminator_step(self, game, batch, move):
        def gradients_of(part):
            latents = game.latents(part, move)
            fake = game.generator(latents, part.condition)
            with game.discriminator.tape() as tape:
                loss, logs = game.discriminator_loss(part, fake, latents, move)
            return tape.gradients(loss), logs

        gradients, logs = accumulate(gradients_of, batch.parts(self.gradient_accumulation_steps))
        game.discriminator.update(gradients)
        return logs

    def _generator_step(self, game, batch, move, latents_of):
        def gradients_of(part):
            latents = game.latents(part, latents_of)
            with game.generator.tape() as tape:
                fake = game.generator(latents, part.condition)
                loss, logs = game.generator_loss(part, fake, latents, move)
            return tape.gradients(loss), logs

        gradients, logs = accumulate(gradients_of, batch.parts(self.gradient_accumulation_steps))
        game.generator.update(gradients)
        return logs

    def _check_size(self, batch):
        least = self.batches * self.gradient_accumulation_steps
        rule = (
            "Each update of the discriminator, and each part of it, uses images of its own: a "
            f"batch must hold at least {least} (on every replica)."
        )
        known = batch.images.shape[0]
        if known is not None and known < least:
            raise ValueError(f"{rule} Received: a batch of {known}")
        count = tf.shape(batch.images)[0]
        with tf.control_dependencies([require(count >= least, rule, "a batch of", count)]):
            return batch._replace(images=tf.identity(batch.images))

    def get_config(self):
        return {
            "discriminator_steps": self.discriminator_steps,
            "generator_steps": self.generator_steps,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }


def _shared_pass(game, batch):
    """One update of each player; one forward pass of the generator serves both, as in the DCGAN code."""
    generator, discriminator = game.generator, game.discriminator
    latents = game.latents(batch)
    with generator.tape() as generator_tape:
        fake = generator(latents, batch.condition)
        with generator_tape.stop_recording():
            with discriminator.tape() as tape:
                loss, logs = game.discriminator_loss(batch, fake, latents)
            discriminator.update(tape.gradients(loss))
        loss, generator_logs = game.generator_loss(batch, fake, latents)
    generator.update(generator_tape.gradients(loss))
    return logs | generator_logs
