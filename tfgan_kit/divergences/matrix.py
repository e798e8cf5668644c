"""One divergence between every pair of a set of groups: the matrix, and its heat map."""

import io
import textwrap
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from tfgan_kit_client.pictures import write_png

LARGEST_WITH_NUMBERS = 20  # groups; with more the cells are too small for a number
LONGEST_NAME = 24  # characters at an axis; longer names would leave no room for the cells


class DivergenceMatrix(NamedTuple):
    """The result of `divergence_matrix`.

    Args:
        names: tuple of N str, the groups in order.
        values: float64 (N, N), values[i, j] = D(groups[i] || groups[j]); may be inf.

    Example:
        >>> DivergenceMatrix(("p", "q"), np.zeros((2, 2))).values.shape
        (2, 2)
    """

    names: tuple
    values: np.ndarray


def divergence_matrix(groups, divergence, symmetric=False):
    """D(P_i || P_j) of every ordered pair, the diagonal included.

    The diagonal is computed, too: it is 0 for a closed form, and shows the bias of an estimator. N^2
    calls of `divergence`, or N (N + 1) / 2 if it is symmetric.

    Args:
        groups: dict, name -> whatever `divergence` takes: a law, a `Gaussian`, samples (M, D).
        divergence: callable (p, q) -> float.
        symmetric: bool, True if D(p, q) = D(q, p): each pair is then computed once.

    Returns:
        A `DivergenceMatrix`.

    Raises:
        ValueError: no group; a divergence that is NaN or raises for a pair, which the message names.

    Example:
        >>> laws = {"fair": [0.5, 0.5], "loaded": [0.9, 0.1]}
        >>> divergence_matrix(laws, gk.divergences.discrete.total_variation, symmetric=True).values
        array([[0. , 0.4],
               [0.4, 0. ]])
    """
    if not groups:
        raise ValueError("A matrix needs at least 1 group: give {name: law or samples}. Received: groups={}")
    names = tuple(str(name) for name in groups)
    laws = list(groups.values())
    values = np.zeros((len(names), len(names)))
    pairs = [(i, j) for i in range(len(names)) for j in range(i if symmetric else 0, len(names))]
    for i, j in tqdm(pairs, "divergence matrix", unit="pair", delay=2, leave=False):
        values[i, j] = _value(divergence, laws[i], laws[j], (names[i], names[j]))
        if symmetric:
            values[j, i] = values[i, j]
    return DivergenceMatrix(names, values)


def heat_map(matrix, path, title="D(row || column)"):
    """Draws a `DivergenceMatrix` as a PNG file, written atomically.

    Light is close, dark is far; infinite cells are grey and labelled inf. Up to 20 groups have their
    numbers in the cells. The side is 4 to 14 inches, depending on the number of groups; long names are cut
    to their last characters.

    Args:
        matrix: a `DivergenceMatrix`.
        path: path of the file; ends in .png.
        title: str, above the heat map.

    Raises:
        ValueError: another ending, or values that do not fit the names.

    Example:
        >>> laws = {"fair": [0.5, 0.5], "loaded": [0.9, 0.1]}
        >>> heat_map(divergence_matrix(laws, gk.divergences.discrete.js, symmetric=True), "js.png", "JS in nats")
    """
    if not str(path).endswith(".png"):
        raise ValueError(f"`path` of a heat map must end in .png. Received: path={path}")
    if np.shape(matrix.values) != (len(matrix.names),) * 2:
        raise ValueError(
            "`values` needs one row and one column per name. Received: "
            f"values.shape={np.shape(matrix.values)}, {len(matrix.names)} names"
        )
    write_png(path, _picture(matrix, title))


def _value(divergence, p, q, names):
    try:
        value = float(divergence(p, q))
    except ValueError as error:
        raise ValueError(f"Between {names[0]!r} and {names[1]!r}: {error}") from error
    if np.isnan(value):
        raise ValueError(
            "A divergence is a number or inf: check the groups for NaN. "
            f"Received: NaN between {names[0]!r} and {names[1]!r}"
        )
    return value


def _picture(matrix, title):
    """The PNG's bytes."""
    from matplotlib.figure import Figure  # needs no display and no global state; takes seconds to import

    count = len(matrix.names)
    names = [n if len(n) <= LONGEST_NAME else f"...{n[3 - LONGEST_NAME :]}" for n in matrix.names]
    finite = matrix.values[np.isfinite(matrix.values)]
    low, high = np.min(finite, initial=0.0), np.max(finite, initial=0.0)
    side = min(max(2.0 + 0.6 * count, 4.0), 14.0)
    room = 0.08 * max(map(len, names))  # inches, at 10 points
    figure = Figure(figsize=(side + room + 1, side + room), layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor("0.8")  # the colour of masked cells
    image = axes.imshow(np.ma.masked_invalid(matrix.values), cmap="viridis_r", vmin=low, vmax=high)
    axes.set_xticks(range(count), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(count), names)
    axes.set_title(textwrap.fill(title, int(8 * side)))  # matplotlib's own wrapping breaks the layout
    figure.colorbar(image)
    if count <= LARGEST_WITH_NUMBERS:
        _write_numbers(axes, image, matrix.values)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()


def _write_numbers(axes, image, values):
    for (row, column), value in np.ndenumerate(values):
        light = not np.isfinite(value) or image.norm(value) < 0.5
        axes.text(
            column, row, f"{value:.3g}", ha="center", va="center", fontsize=8, color="black" if light else "white"
        )
