from tfgan_kit.divergences import DivergenceMatrix, Gaussian, discrete, divergence_matrix, gaussian, heat_map

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tests.twins import twins

LAWS = {"fair": [0.5, 0.5], "loaded": [0.9, 0.1], "sure": [1.0, 0.0]}


def test_an_entry_is_the_divergence_of_row_from_column():
    found = divergence_matrix(LAWS, discrete.kl)
    assert found.names == ("fair", "loaded", "sure")
    expected = [[discrete.kl(p, q) for q in LAWS.values()] for p in LAWS.values()]
    np.testing.assert_array_equal(found.values, expected)
    assert found.values[0, 2] == np.inf and found.values[2, 0] == pytest.approx(np.log(2))


@pytest.mark.parametrize("symmetric, calls", [(True, 6), (False, 9)])
def test_a_symmetric_divergence_is_computed_once_a_pair(symmetric, calls):
    seen = []

    def js(p, q):
        seen.append((p, q))
        return discrete.js(p, q)

    found = divergence_matrix(LAWS, js, symmetric)
    assert len(seen) == calls
    np.testing.assert_array_equal(found.values, divergence_matrix(LAWS, discrete.js).values)


def test_groups_may_be_gaussians_or_samples():
    laws = {k: Gaussian([float(k)], [[1.0]]) for k in range(3)}
    samples = {k: np.array([[float(k)], [k + 1.0]]) for k in range(3)}
    distances = abs(np.subtract.outer(np.arange(3), np.arange(3)))
    np.testing.assert_allclose(divergence_matrix(laws, gaussian.w2).values, distances, atol=1e-12)
    means = divergence_matrix(samples, lambda x, y: abs(x.mean() - y.mean()))
    np.testing.assert_allclose(means.values, distances)


def test_a_group_is_compared_with_itself():
    found = divergence_matrix(LAWS, lambda p, q: 0.5, symmetric=True)
    np.testing.assert_array_equal(np.diag(found.values), 0.5)


def height(path, count):
    names = tuple(f"group {k}" for k in range(count))
    heat_map(DivergenceMatrix(names, np.arange(count**2, dtype=float).reshape(count, count)), path)
    return Image.open(path).size[1]


@pytest.mark.thorough
@twins("fewer, more", [(1, 6), (6, 12), (12, 30)], quick=2)
def test_a_picture_is_larger_for_more_groups(tmp_path, fewer, more):
    path = tmp_path / "m.png"
    assert height(path, fewer) < height(path, more)
    assert [found.name for found in tmp_path.iterdir()] == ["m.png"]


def test_long_names_leave_room_for_the_cells(tmp_path):
    heat_map(DivergenceMatrix(("n" * 500, "m" * 500), np.eye(2)), tmp_path / "m.png", title="t" * 300)
    pixels = np.asarray(Image.open(tmp_path / "m.png").convert("RGB")).reshape(-1, 3)
    assert np.all(pixels == [68, 1, 84], axis=1).sum() > 10_000  # viridis's darkest: two of four cells


def test_infinite_cells_are_grey(tmp_path):
    heat_map(DivergenceMatrix(("p", "q"), np.array([[0, np.inf], [1, 0]])), tmp_path / "m.png")
    pixels = np.asarray(Image.open(tmp_path / "m.png").convert("RGB")).reshape(-1, 3)
    assert np.all(pixels == [204, 204, 204], axis=1).sum() > 10_000


def refuse(*_, **__):
    raise OSError("disk full")


def test_a_failed_drawing_leaves_the_old_picture(tmp_path, monkeypatch):
    path = tmp_path / "m.png"
    heat_map(divergence_matrix(LAWS, discrete.js), path)
    before = path.read_bytes()
    monkeypatch.setattr(Figure, "savefig", refuse)
    with pytest.raises(OSError, match="full"):
        heat_map(divergence_matrix(LAWS, discrete.kl), path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda path: divergence_matrix({}, discrete.kl), "at least 1 group"),
        (lambda path: divergence_matrix({"p": [1.0], "bad": [2.0]}, discrete.kl), "'p' and 'bad'.*sum to 1"),
        (lambda path: divergence_matrix(LAWS, lambda p, q: np.nan), "NaN between 'fair' and 'fair'"),
        (lambda path: heat_map(DivergenceMatrix(("p",), np.zeros((1, 1))), path / "m.jpg"), "m.jpg"),
        (lambda path: heat_map(DivergenceMatrix(("p",), np.zeros((2, 2))), path / "m.png"), "1 names"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(tmp_path, call, message):
    with pytest.raises(ValueError, match=message):
        call(tmp_path)
