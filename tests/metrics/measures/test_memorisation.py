import warnings

from tfgan_kit.metrics.measures.memorisation import memorisation, nearest_training

import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import cdist

TRIALS = 300


def _normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def _nearest(x, training):
    return cdist(x, training).min(axis=1)


@pytest.fixture(scope="module")
def honest():
    """What an honest generator gets: 300 draws of all three sets from one law."""
    return [memorisation(*_normal(3, 120, 6, seed=seed), num_cells=3) for seed in range(TRIALS)]


def _most(level):
    """Four deviations above the false alarms that a test of this level has in TRIALS trials."""
    return level + 4 * np.sqrt(level * (1 - level) / TRIALS)


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("level", [0.01, 0.05, 0.5])
def test_an_honest_generator_is_alarmed_as_often_as_the_level_says(honest, level):
    p_values = np.array([found.p_value for found in honest])
    assert abs(np.mean(p_values <= level) - level) < _most(level) - level


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("level", [0.01, 0.05, 0.5])
def test_first_alarms_at_most_as_often_as_the_level_says(honest, level):
    # At most: the count is whole, so few p-values exist: 1, a half, a quarter and so on.
    assert np.mean([found.first_p_value <= level for found in honest]) <= _most(level)


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("field", ["z", "cell_z"])
def test_z_of_an_honest_generator_is_standard_normal(honest, field):
    values = [getattr(found, field) for found in honest]
    assert abs(np.mean(values)) < 4 / TRIALS**0.5
    assert np.std(values) == pytest.approx(1, abs=4 / (2 * TRIALS) ** 0.5)


@pytest.mark.slow
@pytest.mark.thorough
def test_an_honest_generator_is_as_authentic_as_test_images(honest):
    differences = [found.authentic - found.authentic_test for found in honest]
    assert abs(np.mean(differences)) < 4 * np.std(differences) / TRIALS**0.5


@pytest.mark.parametrize("noise", [0.0, 1e-3, 0.1])
def test_copies_are_found(noise):
    training, test, generated = _normal(3, 300, 6)
    copies = training + noise * generated
    found = memorisation(training, test, copies)
    assert found.p_value < 1e-20
    assert found.cell_z < -8
    assert found.first_p_value < 1e-6
    assert found.authentic < 0.1 < 0.4 < found.authentic_test


@pytest.mark.parametrize("seed", range(5))
def test_a_few_copies_stand_first_where_the_mean_does_not_move(seed):
    training, test, generated = _normal(3, 2000, 6, seed=seed)
    generated[:20] = training[:20]
    found = memorisation(training, test, generated)
    assert found.first >= 20
    assert found.first_p_value < 1e-5
    assert found.p_value > 1e-3


def test_a_worse_generator_is_no_copier():
    training, test, generated = _normal(3, 300, 6)
    found = memorisation(training, test, 1.5 * generated)
    assert found.z > 3
    assert found.p_value > 0.99


def test_favouring_a_dense_cell_is_no_copying_within_cells():
    # A narrow mode and a wide one; the generator makes the narrow one alone, honestly.
    random = np.random.default_rng(0)

    def draw(narrow, wide):
        return np.concatenate([0.1 * random.normal(size=(narrow, 4)), 20 + random.normal(size=(wide, 4))])

    found = memorisation(draw(300, 300), draw(300, 300), draw(570, 30), num_cells=2)
    assert found.p_value < 1e-6
    assert abs(found.cell_z) < 3


def test_copying_in_one_cell_shows_beside_underfitting_in_another():
    random = np.random.default_rng(0)
    place = np.repeat([[0.0] * 4, [50.0] * 4], 300, axis=0)
    training, test, generated = place + random.normal(size=(3, 600, 4))
    generated[:300] = training[:300]
    generated[300:] += 0.5 * random.normal(size=(300, 4))
    assert memorisation(training, test, generated, num_cells=2).cell_z < -5


@pytest.mark.parametrize("largest", [30, 2**30])
def test_z_is_that_of_scipy_with_ties_and_without(largest):
    training, test, generated = np.random.default_rng(0).integers(0, largest, (3, 200, 2))
    expected = scipy.stats.mannwhitneyu(
        _nearest(generated, training),
        _nearest(test, training),
        alternative="less",
        method="asymptotic",
        use_continuity=False,
    )
    assert memorisation(training, test, generated).p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_one_cell_is_the_whole():
    found = memorisation(*_normal(3, 100, 3), num_cells=1)
    assert found.cell_z == pytest.approx(found.z, rel=1e-12)


