"""What a GAN logs: losses and scores of training, and metrics of `evaluate`."""

import warnings

from tfgan_kit.distribution import replicas, strategies

import keras
import tensorflow as tf


class Logs:
    """The means that `fit` shows: losses, penalties, scores of an epoch so far.

    Args:
        penalties: `Penalty` instances.
        optimizers: the generator's and the discriminator's; one with a loss scale has its skipped updates counted.
        strategy: `tf.distribute.Strategy` that training runs under.

    Attributes:
        trackers: a dict of `keras.metrics.Metric`s by name: d_loss, g_loss, a name a penalty,
            divergence_bound, real_score, fake_score, g_skipped, d_skipped.

    Raises:
        ValueError: two penalties of one name.
    """

    def __init__(self, penalties, optimizers, strategy):
        names = ["d_loss", "g_loss", *(penalty.name for penalty in penalties)]
        names += ["divergence_bound", "real_score", "fake_score"]
        if len(set(names)) < len(names):
            raise ValueError(f"Each penalty needs a name of its own. Received: names={names}")
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}
        for player, optimizer in zip("gd", optimizers, strict=True):
            if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
                self.trackers[f"{player}_skipped"] = SkipCount(name=f"{player}_skipped")
        self._strategy = strategy

    def rows(self):
        """How many rows `track` has counted with their number as weight: int64 scalar."""
        return tf.cast(self.trackers["d_loss"].count, tf.int64)

    def track(self, shares, weight=None):
        """Adds a step's values, shares of the whole batch's means by name; returns the means so far."""
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

    No Keras object, so that a checkpoint does not carry the sums of one evaluation, nor a training
    epoch compute the value of none.

    Args:
        metrics: `keras.metrics.Metric`s whose `update_state` takes real and generated images.
        taken: names that the losses and scores have in the logs.
        strategy: `tf.distribute.Strategy` that the metrics are to be updated under.

    Raises:
        TypeError: something else than metrics.
        ValueError: two of one name, or a metric that was made outside of the strategy's scope.
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
            raise ValueError(f"Each metric needs a name of its own. Received: names={names}")

    def _check_scope(self, metric):
        if self._strategy is None or self._strategy.num_replicas_in_sync == 1:
            return
        for variable in metric.variables:
            if not self._strategy.extended.variable_created_in_scope(variable.value):
                raise ValueError(
                    "Make the metrics under `with strategy.scope():`, as the GAN. "
                    f"Received: the metric {metric.name!r} of another scope"
                )

    def reset(self):
        for metric in self.metrics:
            metric.reset_state()

    def update(self, real_images, generated_images):
        """Adds a batch, float32 (N, ...) each; in the graph, of a replica its own rows."""
        for metric in self.metrics:
            metric.update_state(real_images, generated_images)

    def results(self):
        """The values of all batches of all replicas since `reset`, floats by name."""
        return {metric.name: float(metric.result()) for metric in self.metrics}

    def serialized(self):
        """The metrics for a GAN's file; one that has no configuration is left out, with a warning."""
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
    """How many of an epoch's updates a loss scale has skipped for gradients that overflowed."""

    def __init__(self, name):
        super().__init__(name=name)
        # Every replica skips the same updates.
        self.count = self.add_variable((), "zeros", aggregation="only_first_replica", name="count")

    def update_state(self, skipped):
        self.count.assign_add(tf.cast(skipped, tf.float32))

    def result(self):
        return tf.convert_to_tensor(self.count.value)
