"""How the two players move within one training step."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfgan_kit")
class Alternating:
    """The discriminator moves `discriminator_steps` times, then the generator `generator_steps`.

    A batch of the data set feeds the whole step: the discriminator's k-th move takes rows k,
    k + discriminator_steps, ... of it, so a batch of `discriminator_steps * B` images gives each
    move B fresh ones. When each player moves once, one forward pass of the generator serves both
    (same latents, as in the DCGAN reference code), which saves a twelfth of the arithmetic.

    Args:
        discriminator_steps: int >= 1; 5 in WGAN-GP (1704.00028, algorithm 1).
        generator_steps: int >= 1; 2 in some DCGAN recipes.

    Raises:
        ValueError: fewer than 1 of either, or (in training) a batch too small to share out.

    Example:
        >>> gan.compile("adam", "adam", update=Alternating(discriminator_steps=5))

    Reference: Goodfellow et al., arXiv:1406.2661, algorithm 1.
    """

    def __init__(self, discriminator_steps=1, generator_steps=1):
        for steps in (discriminator_steps, generator_steps):
            if not isinstance(steps, int) or steps < 1:
                raise ValueError(
                    "Each player moves at least once a step, a whole number of times. Received: "
                    f"discriminator_steps={discriminator_steps}, generator_steps={generator_steps}"
                )
        self.discriminator_steps = discriminator_steps
        self.generator_steps = generator_steps

    def __call__(self, gan, images, labels):
        """One training step of `gan`; returns its logs, a dict of float32 scalars."""
        if self.discriminator_steps == self.generator_steps == 1:
            return self._one_pass(gan, images, labels)
        images = self._check_batch(images)
        logs = {}
        for move in range(self.discriminator_steps):
            rows = slice(move, None, self.discriminator_steps)
            real, real_labels = images[rows], None if labels is None else labels[rows]
            latents = gan.draw_latents(tf.shape(real)[0], move)
            fake = gan.run_generator(latents, real_labels)
            logs |= gan.move_discriminator(real, fake, real_labels, latents, move)
        for move in range(self.generator_steps):
            latents = gan.draw_latents(tf.shape(real)[0], self.discriminator_steps + move)
            with gan.generator_tape() as tape:
                fake = gan.run_generator(latents, real_labels)
                loss, generator_logs = gan.generator_loss(
                    real, fake, real_labels, latents, self.discriminator_steps + move
                )
            gan.move_generator(tape, loss)
            logs |= generator_logs
        return logs

    def _check_batch(self, images):
        rule = (
            "Each of the discriminator's moves takes images of its own: a batch must hold at "
            f"least {self.discriminator_steps}."
        )
        if images.shape[0] is not None and images.shape[0] < self.discriminator_steps:
            raise ValueError(f"{rule} Received: a batch of {images.shape[0]}")
        count = tf.shape(images)[0]
        enough = tf.debugging.Assert(count >= self.discriminator_steps, [rule, count])
        with tf.control_dependencies([enough]):
            return tf.identity(images)

    def _one_pass(self, gan, images, labels):
        latents = gan.draw_latents(tf.shape(images)[0], move=0)
        with gan.generator_tape() as tape:
            fake = gan.run_generator(latents, labels)
            with tape.stop_recording():
                logs = gan.move_discriminator(images, fake, labels, latents)
            loss, generator_logs = gan.generator_loss(images, fake, labels, latents)
        gan.move_generator(tape, loss)
        return logs | generator_logs

    def get_config(self):
        return {
            "discriminator_steps": self.discriminator_steps,
            "generator_steps": self.generator_steps,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)
