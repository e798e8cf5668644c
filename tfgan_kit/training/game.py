"""One training step of the game: what the update rules may call, and what is logged."""

from tfgan_kit.distribution import replicas, strategies
from tfgan_kit.generation import inputs
from tfgan_kit.generation.generative_model import GenerativeModel
from tfgan_kit.penalties import Step
from tfgan_kit.training import arguments, pairing, penalty_networks
from tfgan_kit.training.batch import Batch

import keras
import tensorflow as tf

MOVES_PER_STEP = 1024  # stateless seeds set aside for one step's moves
EMA_RAMP = 10.0  # tf.train.ExponentialMovingAverage's: decay (1 + t) / (10 + t) at step t


class Game(GenerativeModel):
    """The moves of two players, their losses and gradients; `GAN` is what users make.

    A subclass sets `generator`, `discriminator`, `ema_generator`, their optimizers, `objective`,
    `penalties`, `update`, `trackers`, `validation`, `step` and `seed`, and calls `_prepare_networks`.
    """

    def _prepare_networks(self):
        """What the step needs to know of the networks, and of the replicas it runs on."""
        self._rows_are_independent = penalty_networks.rows_are_independent(self.discriminator)
        networks = {
            "generator": (self.generator, (self.latent_dim,)),
            "discriminator": (self.discriminator, self.image_shape),
        }
        self._in_lockstep = replicas.several_replicas() and any(
            penalty_networks.has_synchronized_layers(network) for network, _ in networks.values()
        )
        calls = {
            name: penalty_networks.as_penalties_call(network, pairing.example_row(shape, self.num_classes))
            for name, (network, shape) in networks.items()
            if self.penalties
        }
        self._as_penalties_call = calls.__getitem__  # bound: Keras neither tracks nor saves it

    def train_step(self, data):
        logs = self.update(self, self._unpack(data))
        self.step.assign_add(1)
        self._average()
        return self._track(logs)

    def test_step(self, data):
        """The losses on held-out data, networks in inference mode, no weight changed."""
        batch = self._unpack(data)
        # The tracker counts the rows of this evaluation so far: each batch gets latents of its own,
        # the same ones in every evaluation.
        so_far = tf.cast(self.trackers["d_loss"].count, tf.int64)
        latents = batch.normal(tf.stack([tf.constant(~self.seed, tf.int64), so_far]), [self.latent_dim])
        fake = self.run_generator(latents, batch.labels, training=False)
        real_logits = self.run_discriminator(batch.images, batch.labels, training=False)
        fake_logits = self.run_discriminator(fake, batch.labels, training=False)
        logs = {
            "d_loss": self.objective.discriminator_loss(real_logits, fake_logits),
            "g_loss": self.objective.generator_loss(real_logits, fake_logits),
        } | self._describe(real_logits, fake_logits)
        logs = {name: batch.mean(value) for name, value in logs.items()}
        if self.validation.metrics:
            self.validation.update(batch.images, self._averaged_images(latents, batch.labels))
        return self._track(logs, weight=tf.cast(batch.total, tf.float32))

    def _averaged_images(self, latents, labels):
        row = latents if labels is None else [latents, labels]
        return tf.cast(self.ema_generator(row, training=False), tf.float32)

    def _track(self, logs, weight=None):
        """Updates the trackers with the whole batch's values; returns their results."""
        (values,) = replicas.sum_over_replicas([tf.stack(list(logs.values()))])
        for name, value in zip(logs, tf.unstack(values), strict=True):
            self.trackers[name].update_state(value, sample_weight=weight)
        counts = [] if weight is not None else [n for n in self.trackers if n.endswith("_skipped")]
        results = {name: self.trackers[name].result() for name in [*logs, *counts]}
        if strategies.logs_need_an_axis(self.distribute_strategy):
            return {name: tf.reshape(result, [1]) for name, result in results.items()}
        return results

    def _unpack(self, data):
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        arguments.check_weights({"sample_weight": weights})
        labels = inputs.prepare_labels(labels, self.num_classes)
        return Batch.of(inputs.prepare_images(images, self.image_shape), labels)

    # The players' moves, as the update rules call them

    def draw_latents(self, batch, move):
        """Latents for a batch in a move of the current step: float32 (N, Z), from (seed, step, move)."""
        return batch.normal(self._draw_seed(move), [self.latent_dim])

    def _draw_seed(self, move):
        position = self.step.value * MOVES_PER_STEP + move
        return tf.stack([tf.constant(self.seed, tf.int64), position])

    def run_generator(self, latents, labels, training=True):
        row = latents if labels is None else [latents, labels]
        return tf.cast(self.generator(row, training=training), tf.float32)

    def run_discriminator(self, images, labels, training=True):
        row = images if labels is None else [images, labels]
        return tf.cast(self.discriminator(row, training=training), tf.float32)

    def generator_tape(self):
        """A tape that records gradients of the generator's weights, and of no others."""
        return _Tape(self.generator.trainable_variables)

    def gradient_field(self, batch, latents, lazy=True):
        """Both players' gradients at the same weights: the discriminator's, the generator's, logs.

        `lazy=False` computes every penalty, whatever its interval: its mean over the steps.
        """
        with self.generator_tape() as tape:
            fake = self.run_generator(latents, batch.labels)
            with tape.stop_recording():
                gradients, logs = self.discriminator_gradients(batch, fake, latents, lazy=lazy)
            loss, generator_logs = self.generator_loss(batch, fake, latents, lazy=lazy)
        return gradients, self.generator_gradients(tape, loss), logs | generator_logs

    def discriminator_gradients(self, batch, fake_images, latents, move=0, lazy=True):
        """The discriminator's gradients in the step's `move`-th move, and the logs."""
        with _Tape(self.discriminator.trainable_variables) as tape:
            real_logits, fake_logits = self._judge(batch, fake_images)
            loss = self.objective.discriminator_loss(real_logits, fake_logits)
            logs = {"d_loss": batch.mean(loss)}
            step = self._step(batch, fake_images, latents, real_logits, fake_logits, move)
            loss += self._penalize("discriminator", step, batch, logs, lazy)
            loss = batch.mean(loss + penalty_networks.regularize(self.discriminator))
            loss = self.discriminator_optimizer.scale_loss(loss)
        for name, value in self._describe(real_logits, fake_logits).items():
            logs[name] = batch.mean(value)
        return tape.gradient(loss, tape.variables), logs

    def _describe(self, real_logits, fake_logits):
        """What the logs say of the discriminator's answers."""
        bound = self.objective.divergence_bound(real_logits, fake_logits)
        logs = {} if bound is None else {"divergence_bound": bound}
        logs["real_score"] = tf.reduce_mean(real_logits)
        return logs | {"fake_score": tf.reduce_mean(fake_logits)}

    def _judge(self, batch, fake_images):
        """Logits of the real and of the generated images, in one pass where rows are independent."""
        if not self._rows_are_independent:
            return (
                self.run_discriminator(batch.images, batch.labels),
                self.run_discriminator(fake_images, batch.labels),
            )
        images = tf.concat([batch.images, fake_images], axis=0)
        labels = None if batch.labels is None else tf.concat([batch.labels, batch.labels], axis=0)
        return tf.split(self.run_discriminator(images, labels), 2)

    def generator_loss(self, batch, fake_images, latents, move=1, lazy=True):
        """The generator's loss and its logs; to be called under `generator_tape`."""
        fake_logits = self.run_discriminator(fake_images, batch.labels)
        real_logits = None
        if self.objective.generator_sees_real:
            real_logits = self.run_discriminator(batch.images, batch.labels)
        loss = self.objective.generator_loss(real_logits, fake_logits)
        logs = {"g_loss": batch.mean(loss)}
        step = self._step(batch, fake_images, latents, real_logits, fake_logits, move)
        loss += self._penalize("generator", step, batch, logs, lazy)
        loss = batch.mean(loss + penalty_networks.regularize(self.generator))
        return self.generator_optimizer.scale_loss(loss), logs

    def generator_gradients(self, tape, loss):
        """The generator's gradients of the loss that its `tape` recorded."""
        return tape.gradient(loss, tape.variables)

    def move_discriminator(self, gradients):
        """One update of the discriminator by the sum of `gradients` over the replicas."""
        self._move("d", self.discriminator_optimizer, gradients, self.discriminator)

    def move_generator(self, gradients):
        """One update of the generator by the sum of `gradients` over the replicas."""
        self._move("g", self.generator_optimizer, gradients, self.generator)

    def _move(self, player, optimizer, gradients, network):
        scale = getattr(optimizer, "dynamic_scale", None)
        before = None if scale is None else tf.identity(scale.value)
        optimizer.apply(replicas.sum_over_replicas(gradients), network.trainable_variables)
        if scale is not None:  # a skipped update halves it
            self.trackers[f"{player}_skipped"].update_state(scale.value < before)

    def _step(self, batch, fake_images, latents, real_logits, fake_logits, move):
        """What the penalties of a move may look at, with a seed that no other draw uses."""
        seed = self._draw_seed(MOVES_PER_STEP - 1 - move)
        return Step(
            real_images=batch.images,
            fake_images=fake_images,
            labels=batch.labels,
            latents=latents,
            real_logits=real_logits,
            fake_logits=fake_logits,
            discriminator=lambda images: self._as_penalties_call("discriminator")(images, batch.labels),
            generator=lambda latents: self._as_penalties_call("generator")(latents, batch.labels),
            uniform=lambda shape: batch.uniform(seed, shape),
        )

    def _penalize(self, player, step, batch, logs, lazy):
        total = 0.0
        for penalty in self.penalties:
            if penalty.player == player:
                if lazy:
                    value = penalty(step, self.step.value, self._in_lockstep)
                else:
                    value = penalty.value(step)
                logs[penalty.name] = batch.mean(value)
                total += value
        return total

    def _average(self):
        if not self.ema_decay:
            return
        step = tf.cast(self.step.value, tf.float32)
        decay = tf.minimum(self.ema_decay, (1.0 + step) / (EMA_RAMP + step))
        for average, weight in zip(self.ema_generator.weights, self.generator.weights, strict=True):
            if keras.backend.is_float_dtype(weight.dtype):
                rate = tf.cast(1.0 - decay, weight.dtype)
                average.assign_sub(rate * (average.value - weight.value))
            else:
                average.assign(weight.value)


class _Tape(tf.GradientTape):
    """A gradient tape that watches the given Keras variables only: its `variables`."""

    def __init__(self, variables):
        super().__init__(watch_accessed_variables=False)
        self.variables = [variable.value for variable in variables]

    def __enter__(self):
        tape = super().__enter__()
        tape.watch(self.variables)
        return tape
