"""The players in turn (1406.2661), each as many moves as one says."""

import keras
import tensorflow as tf

MOST_MOVES = 512  # half of game.MOVES_PER_STEP: the penalties of a move have seeds of their own


@keras.saving.register_keras_serializable("tfgan_kit")
class Alternating:
    """The discriminator moves `discriminator_steps` times, then the generator `generator_steps`.

    A batch of the data set feeds the whole step: the discriminator's k-th move takes rows k,
    k + discriminator_steps, ... of it, so a batch of `discriminator_steps * B` images gives each
    move B fresh ones; the generator's moves see the last of these. When each player moves once, one
    forward pass of the generator serves both (same latents, as in the DCGAN reference code), which
    saves a twelfth of the arithmetic.

    Args:
        discriminator_steps: int >= 1; 5 in WGAN-GP (1704.00028, algorithm 1).
        generator_steps: int >= 1; 2 in some DCGAN recipes.
        gradient_accumulation_steps: int >= 1, parts that each move's rows are cut into. The
            gradients of the parts are summed and applied once: the same move in less memory, up to
            batch statistics, which are a part's own. (A Keras optimizer's argument of that name
            would apply the sum after as many steps of `fit`, and not under several replicas.)

    Raises:
        ValueError: fewer than 1 of any, more than 512 moves, or (in training) a batch too small to share out.

    Example:
        >>> gan.compile("adam", "adam", update=Alternating(discriminator_steps=5))

    Reference: Goodfellow et al., arXiv:1406.2661, algorithm 1.
    """

    def __init__(self, discriminator_steps=1, generator_steps=1, gradient_accumulation_steps=1):
        self.discriminator_steps = discriminator_steps
        self.generator_steps = generator_steps
        self.gradient_accumulation_steps = gradient_accumulation_steps
        if discriminator_steps.__class__ is generator_steps.__class__ is int:
            if discriminator_steps + generator_steps > MOST_MOVES:
                raise ValueError(
                    f"A step has seeds for {MOST_MOVES} moves. Received: discriminator_steps="
                    f"{discriminator_steps}, generator_steps={generator_steps}"
                )
        for name, steps in self.get_config().items():
            if not isinstance(steps, int) or steps < 1:
                raise ValueError(
                    "Each player moves at least once a step, a whole number of times, in at least "
                    f"one part. Received: {name}={steps}"
                )

    def __call__(self, gan, batch):
        """One training step of `gan`; returns its logs, a dict of float32 scalars."""
        once = self.discriminator_steps == self.generator_steps == 1
        if once and self.gradient_accumulation_steps == 1:
            return self._one_pass(gan, batch)
        batch = self._check_size(batch)
        logs = {}
        for move in range(self.discriminator_steps):
            rows = batch.move(move, self.discriminator_steps)
            logs |= self._move_discriminator(gan, rows, move)
        for move in range(self.generator_steps):
            move += self.discriminator_steps
            logs |= self._move_generator(gan, rows, move, latents_of=0 if once else move)
        return logs

    def _one_pass(self, gan, batch):
        latents = gan.draw_latents(batch, move=0)
        with gan.generator_tape() as tape:
            fake = gan.run_generator(latents, batch.labels)
            with tape.stop_recording():
                gradients, logs = gan.discriminator_gradients(batch, fake, latents)
                gan.move_discriminator(gradients)
            loss, generator_logs = gan.generator_loss(batch, fake, latents)
        gan.move_generator(gan.generator_gradients(tape, loss))
        return logs | generator_logs

    def _move_discriminator(self, gan, batch, move):
        def gradients_of(part):
            latents = gan.draw_latents(part, move)
            fake = gan.run_generator(latents, part.labels)
            return gan.discriminator_gradients(part, fake, latents, move)

        gradients, logs = _accumulate(gradients_of, batch.parts(self.gradient_accumulation_steps))
        gan.move_discriminator(gradients)
        return logs

    def _move_generator(self, gan, batch, move, latents_of):
        def gradients_of(part):
            latents = gan.draw_latents(part, latents_of)
            with gan.generator_tape() as tape:
                fake = gan.run_generator(latents, part.labels)
                loss, logs = gan.generator_loss(part, fake, latents, move)
            return gan.generator_gradients(tape, loss), logs

        gradients, logs = _accumulate(gradients_of, batch.parts(self.gradient_accumulation_steps))
        gan.move_generator(gradients)
        return logs

    def _check_size(self, batch):
        least = self.discriminator_steps * self.gradient_accumulation_steps
        rule = (
            "Each of the discriminator's moves, and each part of it, takes images of its own: a "
            f"batch must hold at least {least} (on every replica)."
        )
        known = batch.images.shape[0]
        if known is not None and known < least:
            raise ValueError(f"{rule} Received: a batch of {known}")
        count = tf.shape(batch.images)[0]
        with tf.control_dependencies([tf.debugging.Assert(count >= least, [rule, count])]):
            return batch._replace(images=tf.identity(batch.images))

    def get_config(self):
        return {
            "discriminator_steps": self.discriminator_steps,
            "generator_steps": self.generator_steps,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def _accumulate(gradients_of, parts):
    """The summed gradients and logs of the parts, one after the other."""
    gradients, logs = gradients_of(parts[0])
    for part in parts[1:]:
        # Without this TensorFlow would run the parts side by side, in the memory of all of them.
        done = [gradient for gradient in gradients if gradient is not None]
        with tf.control_dependencies(done):
            more, more_logs = gradients_of(part._replace(images=tf.identity(part.images)))
        gradients = [a if b is None else tf.add(a, b) for a, b in zip(gradients, more, strict=True)]
        logs = {name: logs[name] + more_logs[name] for name in logs}
    return gradients, logs
