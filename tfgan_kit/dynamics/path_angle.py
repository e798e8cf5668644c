"""Path angle (arXiv:1906.04848): whether a game attracts or rotates around a point of training."""

import typing

import numpy as np


class PathAngle(typing.NamedTuple):
    """The path angle along a line through two points.

    Attributes:
        places: float64 (P,), a: the point is w = start + a (end - start).
        cosines: float64 (P,), of the angle between v(w) and end - start; 0 where v is zero.
        norms: float64 (P,), |v(w)|.
        bump: float in [0, 2], how far the cosines leave the interval between their first and last values.

    Example:
        >>> field = gk.dynamics.GradientField.of_gan(gan, images)
        >>> path_angle(field, 0.5 * field.position(), places=[0.9, 1.0]).cosines.shape
        (2,)
    """

    places: np.ndarray
    cosines: np.ndarray
    norms: np.ndarray
    bump: float


def path_angle(field, start, end=None, places=None):
    """The cosine between the gradient field and the path, along the path: `<end - start, v(w)> / (|..| |v|)`.

    If `end` is near an attracting stationary point, the cosine changes monotonically from -1 to 1 there;
    if the game rotates around it, the cosine has a bump instead: v is orthogonal to the path, and
    briefly parallel to it. With J = [[a, -b], [b, a]] the ends tend to -+ a / sqrt(a^2 + b^2), and
    a line that passes beside the point has a `bump` of 1 - a / sqrt(a^2 + b^2). The cost is one v per place.

    Args:
        field: `GradientField`.
        start: float (n,), a point from late in training, close to `end`.
        end: float (n,), the last point; None: the current variables.
        places: floats (P,), P >= 2; None: 21 from 0.5 to 1.5, a line beyond the end.

    Returns:
        `PathAngle`.

    Raises:
        ValueError: both points are the same, or fewer than 2 places.

    Example:
        >>> field = gk.dynamics.GradientField.of_gan(gan, images)
        >>> bump = path_angle(field, 0.5 * field.position(), places=[0.9, 1.0, 1.1]).bump

    Reference: Berard et al., arXiv:1906.04848, section 4; the "angle" of the paper is a cosine, too.
    """
    start = np.asarray(start, np.float64)
    end = np.asarray(field.position() if end is None else end, np.float64)
    places = np.linspace(0.5, 1.5, 21) if places is None else np.asarray(places, np.float64)
    path = end - start
    length = np.linalg.norm(path)
    if length == 0.0 or places.ndim != 1 or len(places) < 2:
        raise ValueError(
            "A path has two different ends, and at least 2 places. Received: points "
            f"{length:g} apart, places of shape {places.shape}"
        )
    vectors = np.stack([field(start + a * path) for a in places]).astype(np.float64)
    norms = np.linalg.norm(vectors, axis=1)
    cosines = np.divide(vectors @ path, length * norms, out=np.zeros_like(norms), where=norms > 0.0)
    low, high = sorted((cosines[0], cosines[-1]))
    bump = max(cosines.max() - high, low - cosines.min(), 0.0)
    return PathAngle(places, cosines, norms, float(bump))
