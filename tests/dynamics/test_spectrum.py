"""Extreme eigenvalues by products, against the dense matrix of a linear game."""

from tfgan_kit.dynamics import GradientField, eigenvalues

import numpy as np
import pytest
import tensorflow as tf

N = 60
MATRIX = np.random.default_rng(0).normal(size=(N, N)) + np.diag(np.linspace(-20.0, 30.0, N))
PARTS = {"jacobian": MATRIX, "symmetric": 0.5 * (MATRIX + MATRIX.T), "antisymmetric": 0.5 * (MATRIX - MATRIX.T)}


@pytest.fixture(scope="module")
def field():
    """v(w) = M w, of players with 40 and 20 variables."""

    def gradients(first, second):
        v = tf.linalg.matvec(MATRIX, tf.concat([first[0], second[0]], axis=0))
        return [v[:40]], [v[40:]]

    return GradientField(gradients, [np.zeros(40)], [np.zeros(20)])


@pytest.mark.thorough
@pytest.mark.parametrize(
    "part, which",
    [
        ("jacobian", "LM"),
        ("jacobian", "LR"),
        ("jacobian", "SR"),
        ("symmetric", "LM"),
        ("symmetric", "LR"),
        ("symmetric", "SR"),
        ("antisymmetric", "LM"),
    ],
)
def test_extremes_are_those_of_the_dense_matrix(field, part, which):
    all_values = np.linalg.eigvals(PARTS[part])
    key = {"LM": lambda x: -np.abs(x), "LR": lambda x: -x.real, "SR": lambda x: x.real}[which]
    found = eigenvalues(field, 2, which, part, tolerance=1e-8)
    np.testing.assert_allclose(key(found), np.sort(key(all_values))[:2], rtol=1e-6)
    nearest = np.abs(found[:, None] - all_values[None]).min(axis=1)
    assert nearest.max() < 1e-5


def test_the_same_call_gives_the_same_numbers(field):
    np.testing.assert_array_equal(eigenvalues(field, 2), eigenvalues(field, 2))


@pytest.mark.parametrize(
    "arguments, received",
    [
        ({"which": "SM"}, "which='SM'"),
        ({"part": "hermitian"}, "part='hermitian'"),
        ({"count": 0}, "count=0"),
        ({"count": 59}, "count=59"),
    ],
)
def test_what_is_no_extreme_is_refused(field, arguments, received):
    with pytest.raises(ValueError, match=f"Received: .*{received}"):
        eigenvalues(field, **arguments)
