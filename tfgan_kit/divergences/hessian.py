"""The second derivatives of a parametric divergence: value, gradient, Hessian, kind of minimum."""

from functools import cached_property

from tfgan_kit.divergences import discrete, gaussian
from tfgan_kit.divergences.distributions import checked_law

import numpy as np
import tensorflow as tf

# Eigenvalues below this, relative to the largest, count as 0; automatic differentiation of laws of
# 1,000 atoms leaves about 1e-14.
RANK_TOLERANCE = 1e-9
# A gradient below this, relative to the largest eigenvalue and the parameters' size, counts as 0:
# Newton's step would change theta by less.
GRADIENT_TOLERANCE = 1e-8

# Convex in p for q fixed, and twice differentiable at p = q.
_CONVEX = (
    discrete.kl,
    discrete.reverse_kl,
    discrete.js,
    discrete.squared_hellinger,
    discrete.pearson_chi2,
    discrete.neyman_chi2,
)
_REVERSE_KL = (discrete.reverse_kl, gaussian.reverse_kl)


def divergence_hessian(family, divergence, theta, reparametrisation=None, target=None):
    """The derivatives of L(theta) = D(p_theta || p_theta*) at a point.

    At theta = theta* the value and the gradient are 0, and the Hessian of any f-divergence is f''(1)
    times the Fisher information of the family: up to that factor (see the table in
    `divergences.discrete`) all divergences are one metric there. With theta = g(eta) it becomes J^T H J
    at the minimum, J = dg / d eta.

    Args:
        family: callable, a float64 tensor theta (n,) -> the law: a tensor of K positive
            probabilities, or a `Gaussian` of tensors; twice differentiable. A `Family` also says which
            coordinates theta is, for `minimum`.
        divergence: callable (p, q) -> scalar tensor: `discrete.kl`, `discrete.js`, ...,
            `gaussian.kl`, `gaussian.reverse_kl`, or your own in TensorFlow. Not total variation,
            which has a kink at p = q.
        theta: floats (n,), the point at which to differentiate.
        reparametrisation: None, or a differentiable one-to-one callable, a float64 tensor eta (m,)
            -> theta (n,). `theta` and `target` are then values of eta, and so are all derivatives.
        target: floats (n,), theta*; None: `theta` itself.

    Returns:
        A `DivergenceHessian`.

    Raises:
        ValueError: another rank, parameters that are not finite, a family whose result is not a law or
            not differentiable, a divergence that is not finite or not twice differentiable.

    Example:
        >>> found = divergence_hessian(gk.divergences.families.softmax, discrete.kl, theta=[0.0])
        >>> found.matrix  # Bernoulli(1/2): its Fisher information p (1 - p)
        array([[0.25]])

    Reference: Amari (2016), Information Geometry and Its Applications, section 3.2.
    """
    if divergence is discrete.total_variation:
        raise ValueError(
            "Total variation has a kink where the laws are equal, so it has no Hessian: use "
            "`squared_hellinger`, which bounds it from both sides. Received: divergence=total_variation"
        )
    theta = _checked_parameters("theta", theta)
    target = theta if target is None else _checked_parameters("target", target)
    if theta.shape != target.shape:
        raise ValueError(
            "`target` must have the shape of `theta`. Received: "
            f"theta.shape={tuple(theta.shape)}, target.shape={tuple(target.shape)}"
        )
    law = family if reparametrisation is None else lambda eta: family(reparametrisation(eta))
    _check_law("theta", law(theta))
    truth = law(target)
    _check_law("target", truth)
    return DivergenceHessian(
        lambda point: divergence(law(point), truth), theta, _is_convex(family, divergence, reparametrisation)
    )


