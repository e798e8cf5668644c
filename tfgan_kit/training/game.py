"""The game: the loss that each of the two players minimises."""

import contextlib
import copy
import functools
import itertools
import typing

from tfgan_kit.distribution import replicas
from tfgan_kit.generation.judgement import Judgement, takes_labels
from tfgan_kit.penalties import StepView
from tfgan_kit.training.player import WatchingTape
from tfgan_kit.training.updates.update import MOST_MOVES

import keras
import tensorflow as tf

SEEDS_PER_STEP = 2 * MOST_MOVES  # one for the latents of each move, one for its penalties
REAL, FAKE, PASSED_OFF = LOOKS = range(3)  # what augmentation draws numbers for


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

    def of_augmentation(self, move, stream):
        """One of any number of streams; no GAN's own seed has bits beyond the 32nd."""
        seed, position = tf.unstack(self.of_move(move))
        return tf.stack([seed + (1 + stream) * 2**32, position])


class Game:
    """Objective and penalties of two players; an `Update` decides how they are updated.

    Every forward pass of the discriminator in training goes through `judgement`.

    Args:
        generator, discriminator: `Player`s.
        objective: `Objective`.
        penalties: `Penalty` instances.
        latent_dim: int, Z; None where images are translated.
        draws: `Draws`, the seeds of the current step.
        augment: `Augmentation` of the images that the discriminator sees; or None.

    Attributes: the arguments.
    """

    def __init__(self, generator, discriminator, objective, penalties, latent_dim, draws, augment=None):
        self.generator = generator
        self.discriminator = discriminator
        self.objective = objective
        self.penalties = penalties
        self.latent_dim = latent_dim
        self.draws = draws
        self.augment = augment
        self._takes_labels = takes_labels(discriminator.network)
        players = (generator, discriminator)
        self._for_penalties = {player.name: player.for_penalties() for player in players} if penalties else {}
        self._several = replicas.several_replicas()
        self._waiting = {player.name: player.waits_for_replicas() for player in players}

    def in_lockstep(self, penalties):
        """Whether replicas wait for each other in these penalties, which they cannot in a branch of the graph."""
        generates = self.augment is not None or any(penalty.uses_fake_images for penalty in penalties)
        waiting = self._waiting["discriminator"] or (generates and self._waiting["generator"])
        return self._several and (waiting or any(penalty.waits_for_replicas for penalty in penalties))

    def latents(self, batch, move=0):
        """Latents for a batch in a move of the current step: float32 (N, Z), from (seed, step, move, row).

        None where images are translated, of which the condition is one.
        """
        return None if self.latent_dim is None else batch.normal(self.draws.of_move(move), [self.latent_dim])

    def judgement(self, images, condition=None, training=True):
        """The discriminator's `Judgement` of images."""
        return Judgement.of(self.discriminator(images, self._told(condition), training=training))

    def logits(self, images, condition=None, training=True):
        """The discriminator's logits, float32 (N, 1)."""
        return self.judgement(images, condition, training).logits

    def judge(self, real_images, fake_images, condition):
        """`Judgement`s of the real and of the generated images, in one pass where rows are independent."""
        if not self.discriminator.rows_are_independent:
            return self.judgement(real_images, condition), self.judgement(fake_images, condition)
        images = tf.concat([real_images, fake_images], axis=0)
        if condition is not None:
            condition = tf.nest.map_structure(lambda rows: tf.concat([rows, rows], axis=0), condition)
        both = self.judgement(images, condition)
        return tuple(tf.nest.map_structure(lambda rows, half=half: tf.split(rows, 2)[half], both) for half in (0, 1))

    def discriminator_loss(self, batch, fake_images, latents, move=0, lazy=True, shared=True):
        """The discriminator's loss in the step's `move`-th move, to be recorded by its tape; and the logs.

        `lazy=False` computes every penalty, regardless of its interval: its mean over the steps. `shared=False` gives
        penalties passes of their own, for who differentiates once more: XLA lacks a third derivative of the shared one.
        """
        batch = self._passed_off(batch, fake_images, move)
        change_real, change_fake = self._changes(batch, move)
        with self._watching(batch.images, fake_images) if shared else contextlib.nullcontext() as tape:
            real, fake = self.judge(change_real(batch.images), change_fake(fake_images), batch.condition)
        loss = self.objective.discriminator_loss(real.logits, fake.logits)
        logs = {"d_loss": loss}
        view = self._view(batch, fake_images, latents, (real, change_real), (fake, change_fake), move)
        if tape:
            logits = real.logits, fake.logits  # differentiated once, for all penalties
            view = view._replace(
                image_gradients=functools.cache(lambda: tape.gradients(logits, unconnected_gradients="zero"))
            )
        loss = self._regularized(self.discriminator, loss, view, logs, lazy)
        logs |= self._describe(real.logits, fake.logits)
        if self.augment:
            logs |= self._observed(batch, real.logits, lazy)
        return self.discriminator.scaled(batch.mean(loss)), _shares(batch, logs)

    def generator_loss(self, batch, fake_images, latents, move=1, lazy=True):
        """The generator's loss, to be recorded by its tape; and the logs."""
        change_real, change_fake = self._changes(batch, move)
        fake, real = self.judgement(change_fake(fake_images), batch.condition), Judgement(None, {})
        if self.objective.generator_sees_real:
            real = self.judgement(change_real(batch.images), batch.condition)
        loss = self.objective.generator_loss(real.logits, fake.logits)
        logs = {"g_loss": loss}
        view = self._view(batch, fake_images, latents, (real, change_real), (fake, change_fake), move)
        loss = self._regularized(self.generator, loss, view, logs, lazy)
        return self.generator.scaled(batch.mean(loss)), _shares(batch, logs)

    def _watching(self, *images):
        """A tape of a pass of the discriminator if a penalty differentiates it in every step; else a context of None.

        With a pass of its own, R1 would cost a forward pass more.
        """
        needed = any(penalty.uses_image_gradients and penalty.interval == 1 for penalty in self.penalties)
        if not (needed and self._for_penalties["discriminator"].is_the_network):
            return contextlib.nullcontext()
        return WatchingTape(images)

    def with_penalties(self, penalties):
        """The game with these of its penalties only."""
        game = copy.copy(self)
        game.penalties = tuple(penalties)
        return game

    def penalty_loss(self, player, batch, latents, move):
        """A player's penalties alone, each times its interval, to be recorded by its tape; and the logs, likewise.

        No statistics of a network move, and there are no logits: see `StepView`.
        """
        penalties = [penalty for penalty in self.penalties if penalty.player == player.name]
        judges, fake_images = player is self.discriminator, None
        if any(penalty.uses_fake_images for penalty in penalties) or (judges and self.augment):
            with keras.StatelessScope():  # its assignments are discarded
                fake_images = self.generator(latents, batch.condition)
        if judges:
            batch = self._passed_off(batch, fake_images, move)
        unknown = Judgement(None, {})
        real, fake = ((unknown, change) for change in self._changes(batch, move))
        view = self._view(batch, fake_images, latents, real, fake, move)
        logs = {}
        for penalty in penalties:
            of_penalty = {penalty.name: penalty.value(view)} | penalty.logs(view)
            logs |= {name: penalty.interval * value for name, value in of_penalty.items()}
        loss = sum(logs[penalty.name] for penalty in penalties)
        return player.scaled(batch.mean(loss)), _shares(batch, logs)

    def gradient_field(self, batch, latents, lazy=True):
        """Both players' gradients at the same weights: the discriminator's, the generator's, logs."""
        with self.generator.tape() as tape:
            fake = self.generator(latents, batch.condition)
            with tape.stop_recording():
                with self.discriminator.tape() as discriminator_tape:
                    loss, logs = self.discriminator_loss(batch, fake, latents, lazy=lazy, shared=False)
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

    # Augmentation

    def _uniform(self, batch, move, look):
        """A callable, shape -> fresh draws of augmentation for each row, move, look and call."""
        streams = itertools.count(look, len(LOOKS))
        return lambda shape: batch.uniform(self.draws.of_augmentation(move, next(streams)), shape)

    def _passed_off(self, batch, fake_images, move):
        """The batch with the images that the discriminator is given as real ones."""
        if not self.augment:
            return batch
        uniform = self._uniform(batch, move, PASSED_OFF)
        images = self.augment.pass_off(batch.images, fake_images, uniform, self.draws.step.value)
        return batch._replace(images=images)

    def _changes(self, batch, move):
        """How real and generated images are changed before the discriminator sees them: two callables."""
        if not self.augment:
            return tf.identity, tf.identity
        shape, step = tuple(batch.images.shape[1:]), self.draws.step.value
        return [self.augment.draw(self._uniform(batch, move, look), shape, step) for look in (REAL, FAKE)]

    def _observed(self, batch, real_logits, lazy):
        """Shows the augmentation the real images' logits; its logs."""
        if self.augment.adapts and lazy:
            rows = tf.cast(tf.shape(batch.images)[0], tf.float32)
            signs = rows * tf.reduce_mean(tf.sign(real_logits))
            self.augment.observe(*replicas.sum_over_replicas([signs, rows]))
        return self.augment.logs(real_logits, self.draws.step.value)

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
                step, in_lockstep = self.draws.step.value, self.in_lockstep([penalty])
                seen = view if penalty.interval == 1 else view._replace(image_gradients=None)
                value = penalty(seen, step, in_lockstep) if lazy else penalty.value(seen)
                logs |= {penalty.name: value} | penalty.logs(seen)
                total += value
        return loss + total + player.regularization()

    def _told(self, condition):
        """The condition as far as the discriminator is given it."""
        return condition if self._takes_labels else None

    def _view(self, batch, fake_images, latents, real, fake, move):
        """The inputs of a move's penalties, with a seed that no other draw uses.

        Their discriminator is of clean images, which are augmented first as in the loss (arXiv:2006.06676, appendix B).
        `real` and `fake` are each a `Judgement` and how its images were changed.
        """
        if not self.penalties:
            return None
        discriminator = self._for_penalties["discriminator"].given(self._told(batch.condition))
        (real, change_real), (fake, change_fake) = real, fake
        return self._view_of_rows(batch, latents, move)._replace(
            real_images=batch.images,
            fake_images=fake_images,
            real_logits=real.logits,
            fake_logits=fake.logits,
            discriminator=lambda images: Judgement.of(discriminator(change_real(images))).logits,
            fake_discriminator=lambda images: Judgement.of(discriminator(change_fake(images))).logits,
            real_heads=real.heads,
            fake_heads=fake.heads,
        )

    def _view_of_rows(self, batch, latents, move):
        """What penalties are given of any rows: all but images and logits."""
        seed = self.draws.of_penalties(move)

        def every(k):
            rows = batch._replace(images=latents).every(k)
            average = functools.partial(_average, rows=tf.shape(latents)[0])
            return self._view_of_rows(rows, rows.images, move)._replace(average=average)

        return StepView(
            **dict.fromkeys(("real_images", "fake_images", "real_logits", "fake_logits", "discriminator")),
            condition=batch.condition,
            latents=latents,
            generator=self._for_penalties["generator"].given(batch.condition),
            uniform=lambda shape: batch.uniform(seed, shape),
            normal=lambda shape: batch.normal(seed, shape),
            mean=replicas.mean_over_replicas,
            iteration=self.draws.step.value,
            every=every,
        )


def _average(values, rows):
    """The mean over some rows of all replicas, (n,) here, as a mean over the `rows` rows that this replica has."""
    some, all_rows = replicas.sum_over_replicas([tf.cast(count, tf.float32) for count in (tf.size(values), rows)])
    return tf.reduce_sum(values) * all_rows / (some * tf.cast(rows, tf.float32))


def _shares(batch, logs):
    """This part's share of every mean over the whole batch."""
    return {name: batch.mean(value) for name, value in logs.items()}
