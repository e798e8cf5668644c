"""Metrics that Keras gathers batch by batch, on any number of replicas: sums in float64, merged by adding."""

from tfgan_kit.distribution import replicas
from tfgan_kit.divergences.gaussian import Gaussian
from tfgan_kit.metrics.measures.inception_score import PROBABILITY_TOLERANCE

import keras
import numpy as np
import tensorflow as tf


class _Streaming(keras.metrics.Metric):
    """What the metrics of this file share: an extractor, and float64 sums that replicas add up."""

    def __init__(self, dimension, extractor, name):
        super().__init__(dtype="float64", name=name)
        if not isinstance(dimension, int | np.integer) or dimension < 1:
            raise ValueError(
                "Give the length of a row that the extractor answers, an int of at least 1. "
                f"Received: {dimension!r} for the metric {name!r}"
            )
        if not (extractor is None or callable(extractor)):
            raise ValueError(
                "`extractor` is a Keras model or a function of TensorFlow operations, images to rows of "
                f"numbers, or None where those are given themselves. Received: extractor={extractor!r}"
            )
        self._dimension = dimension
        # In a function, Keras neither tracks nor saves a network that is no part of the model.
        self._extract = lambda: extractor

    def _sums(self, prefix, **shapes):
        """Variables that hold a sum over the rows: of all replicas, where none of them is reading."""
        return {
            name: self.add_variable(shape, "zeros", "float64", aggregation="sum", name=f"{prefix}_{name}")
            for name, shape in shapes.items()
        }

    def _rows(self, images):
        """What the extractor answers: float64 (N, dimension)."""
        extractor = self._extract()
        if isinstance(extractor, keras.layers.Layer):
            images = extractor(images, training=False)
        elif extractor is not None:
            images = extractor(images)
        if extractor is not None and isinstance(images, dict | list | tuple):
            raise ValueError(
                f"The extractor of the metric {self.name!r} answers one tensor, rows (N, {self._dimension}): take one "
                f"of its outputs. Received: {type(images).__name__} of {len(images)}"
            )
        rows = tf.convert_to_tensor(images)
        if rows.shape.rank != 2 or rows.shape[1] != self._dimension:
            raise ValueError(
                f"The metric {self.name!r} gathers rows (N, {self._dimension}): give it an extractor that "
                f"answers them, and their length. Received: shape={tuple(rows.shape)}"
            )
        return tf.cast(rows, tf.float64)

    def get_config(self):
        return {"name": self.name, "extractor": _serialized(self._extract(), self.name)}

    @classmethod
    def from_config(cls, config):
        return cls(**config | {"extractor": keras.saving.deserialize_keras_object(config["extractor"])})