class DivergenceHessian:
    """The derivatives of a scalar function at a point, each computed when first read.

    `value`, `gradient` and `product` take O(1) evaluations and form no matrix; the others take n
    Hessian-vector products, O(n^2) memory and O(n^3) time.

    Args:
        loss: callable, a float64 tensor (n,) -> a scalar tensor.
        theta: float64 tensor (n,).
        convex: bool, True if the loss is known to be convex on a convex set of parameters.

    Example:
        >>> found = divergence_hessian(gk.divergences.families.softmax, discrete.kl, theta=[0.0, 0.0])
        >>> found.rank, found.free_entries.shape, found.minimum
        (2, (3,), 'local')
    """

    def __init__(self, loss, theta, convex=False):
        self._loss = loss
        self._theta = theta
        self._convex = convex
        if not np.isfinite(self.value) or not np.isfinite(self.gradient).all():
            raise ValueError(
                "The divergence must be finite and differentiable at theta: choose parameters where "
                "every probability is positive. Received: "
                f"value={self.value}, gradient={self.gradient.ravel()[:8]}"
            )

    @cached_property
    def value(self):
        """float, L(theta)."""
        return float(self._loss(self._theta))

    @cached_property
    def gradient(self):
        """float64 (n,)."""
        return self._gradient().numpy()

    def product(self, vector):
        """The Hessian times a vector, floats (n,) -> float64 (n,), without forming the matrix.

        Raises:
            ValueError: a vector of another shape.
        """
        vector = tf.convert_to_tensor(np.asarray(vector, np.float64))
        if vector.shape != self._theta.shape:
            raise ValueError(
                f"`vector` must have the shape of theta, {tuple(self._theta.shape)}. "
                f"Received: vector.shape={tuple(vector.shape)}"
            )
        with tf.GradientTape() as tape:
            tape.watch(self._theta)
            along = tf.reduce_sum(self._gradient() * vector)
        return tape.gradient(along, self._theta, unconnected_gradients="zero").numpy()

    @cached_property
    def matrix(self):
        """float64 (n, n), made exactly symmetric: the mean of the matrix of products and its transpose."""
        columns = np.stack([self.product(axis) for axis in np.eye(len(self.gradient))])
        if not np.isfinite(columns).all():
            raise ValueError(
                "The divergence has no finite second derivatives at theta: choose a family that is "
                f"twice differentiable there. Received: {np.sum(~np.isfinite(columns))} entries that are not finite"
            )
        return (columns + columns.T) / 2

    @cached_property
    def free_entries(self):
        """float64 (n (n + 1) / 2,): the upper triangle, row by row."""
        return self.matrix[np.triu_indices(len(self.matrix))]

    @cached_property
    def eigenvalues(self):
        """float64 (n,), ascending."""
        return np.linalg.eigvalsh(self.matrix)

    @property
    def least_eigenvalue(self):
        """float; 0 up to rounding if some direction changes nothing to second order."""
        return float(self.eigenvalues[0])

    @property
    def rank(self):
        """int, number of eigenvalues above 1e-9 of the largest in absolute value; n if none is redundant."""
        sizes = abs(self.eigenvalues)
        return int(np.sum(sizes > RANK_TOLERANCE * sizes.max()))

    @property
    def minimum(self):
        """What the derivatives prove about theta.

        "unique": the only minimum, because it is strict and L is known to be convex.
        "local": the gradient is 0 and the Hessian positive definite; another, even lower minimum may
            exist, which a local Hessian cannot exclude.
        "degenerate": the gradient is 0 and no eigenvalue is negative, but the rank is below n: along the
            other directions second derivatives do not decide.
        None: not a minimum: the gradient is not 0, or an eigenvalue is negative.
        """
        largest = abs(self.eigenvalues).max()
        scale = largest * max(1.0, float(np.linalg.norm(self._theta)))
        if np.linalg.norm(self.gradient) > GRADIENT_TOLERANCE * scale:
            return None
        if self.least_eigenvalue < -RANK_TOLERANCE * largest:
            return None
        if self.rank < len(self.eigenvalues):
            return "degenerate"
        return "unique" if self._convex else "local"

    def _gradient(self):
        with tf.GradientTape() as tape:
            tape.watch(self._theta)
            loss = self._loss(self._theta)
        return tape.gradient(loss, self._theta, unconnected_gradients="zero")


def _is_convex(family, divergence, reparametrisation):
    """True if a theorem says that L is convex.

    Natural coordinates, p = exp(theta . T - A(theta)): KL(p_theta* || p_theta), the reverse KL
    here, is A(theta) - A(theta*) - (theta - theta*) . grad A(theta*), and A is convex. The other
    KL is not. Mixture coordinates, p affine in theta: D_f is convex in p. A reparametrisation does not
    preserve convexity.
    """
    coordinates = getattr(family, "coordinates", None)
    if reparametrisation is not None:
        return False
    return (coordinates == "natural" and divergence in _REVERSE_KL) or (
        coordinates == "mixture" and divergence in _CONVEX
    )


def _checked_parameters(name, theta):
    theta = np.asarray(theta, np.float64)
    if theta.ndim != 1 or not len(theta) or not np.isfinite(theta).all():
        raise ValueError(
            f"`{name}` must be at least 1 finite parameter, shape (n,). "
            f"Received: {name}.shape={theta.shape}, {name}={theta.ravel()[:8]}"
        )
    return tf.constant(theta)


def _check_law(name, law):
    parts = (law.mean, law.covariance) if hasattr(law, "covariance") else (law,)
    if not all(tf.is_tensor(part) and part.dtype == tf.float64 for part in parts):
        raise ValueError(
            "`family` must return float64 tensors, computed from theta by TensorFlow functions. Received: "
            f"{[getattr(part, 'dtype', type(part).__name__) for part in parts]}"
        )
    if hasattr(law, "covariance"):
        gaussian.checked(name, law)
        return
    probabilities = checked_law(name, law)
    if not probabilities.all():
        raise ValueError(
            "A law must have only positive probabilities to be differentiated. Received: "
            f"{np.sum(probabilities == 0)} that are 0 at {name}"
        )
