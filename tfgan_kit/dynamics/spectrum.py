"""Extreme eigenvalues of a game's Jacobian and of its parts, from Jacobian-vector products."""

import numpy as np
from scipy.sparse import linalg

PARTS = ("jacobian", "symmetric", "antisymmetric")
SMALL = 32  # ARPACK needs more dimensions than eigenvalues; up to this size the matrix is dense


def eigenvalues(field, count=1, which="LM", part="jacobian", tolerance=1e-3, w=None):
    """The `count` extreme eigenvalues of J, S or A of a `GradientField`.

    Descent on the game converges locally if the smallest real part of J's is positive, for steps
    below the least of 2 Re(l) / |l|^2. Eigenvalues of S are real, those of A imaginary.

    Up to 32 variables they come from the dense matrix, else from ARPACK with 2 count + 20 vectors of
    n float64, in some multiple of as many products: tens if the extreme eigenvalues are well separated,
    thousands if not, and then `ArpackNoConvergence`. A product of S or A costs two of J. The same
    call gives the same numbers (the start vector is fixed).

    Args:
        field: `GradientField`.
        count: int >= 1, and at most n (n - 2 above 32 variables).
        which: "LM" largest magnitude, "LR" largest real part, "SR" smallest real part; for S "LR"
            and "SR" are its largest and smallest, for A only "LM" is meaningful.
        part: "jacobian", "symmetric" or "antisymmetric".
        tolerance: float > 0, of an eigenvalue relative to its magnitude; a float32 game's products
            are accurate to about 1e-5.
        w: float (n,), the point; None: the current variables.

    Returns:
        (count,), the most extreme first: complex128, of S float64.

    Raises:
        ValueError: an unknown part or order, or a count out of range.
        scipy.sparse.linalg.ArpackNoConvergence: more than 10 n restarts.

    Example:
        >>> field = gk.dynamics.GradientField.of_losses(
        ...     lambda a, b: a[0] * b[0],
        ...     lambda a, b: -a[0] * b[0], [1.0], [2.0])
        >>> np.sort(eigenvalues(field, count=2).imag)
        array([-1.,  1.])
    """
    n = sum(field.sizes)
    if part not in PARTS or which not in ("LM", "LR", "SR"):
        raise ValueError(
            f"`part` is one of {', '.join(PARTS)}, `which` one of LM, LR, SR. Received: part={part!r}, which={which!r}"
        )
    if not 1 <= count <= (n if n <= SMALL else n - 2):
        raise ValueError(
            f"For a game of {n} variables `count` is from 1 to this number, or above 32 variables to 2 less. "
            f"Received: count={count}"
        )
    values = _dense(field, part, w) if n <= SMALL else _sparse(field, count, which, part, tolerance, w)
    order = {"LM": -np.abs(values), "LR": -values.real, "SR": values.real}[which]
    return values[np.argsort(order, kind="stable")][:count]


def _dense(field, part, w):
    jacobian = field.dense(w)
    if part == "symmetric":
        return np.linalg.eigvalsh(0.5 * (jacobian + jacobian.T))
    matrix = jacobian if part == "jacobian" else 0.5 * (jacobian - jacobian.T)
    return np.linalg.eigvals(matrix).astype(np.complex128)


def _sparse(field, count, which, part, tolerance, w):
    n = sum(field.sizes)
    w = field.position() if w is None else w
    product = {"jacobian": field.jvp}.get(part) or getattr(field, part)
    operator = linalg.LinearOperator((n, n), lambda u: product(np.ravel(u), w), dtype=np.float64)
    arguments = {
        "k": count, "tol": tolerance, "return_eigenvectors": False, "ncv": min(n, 2 * count + 20),
        "v0": np.random.default_rng(0).normal(size=n),
    }  # fmt: skip
    if part == "symmetric":
        algebraic = {"LM": "LM", "LR": "LA", "SR": "SA"}[which]
        return linalg.eigsh(operator, which=algebraic, **arguments)
    return linalg.eigs(operator, which=which, **arguments)
