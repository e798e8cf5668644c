from tfgan_kit.metrics import frechet_distance, frechet_standard_error, gaussian_statistics

import numpy as np
import pytest
import scipy.linalg

_MIX = np.random.default_rng(0).normal(size=(6, 6))


def _draw(seed, count=800, heavy=False):
    random = np.random.default_rng(seed)
    normal = random.standard_t(8, size=(count, 6)) if heavy else random.normal(size=(count, 6))
    return normal @ _MIX


def _distance(a, b):
    return frechet_distance(gaussian_statistics(a), gaussian_statistics(b))


@pytest.mark.parametrize("shift, scale, heavy", [(0.5, 1.0, False), (0.0, 1.5, False), (0.3, 1.2, True)])
def test_standard_error_is_the_deviation_over_fresh_draws(shift, scale, heavy):
    pairs = [(_draw(seed, heavy=heavy), scale * _draw(1000 + seed, heavy=heavy) + shift) for seed in range(150)]
    deviation = np.std([_distance(a, b) for a, b in pairs])
    errors = [frechet_standard_error(a, b) for a, b in pairs[:20]]
    assert np.mean(errors) == pytest.approx(deviation, rel=0.2)  # of 150 draws: 6 % and more for heavy tails


def test_standard_error_on_a_line_is_that_of_the_squared_difference_of_means():
    # d^2 = (m_b - m_a)^2 + ...; far apart the means' error dominates: 2 |m_b - m_a| sqrt(1/n + 1/m).
    a, b = np.random.default_rng(0).normal(size=(500, 1)), np.random.default_rng(1).normal(100, size=(300, 1))
    expected = 200 * np.sqrt(a.var() / 500 + b.var() / 300)
    assert frechet_standard_error(a, b) == pytest.approx(expected, rel=0.03)


def test_it_is_that_of_the_formula_s_optimal_maps():
    a, b = _draw(0, 500), _draw(1, 400, heavy=True) * np.linspace(0.5, 2, 6) + 0.3
    means, covariances = [x.mean(axis=0) for x in (a, b)], [np.cov(x, rowvar=False) for x in (a, b)]
    variances = []
    for k, x in enumerate((a, b)):
        own, other = covariances[k], covariances[1 - k]
        root = scipy.linalg.sqrtm(own)
        inverse = np.linalg.inv(root)
        transport = inverse @ scipy.linalg.sqrtm(root @ other @ root) @ inverse
        np.testing.assert_allclose(transport @ own @ transport, other, rtol=1e-8)  # it is the map
        centred = x - means[k]
        psi = 2 * centred @ (means[k] - means[1 - k]) + np.sum(centred @ (np.eye(6) - transport) * centred, axis=1)
        variances.append(psi.var() / len(x))
    assert frechet_standard_error(a, b) == pytest.approx(np.sqrt(sum(variances)), rel=1e-9)


def test_four_times_the_images_halve_it():
    errors = [frechet_standard_error(_draw(0, count), 2 * _draw(1, count)) for count in (1000, 4000)]
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.15)


def test_it_is_symmetric_and_scales_as_a_square():
    a, b = _draw(0), _draw(1) + 1
    assert frechet_standard_error(a, b) == pytest.approx(frechet_standard_error(b, a), rel=1e-8)
    assert frechet_standard_error(3 * a, 3 * b) == pytest.approx(9 * frechet_standard_error(a, b), rel=1e-8)


def test_features_that_never_change_do_not_move_it():
    a, b = _draw(0), _draw(1) + 1
    padded = [np.pad(part, [(0, 0), (0, 3)], constant_values=7) for part in (a, b)]
    assert frechet_standard_error(*padded) == pytest.approx(frechet_standard_error(a, b), rel=1e-6)


def test_as_many_images_as_features_have_none():
    assert np.isnan(frechet_standard_error(_draw(0, 6), _draw(1, 100)))
