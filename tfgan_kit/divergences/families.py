"""Parametric families: from parameters to a law, and which coordinates the parameters are."""

from collections.abc import Callable
from typing import NamedTuple

from tfgan_kit.divergences.gaussian import Gaussian

import tensorflow as tf


class Family(NamedTuple):
    """A differentiable family of laws p_theta.

    Args:
        law: callable, a float64 tensor theta (n,) -> probabilities (K,), or a `Gaussian`.
        coordinates: "natural" where p = h exp(theta . T - A(theta)), "mixture" where p is affine in
            theta, else None. `divergence_hessian` does not check this; it calls a minimum unique only
            if these coordinates prove it.

    Example:
        >>> bernoulli = Family(lambda theta: tf.stack([theta[0], 1 - theta[0]]), "mixture")
        >>> bernoulli([0.25]).numpy()
        array([0.25, 0.75], dtype=float32)
    """

    law: Callable
    coordinates: str | None = None

    def __call__(self, theta):
        return self.law(theta)


def _softmax(theta):
    return tf.nn.softmax(tf.concat([theta, tf.zeros(1, tf.float64)], axis=0))


def _mixture(theta):
    return tf.concat([theta, [1 - tf.reduce_sum(theta)]], axis=0)


def _gaussian(theta):
    mean, log_deviation = tf.split(theta, 2)
    return Gaussian(mean, tf.linalg.diag(tf.exp(2 * log_deviation)))


def _natural_gaussian(theta):
    linear, quadratic = tf.split(theta, 2)  # exp(linear x + quadratic x^2 - A), quadratic < 0
    variances = -1 / (2 * quadratic)
    return Gaussian(linear * variances, tf.linalg.diag(variances))


# n = K - 1 logits, the last one fixed to 0: every categorical law of K positive probabilities, once.
softmax = Family(_softmax, "natural")
# n = K logits: the same laws, each along a whole line of parameters.
redundant_softmax = Family(tf.nn.softmax, "natural")
# n = K - 1 probabilities; the last one is what remains to 1.
mixture = Family(_mixture, "mixture")
# n = 2 D: means, then logarithms of the standard deviations of independent Gaussians.
diagonal_gaussian = Family(_gaussian)
# n = 2 D: means / variances, then -1 / (2 variances).
natural_gaussian = Family(_natural_gaussian, "natural")
