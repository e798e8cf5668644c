"""The game: the loss that each of the two players minimises."""

import typing

from tfgan_kit.distribution import replicas
from tfgan_kit.penalties import StepView
from tfgan_kit.training.updates.update import MOST_MOVES

import tensorflow as tf

SEEDS_PER_STEP = 2 * MOST_MOVES  # one for the latents of each move, one for its penalties


class Draws(typing.NamedTuple):
    """The stateless seeds of the current step: int64 (2,), one per move (an update of one player).

    Attributes:
        seed: int, the GAN's.
        step: int64 variable, training steps so far.
    """

    seed: int
    step: typing.Any

    def of_move(self, move):
        position = self.step.value * SEEDS_PER_STEP + move
        return tf.stack([tf.constant(self.seed, tf.int64), position])

    def of_penalties(self, move):
        return self.of_move(SEEDS_PER_STEP - 1 - move)


class Game:
    """Objective and penalties of two players; an `Update` decides how they are updated.

    Every forward pass of the discriminator in training goes through `logits`.

    Args:
        generator, discriminator: `Player`s.
        objective: `Objective`.
        penalties: `Penalty` instances.
        latent_dim: int, Z.
        draws: `Draws`, the seeds of the current step.

    Attributes: the arguments.
    """

    def __init__(self, generator, discriminator, objective, penalties, latent_dim, draws):
        self.generator = generator
        self.discriminator = discriminator
        self.objective = objective
        self.penalties = penalties
        self.latent_dim = latent_dim
        self.draws = draws
        players = (generator, discriminator)
        self._for_penalties = {player.name: player.for_penalties() for player in players} if penalties else {}
        self._in_lockstep = replicas.several_replicas() and any(player.waits_for_replicas() for player in players)

    def latents(self, batch, move=0):
        """Latents for a batch in a move of the current step: float32 (N, Z), from (seed, step, move, row)."""
        return batch.normal(self.draws.of_move(move), [self.latent_dim])

    def logits(self, images, condition=None, training=True):
        """The discriminator's output, float32 (N, 1)."""
        return self.discriminator(images, condition, training=training)

    def judge(self, batch, fake_images):
        """Logits of the real and of the generated images, in one pass where rows are independent."""
        if not self.discriminator.rows_are_independent:
            return self.logits(batch.images, batch.condition), self.logits(fake_images, batch.condition)
        images = tf.concat([batch.images, fake_images], axis=0)
        condition = batch.condition
        if condition is not None:
            condition = tf.nest.map_structure(lambda rows: tf.concat([rows, rows], axis=0), condition)
        both = self.logits(images, condition)
        return tuple(tf.nest.map_structure(lambda rows, half=half: tf.split(rows, 2)[half], both) for half in (0, 1))

    def discriminator_loss(self, batch, fake_images, latents, move=0, lazy=True):
        """The discriminator's loss in the step's `move`-th move, to be recorded by its tape; and the logs.

        `lazy=False` computes every penalty, regardless of its interval: its mean over the steps.
        """
        real_logits, fake_logits = self.judge(batch, fake_images)
        loss = self.objective.discriminator_loss(real_logits, fake_logits)
        logs = {"d_loss": loss}
        view = self._view(batch, fake_images, latents, real_logits, fake_logits, move)
        loss = self._regularized(self.discriminator, loss, view, logs, lazy)
        logs |= self._describe(real_logits, fake_logits)
        return self.discriminator.scaled(batch.mean(loss)), _shares(batch, logs)

    def generator_loss(self, batch, fake_images, latents, move=1, lazy=True):
        """The generator's loss, to be recorded by its tape; and the logs."""
        fake_logits = self.logits(fake_images, batch.condition)
        real_logits = None
        if self.objective.generator_sees_real:
            real_logits = self.logits(batch.images, batch.condition)
        loss = self.objective.generator_loss(real_logits, fake_logits)
        logs = {"g_loss": loss}
        view = self._view(batch, fake_images, latents, real_logits, fake_logits, move)
        loss = self._regularized(self.generator, loss, view, logs, lazy)
        return self.generator.scaled(batch.mean(loss)), _shares(batch, logs)

    def gradient_field(self, batch, latents, lazy=True):
        """Both players' gradients at the same weights: the discriminator's, the generator's, logs."""
        with self.generator.tape() as tape:
            fake = self.generator(latents, batch.condition)
            with tape.stop_recording():
                with self.discriminator.tape() as discriminator_tape:
                    loss, logs = self.discriminator_loss(batch, fake, latents, lazy=lazy)
                of_discriminator = discriminator_tape.gradients(loss)
            loss, generator_logs = self.generator_loss(batch, fake, latents, lazy=lazy)
        return of_discriminator, tape.gradients(loss), logs | generator_logs

    def losses(self, batch, latents):
        """The logs of both losses without penalties, with the networks in inference mode."""
        fake = self.generator(latents, batch.condition, training=False)
        real_logits = self.logits(batch.images, batch.condition, training=False)
        fake_logits = self.logits(fake, batch.condition, training=False)
        logs = {
            "d_loss": self.objective.discriminator_loss(real_logits, fake_logits),
            "g_loss": self.objective.generator_loss(real_logits, fake_logits),
        }
        return _shares(batch, logs | self._describe(real_logits, fake_logits))

    def _describe(self, real_logits, fake_logits):
        """The logs about the discriminator's logits."""
        bound = self.objective.divergence_bound(real_logits, fake_logits)
        logs = {} if bound is None else {"divergence_bound": bound}
        logs["real_score"] = tf.reduce_mean(real_logits)
        return logs | {"fake_score": tf.reduce_mean(fake_logits)}

    def _regularized(self, player, loss, view, logs, lazy):
        """The loss plus the player's penalties, which are added to `logs`, and its weight regularizers."""
        total = 0.0
        for penalty in self.penalties:
            if penalty.player == player.name:
                value = penalty(view, self.draws.step.value, self._in_lockstep) if lazy else penalty.value(view)
                logs[penalty.name] = value
                total += value
        return loss + total + player.regularization()

    def _view(self, batch, fake_images, latents, real_logits, fake_logits, move):
        """The inputs of a move's penalties, with a seed that no other draw uses."""
        if not self.penalties:
            return None
        seed, condition = self.draws.of_penalties(move), batch.condition
        return StepView(
            real_images=batch.images,
            fake_images=fake_images,
            condition=condition,
            latents=latents,
            real_logits=real_logits,
            fake_logits=fake_logits,
            discriminator=self._for_penalties["discriminator"].given(condition),
            generator=self._for_penalties["generator"].given(condition),
            uniform=lambda shape: batch.uniform(seed, shape),
            mean=replicas.mean_over_replicas,
        )


def _shares(batch, logs):
    """This part's share of every mean over the whole batch."""
    return {name: batch.mean(value) for name, value in logs.items()}
