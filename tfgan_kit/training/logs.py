"""The logs of a GAN: losses and scores of training, and metrics of `evaluate`."""

import warnings

from tfgan_kit.distribution import replicas, strategies

import keras
import tensorflow as tf


class Logs:
    """The running means that `fit` shows: losses, penalties, and scores of the epoch so far.

    Args:
        penalties: `Penalty` instances.
        optimizers: the generator's and the discriminator's; the skipped updates of one with a loss scale are counted.
        strategy: `tf.distribute.Strategy` that training runs under.
        augment: `Augmentation`, or None.

    Attributes:
        trackers: a dict of `keras.metrics.Metric`s by name: d_loss, g_loss, one per penalty, and
            what else it logs, divergence_bound, real_score, fake_score, the augmentation's, g_skipped, d_skipped.

    Raises:
        ValueError: two penalties with the same name.
    """

    def __init__(self, penalties, optimizers, strategy, augment=None):
        names = ["d_loss", "g_loss", *(name for penalty in penalties for name in (penalty.name, *penalty.log_names))]
        names += ["divergence_bound", "real_score", "fake_score", *(augment.log_names if augment else ())]
        if len(set(names)) < len(names):
            raise ValueError(f"Each penalty needs a unique name. Received: names={names}")
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}
        for player, optimizer in zip("gd", optimizers, strict=True):
            if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
                self.trackers[f"{player}_skipped"] = SkipCount(name=f"{player}_skipped")
        self._strategy = strategy

    def rows(self):
        """The number of rows that `track` has counted, where `weight` was their number: int64 scalar."""
        return tf.cast(self.trackers["d_loss"].count, tf.int64)

    def track(self, shares, weight=None):
        """Adds a step's values, shares of means over the whole batch by name; returns the running means."""
        (values,) = replicas.sum_over_replicas([tf.stack(list(shares.values()))])
        for name, value in zip(shares, tf.unstack(values), strict=True):
            self.trackers[name].update_state(value, sample_weight=weight)
        counts = [] if weight is not None else [name for name in self.trackers if name.endswith("_skipped")]
        results = {name: self.trackers[name].result() for name in [*shares, *counts]}
        if strategies.logs_need_an_axis(self._strategy):
            return {name: tf.reshape(result, [1]) for name, result in results.items()}
        return results


class Validation:
    """The `metrics` of `GAN.compile`.

    Not a Keras object, so that a checkpoint does not hold the accumulated state of an evaluation, and a
    training epoch does not compute the metrics' values.

    Args:
        metrics: `keras.metrics.Metric`s whose `update_state` takes real and generated images.
        taken: names that losses and scores already use in the logs.
        strategy: `tf.distribute.Strategy` that the metrics are updated under.

    Raises:
        TypeError: an element that is not a Keras metric.
        ValueError: two metrics with the same name, or one created outside the strategy's scope.
    """

    def __init__(self, metrics, taken=(), strategy=None):
        self.metrics = list(metrics) if isinstance(metrics, list | tuple) else [metrics]
        self._strategy = strategy
        for metric in self.metrics:
            if not isinstance(metric, keras.metrics.Metric):
                raise TypeError(
                    "`metrics` are keras.metrics.Metrics of real and generated images, such as "
                    f"tfgan_kit.metrics.FrechetDistance. Received: {metric!r} among them"
                )
            self._check_scope(metric)
        names = [*taken, *(metric.name for metric in self.metrics)]
        if len(set(names)) < len(names):
            raise ValueError(f"Each metric needs a unique name. Received: names={names}")

    def _check_scope(self, metric):
        if self._strategy is None or self._strategy.num_replicas_in_sync == 1:
            return
        for variable in metric.variables:
            if not self._strategy.extended.variable_created_in_scope(variable.value):
                raise ValueError(
                    "Create the metrics under `with strategy.scope():`, like the GAN. "
                    f"Received: the metric {metric.name!r} of another scope"
                )

    def reset(self):
        for metric in self.metrics:
            metric.reset_state()

    def update(self, real_images, generated_images):
        """Adds a batch, float32 (N, ...) each; inside the graph, each replica adds its own rows."""
        for metric in self.metrics:
            metric.update_state(real_images, generated_images)

    def results(self):
        """The values over all batches and replicas since `reset`: floats by name."""
        return {metric.name: float(metric.result()) for metric in self.metrics}

    def serialized(self):
        """The metrics' configurations for a GAN's file; a metric without one is left out, with a warning."""
        return [config for config in map(_serialized, self.metrics) if config]


def _serialized(metric):
    try:
        return keras.saving.serialize_keras_object(metric)
    except (NotImplementedError, TypeError, ValueError) as error:
        warnings.warn(
            f"The metric {metric.name!r} is not saved with the GAN: after loading, give it to `compile` "
            f"again, with the loaded GAN's own optimizers. {error}",
            stacklevel=2,
        )
        return None


class SkipCount(keras.metrics.Metric):
    """The number of an epoch's updates that a loss scale skipped because gradients overflowed."""

    def __init__(self, name):
        super().__init__(name=name)
        # Every replica skips the same updates.
        self.count = self.add_variable((), "zeros", aggregation="only_first_replica", name="count")

    def update_state(self, skipped):
        self.count.assign_add(tf.cast(skipped, tf.float32))

    def result(self):
        return tf.convert_to_tensor(self.count.value)
