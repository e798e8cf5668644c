import contextlib
import io

from tfgan_kit.divergences import neighbour_search
from tfgan_kit.metrics.measures.precision_recall import density_coverage, neighbour_metrics, precision_recall

import numpy as np
import pytest

from benchmarks.baselines.metric_references import prdc, torch, torch_fidelity

SIZES = pytest.mark.parametrize("n, m, dimension, mean", [(300, 300, 2, 0.0), (200, 150, 64, 0.3), (60, 90, 700, 0.1)])


def _normal(count, dimension, seed, mean=0.0, deviation=1.0):
    return np.random.default_rng(seed).normal(mean, deviation, (count, dimension))


def _prdc(real, generated, k):
    with contextlib.redirect_stdout(io.StringIO()):  # it prints the counts
        return tuple(prdc.compute_prdc(real, generated, k).values())


def _literal(real, generated, precision_k, density_k):
    """The definitions, on integer coordinates: every squared distance is exact."""

    def squares(x, y):
        return np.sum((x[:, None].astype(np.int64) - y[None].astype(np.int64)) ** 2, axis=2)

    within, among, across = squares(real, real), squares(generated, generated), squares(real, generated)
    in_real = across <= np.sort(within, axis=1)[:, precision_k, None]  # column 0 is the image itself
    in_generated = across <= np.sort(among, axis=1)[:, precision_k]
    in_open = across < np.sort(within, axis=1)[:, density_k, None]
    return (
        in_real.any(axis=0).mean(),
        in_generated.any(axis=1).mean(),
        in_open.sum(axis=0).mean() / density_k,
        in_open.any(axis=1).mean(),
    )


@pytest.mark.parametrize("k", [1, 5])
@SIZES
def test_all_four_equal_prdc(n, m, dimension, mean, k):
    real, generated = _normal(n, dimension, 0), _normal(m, dimension, 1, mean)
    assert neighbour_metrics(real, generated, k, k) == pytest.approx(_prdc(real, generated, k), rel=1e-12)


@pytest.mark.parametrize("k", [1, 3])
@SIZES
def test_precision_and_recall_equal_torch_fidelity(n, m, dimension, mean, k):
    real, generated = _normal(n, dimension, 0), _normal(m, dimension, 1, mean)
    expected = torch_fidelity.metric_prc.calculate_precision_recall_full(
        torch.tensor(generated), torch.tensor(real), neighborhood=k
    )
    # Its mean of 0 and 1 is in float32.
    assert precision_recall(real, generated, k) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0, 1000])
def test_equal_distances_are_decided_by_the_definition(dtype, offset):
    # Points of a small grid: most distances tie, many points are copies, and float32 squares of 1000 round.
    random = np.random.default_rng(0)
    real, generated = random.integers(0, 6, (300, 3)), random.integers(1, 7, (200, 3))
    found = neighbour_metrics((real + offset).astype(dtype), (generated + offset).astype(dtype), 3, 8)
    assert found == pytest.approx(_literal(real, generated, 3, 8), rel=1e-12)


def test_float32_is_right_where_its_products_round_distances_away():
    # Twenty tight clusters, 1000 apart and a few steps of 2^-10 wide: exact in float32, their squares are not.
    random = np.random.default_rng(0)
    places = 1024 * random.integers(-5, 6, (20, 4)).repeat(15, axis=0)
    real, generated = (1024 * places + random.integers(-9, 10, (300, 4)) for _ in range(2))
    found = neighbour_metrics((real / 1024).astype(np.float32), (generated / 1024).astype(np.float32), 3, 5)
    assert found == pytest.approx(_literal(real, generated, 3, 5), rel=1e-12)


def test_float32_features_give_what_their_float64_copies_give():
    real, generated = _normal(700, 512, 0).astype(np.float32), _normal(600, 512, 1, 0.1).astype(np.float32)
    assert neighbour_metrics(real, generated) == neighbour_metrics(real.astype(float), generated.astype(float))


@pytest.mark.parametrize("scale", [1e-30, 1e-10, 1e10, 1e30])
def test_scale_of_float32_features_does_not_matter(scale):
    real, generated = _normal(200, 3, 0).astype(np.float32), _normal(200, 3, 1).astype(np.float32)
    power = np.float32(2.0 ** np.round(np.log2(scale)))  # exact
    assert neighbour_metrics(real * power, generated * power) == neighbour_metrics(real, generated)


def test_identical_sets_have_one_everywhere():
    # Each open ball holds its centre and k - 1 more, so the density is k / k.
    real = _normal(200, 8, 0)
    assert neighbour_metrics(real, real.copy()) == (1.0, 1.0, 1.0, 1.0)


def test_disjoint_sets_have_zero_everywhere():
    assert neighbour_metrics(_normal(200, 8, 0), _normal(200, 8, 1, mean=100.0)) == (0.0, 0.0, 0.0, 0.0)


def test_a_generator_of_one_real_image_is_precise_and_covers_the_balls_that_hold_it():
    # On the integers 0 ... 99, within k = 2 of an inner one lie both its neighbours; the border is open.
    real = np.arange(100.0)[:, None]
    generated = np.full((50, 1), 40.0)
    found = neighbour_metrics(real, generated, precision_k=2, density_k=2)
    assert found == (1.0, 1 / 100, 1 / 2, 1 / 100)  # open balls of radius 1: only 40's own holds 40


def test_a_shift_on_the_line_loses_the_ends():
    # k = 1 among integers: closed balls of radius 1 cover [-1, 100]; those of 10 ... 109 cover [9, 110].
    real = np.arange(100.0)[:, None]
    assert precision_recall(real, real + 10, k=1) == (91 / 100, 91 / 100)