@keras.saving.register_keras_serializable("tfgan_kit")
class FrechetDistance(_Streaming):
    """The squared Frechet distance, `metrics.frechet_distance`, of all images of an evaluation.

    Take it where Keras does the counting: `GAN.compile(metrics=[...])` measures it in `evaluate` and,
    as `val_frechet_distance`, in `fit`. `metrics.evaluate` measures once, with a floor and a protocol.

    Of each side it keeps, in float64, with a fixed shift s, the sums

        n = sum w,  S = sum w (x - s),  P = sum w (x - s) (x - s)^T;
        mean = s + S / n,  covariance = (P - S S^T / n) / (n - 1)

    Sums of replicas add up, so neither their number nor the batch size changes the value beyond
    rounding. That is about 1e-16 (|mean - s| / deviation)^2 of a variance: of features whose mean lies
    10,000 deviations away give the `reference`. Until each side has 2 rows, and where a feature was not
    finite, the result is NaN.

    Args:
        dimension: int >= 1, D, the length of a feature vector; memory is 8 D^2 bytes a side.
        extractor: a Keras model, or a function of TensorFlow operations, float32 (N, H, W, C) in
            [-1, 1] to features (N, D); None where features (or points) are given themselves.
        reference: statistics of the real images, `metrics.GaussianStatistics` or anything with their
            `mean` and `covariance`; its mean is the shift. None gathers them from `y_true`, with shift 0.
        name: str, in the logs.

    Raises:
        ValueError: arguments outside these ranges, or (as it gathers) features of another shape.

    Example:
        >>> metric = FrechetDistance(dimension=2)
        >>> metric.update_state([[0.0, 0.0], [1.0, 2.0]], [[3.0, 0.0], [4.0, 2.0]])
        >>> float(metric.result())
        9.0

    Reference: Heusel et al., arXiv:1706.08500, eq. 6.
    """

    def __init__(self, dimension, extractor=None, reference=None, name="frechet_distance"):
        super().__init__(dimension, extractor, name)
        self._reference = _checked(reference, dimension)
        self._shift = np.zeros(dimension) if reference is None else self._reference.mean
        shapes = {"count": (), "sum": (dimension,), "products": (dimension, dimension)}
        self._real = None if reference else self._sums("real", **shapes)
        self._generated = self._sums("generated", **shapes)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: real images (or features); not looked at where there is a `reference`.
            y_pred: generated ones.
            sample_weight: (N,) >= 0, how often each row of both counts; None: once.
        """
        if self._real is not None:
            self._add(self._real, y_true, sample_weight)
        self._add(self._generated, y_pred, sample_weight)

    def _add(self, sums, images, sample_weight):
        centred = self._rows(images) - self._shift  # (N, D)
        weights = _weights(centred, sample_weight)
        weighted = weights[:, None] * centred
        sums["count"].assign_add(tf.reduce_sum(weights))
        sums["sum"].assign_add(tf.reduce_sum(weighted, axis=0))
        sums["products"].assign_add(tf.matmul(centred, weighted, transpose_a=True))

    def result(self):
        count, mean, covariance = self._moments(self._generated)
        if self._real is None:
            real_count, real_mean, real_covariance = tf.constant(np.inf, tf.float64), *self._reference
        else:
            real_count, real_mean, real_covariance = self._moments(self._real)
        distance = _squared_w2(mean - real_mean, covariance, real_covariance)
        return tf.where(tf.minimum(count, real_count) >= 2, distance, np.nan)

    def _moments(self, sums):
        """Count, mean (D,) and covariance (D, D) over all replicas."""
        values = [sums[name].value for name in ("count", "sum", "products")]
        count, total, products = replicas.sum_over_replicas(values)
        mean = tf.math.divide_no_nan(total, count)
        deviations = products - count * mean[:, None] * mean[None, :]
        return count, self._shift + mean, deviations / tf.maximum(count - 1, 1)

    def get_config(self):
        reference = self._reference and [np.asarray(part).tolist() for part in self._reference]
        return super().get_config() | {"dimension": self._dimension, "reference": reference}

    @classmethod
    def from_config(cls, config):
        reference = config["reference"] and Gaussian(*config["reference"])
        return super().from_config(config | {"reference": reference})


@keras.saving.register_keras_serializable("tfgan_kit")
class InceptionScore(_Streaming):
    """The Inception Score of all generated images of an evaluation, in one split.

        IS = exp(mean_x KL(p(y | x) || p(y))) = exp(mean_x sum_y p(y | x) log p(y | x) - sum_y p(y) log p(y))

    with p(y) the mean of p(y | x) over the images. It is 1 where all images get the same answer, and
    the number of classes where each gets a sure one and the classes are as frequent. It knows no real
    images, so it cannot see that the generated ones are of other things. Before the first image, and
    where a logit was not finite, it is NaN. The name belongs to InceptionV3's logits: of another
    network, which is another metric, say so in `name`.

    Args:
        num_classes: int >= 2, K.
        extractor: a Keras model, or a function of TensorFlow operations, float32 (N, H, W, C) in
            [-1, 1] to logits (N, K); None where logits are given themselves. A batch in which no number is negative
            and every row sums to 1 within 0.02 holds a softmax's answers, and is taken as the probabilities.
        name: str, in the logs.

    Raises:
        ValueError: arguments outside these ranges, or (as it gathers) logits of another shape.

    Example:
        >>> metric = InceptionScore(num_classes=2)
        >>> metric.update_state(None, [[0.0, 1000.0], [1000.0, 0.0]])
        >>> float(metric.result())
        2.0

    Reference: Salimans et al., arXiv:1606.03498, section 4; the mean over 10 splits that papers
    report is left out, since it depends on the order of the images.
    """

    def __init__(self, num_classes, extractor=None, name="inception_score"):
        if not isinstance(num_classes, int | np.integer) or num_classes < 2:
            raise ValueError(f"There must be 2 classes or more, an int. Received: num_classes={num_classes!r}")
        super().__init__(num_classes, extractor, name)
        self._sum = self._sums("generated", count=(), probabilities=(num_classes,), negative_entropy=())

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: not looked at.
            y_pred: generated images (or logits).
            sample_weight: (N,) >= 0, how often each row counts; None: once.
        """
        rows = self._rows(y_pred)  # (N, K)
        totals = tf.reduce_sum(rows, axis=1, keepdims=True)
        are_probabilities = tf.reduce_all(rows >= 0) & tf.reduce_all(tf.abs(totals - 1) < PROBABILITY_TOLERANCE)
        probabilities = tf.where(are_probabilities, rows / totals, tf.nn.softmax(rows))
        negative_entropies = tf.reduce_sum(tf.math.xlogy(probabilities, probabilities), axis=1)
        weights = _weights(rows, sample_weight)
        self._sum["count"].assign_add(tf.reduce_sum(weights))
        self._sum["probabilities"].assign_add(tf.linalg.matvec(probabilities, weights, transpose_a=True))
        self._sum["negative_entropy"].assign_add(tf.reduce_sum(weights * negative_entropies))

    def result(self):
        values = [self._sum[name].value for name in ("count", "probabilities", "negative_entropy")]
        count, probabilities, negative_entropy = replicas.sum_over_replicas(values)
        marginal = probabilities / count  # before the first image 0 / 0
        return tf.exp(negative_entropy / count - tf.reduce_sum(tf.math.xlogy(marginal, marginal)))

    def get_config(self):
        return super().get_config() | {"num_classes": self._dimension}


