"""The game: two networks, trained with `fit`."""

import keras
import numpy as np
import tensorflow as tf

from tfgan_kit import inputs, objectives, players, sampling
from tfgan_kit.optimizers import OptimizerPair, prepare
from tfgan_kit.penalties import Penalty, Step
from tfgan_kit.updates import Alternating

GENERATE_BATCH = 64
MOVES_PER_STEP = 1024  # stateless seeds set aside for one step's moves
EMA_RAMP = 10.0  # tf.train.ExponentialMovingAverage's: decay (1 + t) / (10 + t) at step t


@keras.saving.register_keras_serializable("tfgan_kit")
class GAN(keras.Model):
    """A generator and a discriminator, trained against each other by `fit`.

    `predict`, `generate`, `save` and the exporter all speak of the same generator: the exponential
    moving average of its weights and statistics over training, `ema_generator`.

    Args:
        generator: Keras model, latents (N, Z) -> images (N, H, W, C) in [-1, 1], or points (N, D);
            a class-conditional one takes `[latents, labels]`.
        discriminator: Keras model, images -> logits (N, 1); conditional: `[images, labels]`.
        latent_dim: int, Z; None reads it off the generator.
        num_classes: int; None reads it off the generator (attribute `num_classes`).
        ema_decay: float in [0, 1), decay of the average a step, reached from below as
            (1 + step) / (10 + step); 0 switches averaging off.
        seed: int in [-2^31, 2^31). All draws of training come from (seed, step, row) alone.

    Raises:
        ValueError: arguments outside these ranges, or networks that do not fit together.

    Example:
        >>> gan = GAN(DCGANGenerator(28, 1), DCGANDiscriminator(28, 1))
        >>> gan.compile("adam", "adam", objective="hinge")
        >>> history = gan.fit(images, epochs=1)          # uint8 or float [-1, 1], (N, 28, 28, 1)
        >>> gan.generate(16, seed=0).shape
        (16, 28, 28, 1)

    Reference: Goodfellow et al., arXiv:1406.2661; averaging: Yazici et al., arXiv:1806.04498.
    """

    def __init__(
        self, generator, discriminator, latent_dim=None, num_classes=None, ema_decay=0.999, seed=0,
        **kwargs,
    ):
        # The networks have precisions of their own; the game itself casts nothing.
        super().__init__(autocast=False, **kwargs)
        if not 0.0 <= ema_decay < 1.0:
            raise ValueError(f"`ema_decay` must be in [0, 1). Received: ema_decay={ema_decay}")
        sampling.image_seeds(seed, 0)  # checks the range
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = players.read_latent_dim(generator) if latent_dim is None else latent_dim
        if num_classes is None:
            num_classes = getattr(generator, "num_classes", None)
        self.num_classes = num_classes
        for name, size in (("latent_dim", self.latent_dim), ("num_classes", num_classes)):
            if size is not None and size < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {name}={size}")
        self.ema_decay = ema_decay
        self.seed = seed
        self.step = self.add_weight(
            name="step", shape=(), dtype="int64", initializer="zeros", trainable=False
        )
        self.image_shape = players.check_players(
            generator, discriminator, self.latent_dim, num_classes
        )
        self.ema_generator = generator
        if ema_decay:
            row = players.example_row(self.latent_dim, num_classes)
            self.ema_generator = players.copy_generator(generator, row)
        self._sampler = tf.function(
            lambda latents, labels: sampling.sample(self.ema_generator, latents, labels),
            reduce_retracing=True,
        )
        self.built = True

    # The game's rules

    def compile(
        self, generator_optimizer="adam", discriminator_optimizer="adam",
        objective="non_saturating", penalties=(), update=None, run_eagerly=False,
        steps_per_execution=1, jit_compile="auto",
    ):
        """Sets how the players learn.

        Args:
            generator_optimizer, discriminator_optimizer: Keras optimizers, or their names; under
                `mixed_float16` each is given a loss scale of its own.
            objective: name in `objectives.OBJECTIVES`, or an `Objective`.
            penalties: `Penalty` instances, each with a name of its own.
            update: rule of the moves; None is `Alternating(1, 1)`.
            run_eagerly, steps_per_execution, jit_compile: as in `keras.Model.compile`.

        Raises:
            ValueError: an unknown objective, one optimizer for both players, two penalties of one
                name, or a strategy of several replicas (not supported yet).
            TypeError: penalties or an update that are none.
        """
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            raise ValueError(
                "Training on several replicas is not supported yet: build and compile the GAN "
                "outside the strategy's scope, or under one with a single replica. Received: "
                f"num_replicas_in_sync={tf.distribute.get_strategy().num_replicas_in_sync}"
            )
        if generator_optimizer is discriminator_optimizer and not isinstance(
            generator_optimizer, str
        ):
            raise ValueError(
                "The players need an optimizer each, since an optimizer's state belongs to one "
                f"network's weights. Received the same object twice: {generator_optimizer}"
            )
        super().compile(
            optimizer=None, run_eagerly=run_eagerly, steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
        )
        self.generator_optimizer = prepare(generator_optimizer, self.generator, "generator")
        self.discriminator_optimizer = prepare(
            discriminator_optimizer, self.discriminator, "discriminator"
        )
        self.optimizer = OptimizerPair(self.generator_optimizer, self.discriminator_optimizer)
        self.objective = objectives.get(objective)
        self.penalties = _check_penalties(penalties)
        self.update = update or Alternating()
        if not callable(self.update):
            raise TypeError(
                "`update` is a rule of the moves, such as tfgan_kit.Alternating(1, 1). "
                f"Received: update={update!r}"
            )
        names = ["d_loss", "g_loss", *(p.name for p in self.penalties), "real_score", "fake_score"]
        if len(set(names)) < len(names):
            raise ValueError(f"Each penalty needs a name of its own. Received: names={names}")
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}

    @property
    def metrics(self):
        return list(self.trackers.values()) if self.compiled else []

    def fit(
        self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, **kwargs
    ):
        """`keras.Model.fit` for images, `(images, labels)`, or a `tf.data.Dataset` of either.

        A data set of `tfgan_kit.data` starts at the batch that follows the GAN's last step, so that
        training in two calls, or after loading a checkpoint, equals training in one.

        Raises:
            ValueError: a callback that cannot work with two optimizers; the message names the
                alternative.
        """
        inputs.check_callbacks(callbacks)
        inputs.check_arrays(x, y, self.num_classes)
        self._restore_backup(callbacks)
        kwargs["validation_data"] = _one_epoch(kwargs.get("validation_data"))
        if hasattr(x, "at_step"):
            inputs.check_source(x.source, self.num_classes)
            kwargs["steps_per_epoch"] = kwargs.get("steps_per_epoch") or x.steps_per_epoch
            x = x.at_step(int(self.step))
            kwargs.setdefault("shuffle", False)  # it is shuffled already; Keras would warn
        return super().fit(x, y, batch_size, epochs, verbose, callbacks, **kwargs)

    def evaluate(self, x=None, y=None, **kwargs):
        """`keras.Model.evaluate`; of an endless data set of `tfgan_kit.data`, one epoch."""
        inputs.check_arrays(x, y, self.num_classes)
        return super().evaluate(_one_epoch(x), y, **kwargs)

    def _restore_backup(self, callbacks):
        """`BackupAndRestore` restores when training begins; the data's position is read before."""
        for callback in inputs.flat_callbacks(callbacks):
            if isinstance(callback, keras.callbacks.BackupAndRestore):
                callback.set_model(self)
                callback.on_train_begin()

    def train_step(self, data):
        images, labels = self._unpack(data)
        logs = self.update(self, images, labels)
        self.step.assign_add(1)
        self._average()
        return self._track(logs)

    def test_step(self, data):
        """The losses on held-out data, networks in inference mode, no weight changed."""
        images, labels = self._unpack(data)
        # The tracker counts this evaluation's batches: each gets latents of its own, the same ones
        # in every evaluation.
        batch = tf.cast(self.trackers["d_loss"].count, tf.int64)
        seed = tf.stack([tf.constant(~self.seed, tf.int64), batch])
        latents = self._draw(tf.shape(images)[0], seed)
        fake = self.run_generator(latents, labels, training=False)
        real_logits = self.run_discriminator(images, labels, training=False)
        fake_logits = self.run_discriminator(fake, labels, training=False)
        return self._track({
            "d_loss": self.objective.discriminator_loss(real_logits, fake_logits),
            "g_loss": self.objective.generator_loss(real_logits, fake_logits),
            "real_score": tf.reduce_mean(real_logits),
            "fake_score": tf.reduce_mean(fake_logits),
        })

    def _track(self, logs):
        for name, value in logs.items():
            self.trackers[name].update_state(value)
        return {name: self.trackers[name].result() for name in logs}

    def _unpack(self, data):
        images, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        labels = inputs.prepare_labels(labels, self.num_classes)
        return inputs.prepare_images(images, self.image_shape), labels

    # The players' moves, as the update rules call them

    def draw_latents(self, count, move):
        """Latents of one move of the current step: float32 (count, Z), from (seed, step, move)."""
        return self._draw(count, self._draw_seed(move))

    def _draw(self, count, seed):
        # Philox draws the same on CPU and GPU; under XLA TensorFlow draws other numbers from it.
        return tf.random.stateless_normal([count, self.latent_dim], seed, alg="philox")

    def _draw_seed(self, move):
        position = self.step.value * MOVES_PER_STEP + move
        return tf.stack([tf.constant(self.seed, tf.int64), position])

    def run_generator(self, latents, labels, training=True):
        row = latents if labels is None else [latents, labels]
        return self.generator(row, training=training)

    def run_discriminator(self, images, labels, training=True):
        row = images if labels is None else [images, labels]
        return self.discriminator(row, training=training)

    def generator_tape(self):
        """A tape that records gradients of the generator's weights, and of no others."""
        return _Tape(self.generator.trainable_variables)

    def move_discriminator(self, real_images, fake_images, labels, latents, move=0):
        """One update of the discriminator, the step's `move`-th of all; returns its logs."""
        with _Tape(self.discriminator.trainable_variables) as tape:
            real_logits = self.run_discriminator(real_images, labels)
            fake_logits = self.run_discriminator(fake_images, labels)
            loss = self.objective.discriminator_loss(real_logits, fake_logits)
            logs = {"d_loss": loss}
            step = Step(
                real_images, fake_images, labels, latents, real_logits, fake_logits,
                **self._callables(labels, move),
            )
            loss += self._penalize("discriminator", step, logs) + players.regularize(self.discriminator)
            scaled = self.discriminator_optimizer.scale_loss(loss)
        self._apply(self.discriminator_optimizer, tape, scaled, self.discriminator)
        logs["real_score"] = tf.reduce_mean(real_logits)
        logs["fake_score"] = tf.reduce_mean(fake_logits)
        return logs

    def generator_loss(self, real_images, fake_images, labels, latents, move=1):
        """The generator's loss and its logs; to be called under `generator_tape`."""
        fake_logits = self.run_discriminator(fake_images, labels)
        real_logits = None
        if self.objective.generator_sees_real:
            real_logits = self.run_discriminator(real_images, labels)
        loss = self.objective.generator_loss(real_logits, fake_logits)
        logs = {"g_loss": loss}
        step = Step(
            real_images, fake_images, labels, latents, real_logits, fake_logits,
            **self._callables(labels, move),
        )
        loss += self._penalize("generator", step, logs) + players.regularize(self.generator)
        return self.generator_optimizer.scale_loss(loss), logs

    def move_generator(self, tape, loss):
        """One update of the generator by the loss that `tape` recorded."""
        self._apply(self.generator_optimizer, tape, loss, self.generator)

    def _apply(self, optimizer, tape, loss, network):
        variables = network.trainable_variables
        gradients = tape.gradient(loss, [v.value for v in variables])
        optimizer.apply(gradients, variables)

    def _callables(self, labels, move):
        """The rest of a move's `Step`: the networks, and a seed that no other draw uses."""
        return {
            "discriminator": lambda images: self.run_discriminator(images, labels),
            "generator": lambda latents: self.run_generator(latents, labels),
            "seed": self._draw_seed(MOVES_PER_STEP - 1 - move),
        }

    def _penalize(self, player, step, logs):
        total = 0.0
        for penalty in self.penalties:
            if penalty.player == player:
                logs[penalty.name] = penalty(step, self.step.value)
                total += logs[penalty.name]
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

    # The generative model

    def call(self, inputs, training=False):
        return self.ema_generator(inputs, training=False)

    def generate(self, num_images=None, seed=0, labels=None, seeds=None):
        """Images of the averaged generator, each named by an int64 seed.

        Args:
            num_images: int >= 1; None: as many as `seeds` or `labels`.
            seed: int, names the images `sampling.image_seeds(seed, num_images)`.
            labels: int or integers (num_images,) in [0, num_classes); None draws each from the
                image's seed. Not for an unconditional GAN.
            seeds: int64 (num_images,), instead of `seed`.

        Returns:
            uint8 (num_images, H, W, C); points: float32 (num_images, D).

        Raises:
            ValueError: counts that disagree, or a label out of range.
        """
        seeds = inputs.check_seeds(num_images, seed, labels, seeds)
        labels = self._check_labels(labels, seeds)
        images = []
        for start in range(0, len(seeds), GENERATE_BATCH):
            rows = slice(start, start + GENERATE_BATCH)
            latents = sampling.latents_from_seeds(seeds[rows], self.latent_dim)
            images.append(self._sampler(latents, None if labels is None else labels[rows]).numpy())
        return np.concatenate(images)

    def labels_of(self, seeds):
        """The labels that `generate` draws for int64 seeds (N,): int32 (N,), or None."""
        if self.num_classes is None:
            return None
        return sampling.labels_from_seeds(seeds, self.num_classes).numpy()

    def _check_labels(self, labels, seeds):
        if self.num_classes is None:
            if labels is not None:
                raise ValueError(
                    "This GAN is unconditional: leave `labels` out. Received: labels were given."
                )
            return None
        if labels is None:
            return self.labels_of(seeds)
        return inputs.check_labels(labels, len(seeds), self.num_classes)

    # Files

    def get_config(self):
        return {
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "latent_dim": self.latent_dim,
            "num_classes": self.num_classes,
            "ema_decay": self.ema_decay,
            "seed": self.seed,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        networks = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("generator", "discriminator")
        }
        return cls(**{**config, **networks})

    def get_compile_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            "generator_optimizer": serialize(self.generator_optimizer),
            "discriminator_optimizer": serialize(self.discriminator_optimizer),
            "objective": serialize(self.objective),
            "penalties": [serialize(penalty) for penalty in self.penalties],
            "update": serialize(self.update),
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
            "jit_compile": self.jit_compile,
        }

    def compile_from_config(self, config):
        deserialize = keras.saving.deserialize_keras_object
        objects = {
            name: deserialize(config[name])
            for name in ("generator_optimizer", "discriminator_optimizer", "objective", "update")
        }
        penalties = [deserialize(penalty) for penalty in config["penalties"]]
        self.compile(**{**config, **objects, "penalties": penalties})


class _Tape(tf.GradientTape):
    """A gradient tape that watches the given Keras variables only."""

    def __init__(self, variables):
        super().__init__(watch_accessed_variables=False)
        self._variables = variables

    def __enter__(self):
        tape = super().__enter__()
        tape.watch([variable.value for variable in self._variables])
        return tape


def _one_epoch(data):
    """An endless data set of `tfgan_kit.data`, cut after an epoch; other data as it is."""
    return data.take(data.steps_per_epoch) if hasattr(data, "at_step") else data


def _check_penalties(penalties):
    penalties = tuple(penalties) if isinstance(penalties, list | tuple) else (penalties,)
    for penalty in penalties:
        if not isinstance(penalty, Penalty):
            raise TypeError(
                "`penalties` are instances of tfgan_kit.penalties.Penalty, e.g. [R1(gamma=1.0)]. "
                f"Received: {penalty!r} among them"
            )
    return penalties