@pytest.mark.parametrize("k, m", [(1, 60), (5, 60), (3, 20)])
def test_equal_laws_have_their_expected_density_and_coverage(k, m):
    # arXiv:2002.09797: no y is among the k nearest of x with (N - 1)...(N - k) / (M + N - 1)...(M + N - k).
    n = 40
    found = [density_coverage(_normal(n, 3, seed), _normal(m, 3, 10_000 + seed), k) for seed in range(100)]
    densities, coverages = np.transpose(found)
    steps = np.arange(1, k + 1)
    coverage = 1 - np.prod((n - steps) / (m + n - steps))
    assert densities.mean() == pytest.approx(1, abs=4 * densities.std() / 100**0.5)
    assert coverages.mean() == pytest.approx(coverage, abs=4 * coverages.std() / 100**0.5)


def test_a_dropped_mode_costs_recall_and_coverage_and_noise_costs_precision_and_density():
    modes = np.repeat([[0.0, 0.0], [30.0, 0.0]], 200, axis=0)
    real, honest = modes + _normal(400, 2, 0), modes + _normal(400, 2, 1)
    dropped = neighbour_metrics(real, honest[:200])
    noisy = neighbour_metrics(real, honest + 5 * _normal(400, 2, 2))
    whole = neighbour_metrics(real, honest)
    assert dropped.recall < 0.55 < 0.9 < whole.recall
    assert dropped.coverage < 0.55 < 0.9 < whole.coverage
    assert noisy.precision < whole.precision - 0.3
    assert noisy.density < whole.density - 0.3


def test_an_outlier_among_the_real_images_hardly_moves_the_density():
    # Its ball reaches over all generated images: precision jumps to 1, the density rises by 1 / k at most.
    real, generated = _normal(300, 2, 0), _normal(300, 2, 1, mean=20.0)
    outlier = np.vstack([real, [[60.0, 60.0]]])
    before, after = neighbour_metrics(real, generated), neighbour_metrics(outlier, generated)
    assert (before.precision, before.density) == (0, 0)
    assert after.precision == 1
    assert after.density <= 1 / 5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("block", [1, 8 * 7 * 130, 8 * 200 * 64])
def test_values_do_not_depend_on_the_blocks(monkeypatch, block, dtype):
    real, generated = _normal(150, 32, 0).astype(dtype), _normal(130, 32, 1, 0.2).astype(dtype)
    whole = neighbour_metrics(real, generated)
    monkeypatch.setattr(neighbour_search, "_BLOCK", block)
    monkeypatch.setattr(neighbour_search, "_GATHERED", 100)
    assert neighbour_metrics(real, generated) == whole


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_do_not_depend_on_the_order_of_rows(dtype):
    real, generated = _normal(300, 32, 0).astype(dtype), _normal(200, 32, 1, 0.2).astype(dtype)
    random = np.random.default_rng(2)
    assert neighbour_metrics(random.permutation(real), random.permutation(generated)) == neighbour_metrics(
        real, generated
    )


def test_precision_is_the_recall_of_the_sets_exchanged():
    real, generated = _normal(300, 8, 0), _normal(200, 8, 1, 0.5)
    assert precision_recall(real, generated) == precision_recall(generated, real)[::-1]


def test_halves_are_the_whole():
    real, generated = _normal(300, 8, 0), _normal(200, 8, 1, 0.5)
    whole = neighbour_metrics(real, generated, precision_k=3, density_k=5)
    assert (*precision_recall(real, generated, k=3), *density_coverage(real, generated, k=5)) == whole


def test_integers_and_float16_are_read_as_float64():
    real, generated = np.random.default_rng(0).integers(0, 50, (2, 60, 3))
    expected = neighbour_metrics(real.astype(float), generated.astype(float))
    assert neighbour_metrics(real, generated) == expected
    assert neighbour_metrics(real.astype(np.float16), generated.astype(np.float16)) == expected


@pytest.mark.parametrize(
    "real, generated, options, message",
    [
        (_normal(5, 2, 0), _normal(9, 2, 1), {}, r"k \+ 1 = 6 images .* Received: 5 real, 9 generated"),
        (_normal(9, 2, 0), _normal(3, 2, 1), {"density_k": 2}, r"k \+ 1 = 4 images .* Received: 9 real, 3 generated"),
        (_normal(9, 2, 0), _normal(9, 2, 1), {"precision_k": 0}, "precision_k=0"),
        (_normal(9, 2, 0), _normal(9, 2, 1), {"density_k": 0}, "density_k=0"),
        (_normal(9, 2, 0), _normal(9, 3, 1), {}, "same dimension"),
        (np.full((9, 2), np.nan), _normal(9, 2, 1), {}, "finite: look for .* in the data"),
        (_normal(9, 2, 0) + 1j, _normal(9, 2, 1), {}, "complex128"),
        (_normal(9, 2, 0), _normal(9, 2, 1).astype(str), {}, "dtype=<U"),
        (_normal(9, 2, 0), np.full((9, 2), np.inf), {}, "finite"),
        (np.ones((9, 2)), _normal(9, 2, 1), {}, "All real features are the same"),
        (_normal(9, 2, 0)[0], _normal(9, 2, 1), {}, r"[\[(]N, D[\])]"),
        (np.zeros((0, 2)), _normal(9, 2, 1), {}, r"[\[(]N, D[\])]"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(real, generated, options, message):
    with pytest.raises(ValueError, match=message):
        neighbour_metrics(real, generated, **options)