def test_authenticity_is_the_literal_one():
    training, test, generated = _normal(3, 100, 3)
    among = cdist(training, training)
    np.fill_diagonal(among, np.inf)

    def share(images):
        distances = cdist(images, training)
        return np.mean(distances.min(axis=1) > among.min(axis=1)[distances.argmin(axis=1)])

    found = memorisation(training, test, generated)
    assert (found.authentic, found.authentic_test) == (share(generated), share(test))


def test_first_p_value_is_that_of_a_random_order():
    # Four generated of 20 before the first of 30 test images: 20/50 19/49 18/48 17/47.
    line = 1000.0 * np.arange(50)[:, None]
    distances = np.concatenate([np.arange(1.0, 5.0), np.arange(100.0, 116.0)])[:, None]
    found = memorisation(line, line[:30] + 50, line[:20] + distances)
    assert found.first == 4
    assert found.first_p_value == pytest.approx(20 * 19 * 18 * 17 / (50 * 49 * 48 * 47), rel=1e-10)


def test_images_that_are_all_copies_on_both_sides_are_no_evidence():
    training = _normal(40, 3)
    found = memorisation(training, training[:20], training[20:])
    assert (found.z, found.p_value, found.first) == (0.0, 0.5, 0)


def test_cells_without_enough_images_leave_no_cell_z_and_no_warning():
    training = np.repeat(_normal(5, 3), 8, axis=0)  # five places for ten cells: k-means leaves some empty
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = memorisation(training, _normal(40, 3, seed=1), _normal(40, 3, seed=2), num_cells=10)
    assert np.isnan(memorisation(*_normal(3, 20, 3), num_cells=10).cell_z)
    assert 0 <= found.p_value <= 1


def test_result_depends_on_the_seed_of_cells_alone():
    sets = _normal(3, 300, 6)
    assert memorisation(*sets, seed=1) == memorisation(*sets, seed=1)
    assert memorisation(*sets, seed=1)._replace(cell_z=0) == memorisation(*sets, seed=2)._replace(cell_z=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nearest_training_images_are_found_with_their_distances(dtype):
    training, generated = _normal(80, 5).astype(dtype), _normal(30, 5, seed=1).astype(dtype)
    generated[7] = training[42]
    everyone = cdist(generated.astype(np.float64), training.astype(np.float64))
    indices, distances = nearest_training(generated, training, k=3)
    np.testing.assert_array_equal(indices, everyone.argsort(axis=1)[:, :3])
    np.testing.assert_allclose(distances, np.sort(everyone, axis=1)[:, :3], rtol=1e-13)
    assert (indices[7, 0], distances[7, 0]) == (42, 0)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: nearest_training(_normal(9, 2), _normal(4, 2), k=5), "k=5"),
        (lambda: nearest_training(_normal(9, 2), _normal(4, 2), k=0), "k=0"),
        (lambda: nearest_training(_normal(9, 2), _normal(4, 3)), "same dimension"),
        (lambda: nearest_training(_normal(9, 2)[0], _normal(4, 2)), r"[\[(]N, D[\])]"),
        (lambda: memorisation(_normal(30, 2), _normal(19, 2), _normal(30, 2)), "20 images in each set.*19 test"),
        (lambda: memorisation(_normal(30, 2), _normal(30, 2), _normal(19, 2)), "19 generated"),
        (lambda: memorisation(_normal(30, 2), _normal(30, 2), _normal(30, 2), num_cells=0), "num_cells=0"),
        (lambda: memorisation(_normal(30, 2), _normal(30, 2), _normal(30, 2), num_cells=31), "num_cells=31"),
        (lambda: memorisation(_normal(30, 2), _normal(30, 2), np.full((30, 2), np.nan)), "finite"),
        (lambda: memorisation(_normal(30, 2), _normal(30, 3), _normal(30, 2)), "same dimension"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(call, message):
    with pytest.raises(ValueError, match=message):
        call()
