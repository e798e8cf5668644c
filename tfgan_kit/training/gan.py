"""The GAN: two networks, trained against each other with `fit`."""

import warnings

from tfgan_kit import augment as augmentations
from tfgan_kit import objectives
from tfgan_kit.data.source import TrainingData, check_endless, one_epoch
from tfgan_kit.distribution import datasets
from tfgan_kit.generation import inputs
from tfgan_kit.generation.generative_model import GenerativeModel
from tfgan_kit.generation.judgement import takes_labels
from tfgan_kit.generation.sample import pack
from tfgan_kit.generation.seeds import image_seeds
from tfgan_kit.generation.translation import TranslationModel
from tfgan_kit.internals.keras import BuiltModel, draw_states, inner_optimizer, left_out_of_weight_decay
from tfgan_kit.ranges import as_value_error
from tfgan_kit.training import arguments, checks, data_stalls, executions, mistakes, pairing, preset_files, savable
from tfgan_kit.training.averaging import Average, copy_generator
from tfgan_kit.training.batch import Batch
from tfgan_kit.training.game import Draws, Game
from tfgan_kit.training.logs import Logs, Validation
from tfgan_kit.training.optimizers import OptimizerPair, one_each, prepare
from tfgan_kit.training.player import Player
from tfgan_kit.training.schedules import check_values
from tfgan_kit.training.updates import Alternating

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfgan_kit")
class GAN(BuiltModel):
    """A generator and a discriminator, trained against each other by `fit`.

    `predict`, `generate` and the exporter use `ema_generator`: the generator with the exponential moving
    average of its weights and statistics over training. `save` includes it.

    Args:
        generator: Keras model, latents (N, Z) -> images (N, H, W, C) in [-1, 1], or points (N, D);
            a class-conditional one takes `[latents, labels]`. Or images -> images, such as `networks.UNetGenerator`:
            then data are pairs (given, wanted), and `translate` is what `generate` is elsewhere.
        discriminator: Keras model, images -> logits (N, 1); conditional: `[images, labels]`. Or a dict of `logits` and
            what else it recovers from images, such as `networks.ACGANDiscriminator`, whose labels it is not given. Of
            translations: images, or `[images, given]`, -> logits (N, 1), or of patches (N, h, w, 1).
        latent_dim: int, Z; None reads it from the generator.
        num_classes: int; None reads it from the generator (attribute `num_classes`).
        ema_decay: float in [0, 1), decay of the average per step, reached from below as
            (1 + step) / (10 + step); 0 switches averaging off. Or a schedule of it, such as `schedules.HalfLife`, which
            nothing is added to.
        seed: int in [-2^31, 2^31). All random draws of training depend on (seed, step, row) alone.

    Raises:
        ValueError: an argument out of range, or networks whose shapes or classes do not match.

    Example:
        >>> gan = gk.GAN(gk.networks.DCGANGenerator(8, 1, width=4), gk.networks.DCGANDiscriminator(8, 1, width=4))
        >>> gan.compile("adam", "adam", objective="hinge")
        >>> history = gan.fit(images, epochs=1, verbose=0)          # uint8, or float in [-1, 1], (N, 8, 8, 1)
        >>> gan.generate(16, seed=0).shape
        (16, 8, 8, 1)

    Reference: Goodfellow et al., arXiv:1406.2661; averaging: Yazici et al., arXiv:1806.04498.
    """

    def __init__(self, generator, discriminator, latent_dim=None, num_classes=None, ema_decay=0.999, seed=0, **kwargs):
        # Each network has its own dtype policy; the GAN itself casts nothing.
        super().__init__(autocast=False, **kwargs)
        check_values("ema_decay", ema_decay, 0.0, 1.0)
        image_seeds(seed, 0)  # checks the range
        self.generator = generator
        self.discriminator = discriminator
        self.condition_shape = pairing.read_condition_shape(generator)
        if latent_dim is None and self.condition_shape is None:
            latent_dim = pairing.read_latent_dim(generator)
        self.latent_dim = latent_dim
        if num_classes is None:
            num_classes = getattr(generator, "num_classes", None)
        self.num_classes = num_classes
        for name, size in (("latent_dim", self.latent_dim), ("num_classes", num_classes)):
            if size is not None and size < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {name}={size}")
        self.ema_decay = ema_decay
        self.seed = seed
        self.step = self.add_weight(name="step", shape=(), dtype="int64", initializer="zeros", trainable=False)
        if self.condition_shape:
            self.image_shape = pairing.check_translators(generator, discriminator, self.condition_shape)
        else:
            self.image_shape = pairing.check_players(generator, discriminator, self.latent_dim, num_classes)
        self.ema_generator = copy_generator(generator, self._generator_row()) if ema_decay else generator
        self.average = Average(generator, self.ema_generator, ema_decay)
        if self.condition_shape:
            self.generative_model = TranslationModel(self.ema_generator, self.condition_shape, self.image_shape)
        else:
            self.generative_model = GenerativeModel(self.ema_generator, self.latent_dim, num_classes, self.image_shape)
        self.draws = Draws(seed, self.step)
        self.validation = Validation(())
        self._trains_here = False
        self.built = True

    def _generator_row(self):
        """An input of the generator with one row."""
        shape = None if self.condition_shape else (self.latent_dim,)
        return pairing.example_row(shape, self.num_classes, self.condition_shape)

    @property
    def steps_trained(self):
        """int, training steps so far (`int` of a variable fails under several replicas)."""
        return int(self.step.numpy())

    # The averaged generator

    def call(self, inputs, training=False):
        return self.ema_generator(inputs, training=False)

    def generate(self, num_images=None, seed=0, labels=None, seeds=None, truncation_psi=None):
        """Images of the averaged generator, each determined by an int64 seed: see `GenerativeModel.generate`."""
        return self.generative_model.generate(num_images, seed, labels, seeds, truncation_psi)

    def translate(self, images):
        """The averaged generator's translations of images: see `TranslationModel.translate`.

        Raises:
            ValueError: a generator of latents, or images of another shape, type or range.
        """
        if not self.condition_shape:
            raise ValueError("This GAN generates images of latents, and translates none: use `generate`.")
        return self.generative_model.translate(images)

    def edit(self, directions, strengths, num_images=None, seed=0, labels=None, seeds=None, truncation_psi=None):
        """The images of `generate`, moved along directions: see `GenerativeModel.edit`."""
        return self.generative_model.edit(directions, strengths, num_images, seed, labels, seeds, truncation_psi)

    def labels_of(self, seeds):
        """The labels that `generate` draws for int64 seeds (N,): int32 (N,), or None."""
        return self.generative_model.labels_of(seeds)

    def images_of_latents(self, latents, labels=None):
        """The images of given latents: see `GenerativeModel.images_of_latents`."""
        return self.generative_model.images_of_latents(latents, labels)

    def latents_to_w(self, latents, labels=None, truncation_psi=1.0, truncation_cutoff=None):
        """The styles w of latents, of a StyleGAN: see `GenerativeModel.latents_to_w`."""
        return self.generative_model.latents_to_w(latents, labels, truncation_psi, truncation_cutoff)

    def images_of_w(self, ws, noise_mode=None):
        """The images of styles w, of a StyleGAN: see `GenerativeModel.images_of_w`."""
        return self.generative_model.images_of_w(ws, noise_mode)

    def project(self, images, labels=None, starts=8, steps=500, seed=0):
        """The latents whose images are closest to the given ones: see `GenerativeModel.project`."""
        return self.generative_model.project(images, labels, starts, steps, seed)

    def refine(self, latents, labels=None, steps=100, step_size=0.01, seed=0):
        """Latents moved along the discriminator's gradient, to images with higher logits.

        Args:
            latents: float (N, Z).
            labels: int (N,), for a conditional GAN.
            steps, step_size, seed: see `latent_search.refine`.

        Returns:
            float32 (N, Z), for `predict`.

        Raises:
            ValueError: latents of the wrong shape, or labels that are missing or out of range.

        Example:
            >>> images = gan.predict(gan.refine(latents, steps=2), verbose=0)
        """
        return self.generative_model.refine(self.discriminator, latents, labels, steps, step_size, seed)

    def predict(self, x, batch_size=None, **kwargs):
        """`keras.Model.predict` of the averaged generator; under several replicas it runs on one device."""
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return super().predict(x, batch_size, **kwargs)
        return self.generative_model.predict(x, batch_size or 32)

    # Objective, penalties, update rule

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        objective="non_saturating",
        penalties=(),
        update=None,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile="auto",
        metrics=(),
        augment=None,
    ):
        """Sets the optimizers, the objective, the penalties, the update rule and the augmentation.

        Args:
            generator_optimizer, discriminator_optimizer: Keras optimizers, or their names. If only one is given,
                the other player gets a copy of it; if none is, both are "adam". Under `mixed_float16` each gets its
                own loss scale.
            objective: name in `objectives.OBJECTIVES`, or an `Objective`.
            penalties: `Penalty` instances, each with a unique name.
            update: an update rule, `Update`; None is `Alternating(1, 1)`.
            run_eagerly, steps_per_execution, jit_compile: as in `keras.Model.compile`.
            metrics: `keras.metrics.Metric`s of real images and of the averaged generator's images, e.g.
                `metrics.FrechetDistance`; measured only in `evaluate` and in the validation of `fit`.
                A saved GAN holds their configuration (a metric with an extractor's weights is left out,
                with a warning), never their accumulated state.
            augment: name in `augment.AUGMENTATIONS`, or an `Augmentation` of the images that the discriminator sees in
                training, for little data; None changes none. Penalties differentiate with respect to the images
                before it; `evaluate` and `generate` never augment.

        Raises:
            ValueError: an unknown objective or augmentation, one of other images than the GAN's, one optimizer
                for both players, two penalties or metrics with the same name, or, under several replicas:
                networks or optimizers created outside the strategy's scope, batch normalization that is not
                synchronized, `jit_compile`, `steps_per_execution` above 1, an objective that couples the rows of
                a batch.
            TypeError: a penalty, a metric, an update rule or an augmentation of another class than stated above.
        """
        with self.distribute_strategy.scope():
            checks.check_scopes(self, (generator_optimizer, discriminator_optimizer))
            generator_optimizer, discriminator_optimizer = one_each(generator_optimizer, discriminator_optimizer)
            super().compile(
                optimizer=None,
                run_eagerly=run_eagerly,
                steps_per_execution=steps_per_execution,
                jit_compile=jit_compile,
            )
            self.generator_optimizer = prepare(generator_optimizer, self.generator, "generator", self.step)
            self.discriminator_optimizer = prepare(
                discriminator_optimizer, self.discriminator, "discriminator", self.step
            )
            self.optimizer = OptimizerPair(self.generator_optimizer, self.discriminator_optimizer)
            self.objective = objectives.get(objective)
            self.penalties = checks.penalties_of(penalties)
            self.update = update or Alternating()
            checks.check_update(self.update)
            self.augment = augmentations.get(augment)
            # The variables of penalties and augmentation, saved in every checkpoint.
            self.adaptive = keras.layers.Layer(name="adaptive")
            for penalty in self.penalties:
                penalty.build(self.adaptive)
            if self.augment:
                checks.check_augment(self)
                self.augment.check(self.image_shape)
                self.augment.build(self.adaptive)
            checks.check_replicas(self)
            checks.check_coupling(self)
            self.logs = Logs(self.penalties, self.optimizer.optimizers, self.distribute_strategy, self.augment)
            self.trackers = self.logs.trackers
            self.validation = Validation(metrics, self.trackers, self.distribute_strategy)
            self.game = Game(
                *self._players(), self.objective, self.penalties, self.latent_dim, self.draws, self.augment
            )

    def _players(self):
        told = (self.num_classes, self.condition_shape) if takes_labels(self.discriminator) else (None, None)
        judged = pairing.example_row(self.image_shape, *told)
        sides = (
            ("generator", self.generator, self.generator_optimizer, self._generator_row()),
            ("discriminator", self.discriminator, self.discriminator_optimizer, judged),
        )
        for name, network, optimizer, row in sides:
            yield Player(name, network, optimizer, row, self.logs.trackers.get(f"{name[0]}_skipped"))

    # The step

    def train_step(self, data):
        return self.end_step(self.update.step(self.game, self.read(data)))

    def end_step(self, logs):
        """Counts a training step and moves the average; the end of every `train_step`, also of an overridden one.

        Args:
            logs: dict of float32 scalars by name: this replica's shares of the means over the whole batch. The names
                are those of `metrics`.

        Returns:
            The logs for `fit`: running means over the epoch, by name.

        Example:
            >>> class Mine(gk.GAN):
            ...     def train_step(self, data):
            ...         batch = self.read(data)
            ...         logs = self.update.step(self.game, batch)
            ...         return self.end_step(logs)
        """
        self.step.assign_add(1)
        self.average.move(self.step.value)
        if self.augment and self.augment.adapts:
            self.augment.adapt(self.step.value)
        return self.logs.track(logs)

    def test_step(self, data):
        """The losses on held-out data, with the networks in inference mode; no weight changes."""
        batch = self.read(data)
        # Each batch has different latents, and every evaluation draws the same ones.
        seed = tf.stack([tf.constant(~self.seed, tf.int64), self.logs.rows()])
        latents = None if self.condition_shape else batch.normal(seed, [self.latent_dim])
        logs = self.game.losses(batch, latents)
        if self.validation.metrics:
            images = self.ema_generator(pack(latents, batch.condition), training=False)
            self.validation.update(batch.images, tf.cast(images, tf.float32))
        return self.logs.track(logs, weight=tf.cast(batch.total, tf.float32))

    def read(self, data):
        """A `Batch` from one element of a data set: images, or (images, labels); pairs (given, wanted)."""
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        arguments.check_weights({"sample_weight": weights})
        if self.condition_shape:
            given, wanted = inputs.prepare_pair(images, labels, self.condition_shape, self.image_shape)
            return Batch.of(wanted, given)
        labels = inputs.prepare_labels(labels, self.num_classes)
        return Batch.of(inputs.prepare_images(images, self.image_shape), labels)

    @property
    def metrics(self):
        return list(self.trackers.values()) if self.compiled else []

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, **kwargs):
        """`keras.Model.fit` for images, `(images, labels)`, pairs `(given, wanted)`, or a `tf.data.Dataset` of these.

        A data set of `tfgan_kit.data` starts at the batch that follows the GAN's last step, so that
        training in two calls, or after loading a checkpoint, gives the same result as training in one.

        Raises:
            ValueError: a callback that cannot work with two optimizers (the message names the
                alternative), sample or class weights, or data that cannot be split over several
                replicas: an unsupported type, or a last batch with fewer rows than replicas.
        """
        arguments.check_callbacks(callbacks)
        arguments.check_arrays(x, y, self.num_classes)
        arguments.check_weights(kwargs)
        callbacks = self._before_training(callbacks)
        if not kwargs.get("validation_steps"):
            kwargs["validation_data"] = one_epoch(kwargs.get("validation_data"))
        resumed = self.steps_trained > 0 and not self._trains_here
        self._trains_here = True
        check_endless(x, kwargs.get("steps_per_epoch"), "steps_per_epoch")
        check_endless(kwargs.get("validation_data"), kwargs.get("validation_steps"), "validation_steps")
        if isinstance(x, TrainingData):
            arguments.check_source(x.source, self.num_classes)
            kwargs["steps_per_epoch"] = kwargs.get("steps_per_epoch") or x.steps_per_epoch
            x = x.at_step(self.steps_trained)
            kwargs.setdefault("shuffle", False)  # it is shuffled already; Keras would warn
        elif resumed or arguments.writes_checkpoints(callbacks):
            warnings.warn(arguments.ORDER_IS_LOST, stacklevel=2)
        x = mistakes.checked(x)
        if self.distribute_strategy.num_replicas_in_sync > 1:
            x, kwargs = datasets.share_out_fit(
                self.distribute_strategy, self.seed + self.steps_trained, x, y, batch_size, **kwargs
            )
            y, batch_size = None, None
        lengths = kwargs.get("steps_per_epoch"), kwargs.get("validation_steps")
        with executions.ending_with(self, *lengths), data_stalls.watch(self), as_value_error():
            history = super().fit(x, y, batch_size, epochs, verbose, callbacks, **kwargs)
        arguments.check_trained(history)
        return history

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", *, return_dict=False, **kwargs):
        """`keras.Model.evaluate`; on an endless data set of `tfgan_kit.data`, one epoch.

        The metrics of `compile` are computed once, after the last batch: they are not in the logs that
        callbacks receive during it.
        """
        arguments.check_arrays(x, y, self.num_classes)
        x = x if kwargs.get("steps") else one_epoch(x)
        check_endless(x, kwargs.get("steps"), "steps")
        x = mistakes.checked(x)
        if self.distribute_strategy.num_replicas_in_sync > 1:
            x, kwargs["steps"] = datasets.share_out(self.distribute_strategy, x, y, batch_size, kwargs.get("steps"))
            y, batch_size = None, None
        self.validation.reset()
        with executions.ending_with(self, kwargs.get("steps")), as_value_error():
            logs = super().evaluate(x, y, batch_size, verbose, return_dict=True, **kwargs)
        logs = logs | self.validation.results()
        # Keras sorts a dict's names, but lists values in the metrics' order.
        names = [*self.trackers, *(metric.name for metric in self.validation.metrics)]
        return logs if return_dict else [logs[name] for name in names if name in logs]

    def train_on_batch(self, *args, **kwargs):
        """`keras.Model.train_on_batch`, on one device.

        Raises:
            ValueError: under several replicas, each of which would receive the whole batch.
        """
        if self.distribute_strategy.num_replicas_in_sync > 1:
            raise ValueError("A batch is split over several replicas in `fit` only: use `fit`.")
        with as_value_error():
            return super().train_on_batch(*args, **kwargs)

    def _before_training(self, callbacks):
        """The callbacks of `fit`, after the checks of the game; restores the model of a `BackupAndRestore`."""
        if not self.compiled:  # Keras says so
            return callbacks
        checks.check_replicas(self)  # attributes that Keras reads may have been set after `compile`
        mistakes.check_players_learn((self.game.generator, self.game.discriminator))
        savable.check(self, refuse=arguments.writes_checkpoints(callbacks))
        for callback in arguments.flat_callbacks(callbacks):
            if isinstance(callback, keras.callbacks.BackupAndRestore):  # it restores too late for the data's position
                callback.set_model(self)
                callback.on_train_begin()
        if type(self).train_step is not GAN.train_step:
            callbacks = [*arguments.flat_callbacks(callbacks), mistakes.StepCounter()]
        return callbacks

    # Files

    def save(self, filepath, overwrite=True, **kwargs):
        """`keras.Model.save`, of a `.keras` file that `keras.saving.load_model` is able to load.

        Raises:
            ValueError: another format, or a part that could not be loaded again, such as a Lambda or a class that is
                not registered.
        """
        arguments.check_format(filepath)
        savable.check(self, refuse=True)
        super().save(filepath, overwrite, **kwargs)

    def save_to_preset(self, preset_dir, card=None):
        """Writes the GAN as a folder to share, in the layout of KerasHub's presets, which `from_preset` reads.

        The folder holds what `save` writes, the images of the seeds 0 to 63, and a model card.

        Args:
            preset_dir: path, a new folder, or an earlier preset's, which is replaced when the new one is whole.
            card: str, the model card, Markdown, such as `runs.model_card.model_card` writes; None: one of what the
                GAN itself knows.

        Raises:
            ValueError: a folder of something else, or a part that could not be loaded again.

        Example:
            >>> gan.save_to_preset("shared/mine")
            >>> gk.from_preset("shared/mine").steps_trained
            0
        """
        preset_files.write(self, preset_dir, card)

    def export(self, *args, **kwargs):
        """Refused with a ValueError that names `tfgan_kit.export_generator`, which makes a version for a server."""
        raise ValueError(
            "A GAN is exported for a server by tfgan_kit.export_generator(gan, 'models/NAME'), or from its file by "
            "python -m tfgan_kit.export; Keras's own export would leave seeds, labels, PNG and the checks out."
        )

    def save_own_variables(self, store):
        """The step, and the random states of the networks' stochastic layers (dropout)."""
        super().save_own_variables(store)
        for k, state in enumerate(self._draw_states()):
            store[f"draws_{k}"] = state.numpy()

    def load_own_variables(self, store):
        names = list(store.keys())
        super().load_own_variables({n: store[n] for n in names if not n.startswith("draws_")})
        for k, state in enumerate(self._draw_states()):
            if f"draws_{k}" in names:
                state.assign(store[f"draws_{k}"])

    def _draw_states(self):
        return draw_states(self.generator) + draw_states(self.discriminator)

    def get_config(self):
        return {
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "latent_dim": self.latent_dim,
            "num_classes": self.num_classes,
            "ema_decay": keras.saving.serialize_keras_object(self.ema_decay),
            "seed": self.seed,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        objects = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("generator", "discriminator", "ema_decay")
        }
        return cls(**{**config, **objects})

    def get_compile_config(self):
        if not self.compiled:
            return {}
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
            "metrics": self.validation.serialized(),
            "augment": serialize(self.augment),
            "left_out_of_weight_decay": [
                left_out_of_weight_decay(player.optimizer, player.network.trainable_variables)
                for player in (self.game.generator, self.game.discriminator)
            ],
        }

    def compile_from_config(self, config):
        deserialize = keras.saving.deserialize_keras_object
        objects = {
            name: deserialize(config.get(name))  # files of version 0.1 hold no augmentation
            for name in ("generator_optimizer", "discriminator_optimizer", "objective", "update", "augment")
        }
        config = dict(config)
        left_out = config.pop("left_out_of_weight_decay", ([], []))  # files of version 0.1 do not hold them
        for player, places in zip(("generator", "discriminator"), left_out, strict=True):
            variables = getattr(self, player).trainable_variables
            optimizer = inner_optimizer(objects[f"{player}_optimizer"])
            optimizer.exclude_from_weight_decay(var_list=[variables[k] for k in places])
        lists = {
            name: [deserialize(each) for each in config.get(name, ())]  # files of version 0.1 hold no metrics
            for name in ("penalties", "metrics")
        }
        speed = {}
        if self.distribute_strategy.num_replicas_in_sync > 1:  # several replicas do not support other values
            speed = {"jit_compile": False, "steps_per_execution": 1}
        self.compile(**{**config, **objects, **lists, **speed})