def _weights(rows, sample_weight):
    """float64 (N,): how often each row counts."""
    if sample_weight is None:
        return tf.ones([tf.shape(rows)[0]], tf.float64)
    weights, count = tf.convert_to_tensor(sample_weight), rows.shape[0]
    if not any(weights.shape.is_compatible_with(shape) for shape in ([count], [count, 1])):
        raise ValueError(
            f"`sample_weight` has one number for each of the {count} rows, shape (N,). "
            f"Received: sample_weight.shape={tuple(weights.shape)}"
        )
    return tf.reshape(tf.cast(weights, tf.float64), [-1])


def _squared_w2(difference, covariance_p, covariance_q):
    """`divergences.gaussian.squared_w2` in the graph; NaN where a number is not finite."""
    traces = tf.linalg.trace(covariance_p) + tf.linalg.trace(covariance_q)
    finite = tf.math.is_finite(tf.reduce_sum(covariance_p) + tf.reduce_sum(covariance_q))
    # A decomposition of NaN raises, or does not end.
    factors = [_factor(tf.where(finite, c, tf.zeros_like(c))) for c in (covariance_p, covariance_q)]
    overlap = tf.matmul(*factors, transpose_a=True)  # (D, D)
    cross = tf.reduce_sum(tf.linalg.svd(overlap, compute_uv=False))
    return tf.reduce_sum(difference**2) + tf.maximum(traces - 2 * cross, 0.0)


def _factor(covariance):
    """A (D, D) with A A^T = covariance; directions of eigenvalues below rounding are zero."""
    values, vectors = tf.linalg.eigh(covariance)  # ascending
    rounding = values.shape[0] * np.finfo(np.float64).eps * tf.maximum(values[-1], 0.0)
    return vectors * tf.sqrt(tf.where(values > rounding, values, 0.0))


def _checked(reference, dimension):
    """The reference as a `Gaussian` of float64 arrays, or None."""
    if reference is None:
        return None
    if not (hasattr(reference, "mean") and hasattr(reference, "covariance")):
        raise ValueError(
            "`reference` holds the `mean` and `covariance` of real features, as `metrics.gaussian_statistics` makes "
            f"them; or None. Received: reference={reference!r}"
        )
    mean, covariance = (np.asarray(x, np.float64) for x in (reference.mean, reference.covariance))
    if mean.shape != (dimension,) or covariance.shape != (dimension, dimension):
        raise ValueError(
            f"The reference must be of features of dimension {dimension}, those of `extractor`. "
            f"Received: reference.mean.shape={mean.shape}, reference.covariance.shape={covariance.shape}"
        )
    return Gaussian(mean, covariance)


def _serialized(extractor, name):
    """A registered function, or None, for a configuration, which cannot hold what others know."""
    if extractor is None:
        return None
    found = None
    if not isinstance(extractor, keras.layers.Layer):
        found = keras.saving.get_registered_object(keras.saving.get_registered_name(extractor))
    if found is not extractor:
        raise ValueError(
            f"The configuration of the metric {name!r} cannot hold its extractor: only a function that is "
            "registered with keras.saving.register_keras_serializable has a name that is read back, and "
            f"a network's weights are no part of a configuration. Received: extractor={extractor!r}"
        )
    return keras.saving.serialize_keras_object(extractor)
