from tfgan_kit.divergences import discrete, divergence_hessian, families, gaussian
from tfgan_kit.divergences.families import Family

import numpy as np
import pytest
import tensorflow as tf

# f''(1) of each, the docstring's table in `discrete`.
CURVATURES = {"kl": 1, "reverse_kl": 1, "js": 1 / 4, "squared_hellinger": 1 / 4, "pearson_chi2": 2, "neyman_chi2": 2}
LOGITS = np.array([0.3, -0.7, 1.1])


def law_of(logits):
    weights = np.exp([*logits, 0.0])
    return weights / weights.sum()


def categorical_information(logits):
    """E grad log p grad log p^T of natural parameters: the covariance of the indicators."""
    p = law_of(logits)[:-1]
    return np.diag(p) - np.outer(p, p)


@pytest.mark.parametrize("name, curvature", CURVATURES.items())
def test_categorical_hessian_is_the_curvature_times_the_fisher_information(name, curvature):
    found = divergence_hessian(families.softmax, getattr(discrete, name), LOGITS)
    np.testing.assert_allclose(found.matrix, curvature * categorical_information(LOGITS), rtol=1e-10)
    np.testing.assert_allclose(found.gradient, 0, atol=1e-15)
    assert found.value == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("name, curvature", CURVATURES.items())
def test_bernoulli_hessian_in_its_probability_is_the_curvature_over_the_variance(name, curvature):
    found = divergence_hessian(families.mixture, getattr(discrete, name), [0.3])
    assert found.matrix[0, 0] == pytest.approx(curvature / (0.3 * 0.7), rel=1e-10)


def test_alpha_and_general_f_divergences_are_differentiated_too():
    def half_alpha(p, q):
        return discrete.alpha_divergence(p, q, 3.0)

    def pearson(p, q):
        return discrete.f_divergence(p, q, lambda t: (t - 1) ** 2)

    information = categorical_information(LOGITS)
    for_alpha = divergence_hessian(families.softmax, half_alpha, LOGITS)
    for_pearson = divergence_hessian(families.softmax, pearson, LOGITS)
    np.testing.assert_allclose(for_alpha.matrix, information, rtol=1e-10)
    np.testing.assert_allclose(for_pearson.matrix, 2 * information, rtol=1e-10)


@pytest.mark.parametrize("divergence", [gaussian.kl, gaussian.reverse_kl])
def test_gaussian_hessian_is_its_fisher_information(divergence):
    # In (mean, log sigma) it is diag(1 / sigma^2, 2) an axis.
    found = divergence_hessian(families.diagonal_gaussian, divergence, [1.0, -2.0, np.log(2), np.log(3)])
    np.testing.assert_allclose(found.matrix, np.diag([1 / 4, 1 / 9, 2, 2]), rtol=1e-10, atol=1e-14)


def test_full_gaussian_hessian_in_the_mean_is_the_precision():
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    family = Family(lambda theta: gaussian.Gaussian(theta, tf.constant(covariance)))
    found = divergence_hessian(family, gaussian.kl, [3.0, 4.0], target=[0.0, 0.0])
    precision = np.linalg.inv(covariance)
    np.testing.assert_allclose(found.matrix, precision, rtol=1e-10)
    np.testing.assert_allclose(found.gradient, precision @ [3, 4], rtol=1e-10)


def test_natural_gaussian_hessian_is_the_covariance_of_its_statistics():
    # N(m, s^2): var x = s^2, cov(x, x^2) = 2 m s^2, var x^2 = 4 m^2 s^2 + 2 s^4.
    m, v = 1.5, 0.8
    found = divergence_hessian(families.natural_gaussian, gaussian.reverse_kl, [m / v, -1 / (2 * v)])
    expected = [[v, 2 * m * v], [2 * m * v, 4 * m * m * v + 2 * v * v]]
    np.testing.assert_allclose(found.matrix, expected, rtol=1e-9)


def test_value_and_gradient_away_from_the_target_agree_with_differences():
    target = np.array([-0.2, 0.4, 0.0])

    def value(logits):
        return discrete.js(law_of(logits), law_of(target))

    found = divergence_hessian(families.softmax, discrete.js, LOGITS, target=target)
    steps = 1e-5 * np.eye(3)
    expected = [(value(LOGITS + step) - value(LOGITS - step)) / 2e-5 for step in steps]
    assert found.value == pytest.approx(value(LOGITS), rel=1e-12)
    np.testing.assert_allclose(found.gradient, expected, rtol=1e-7)


def test_product_is_the_matrix_times_the_vector():
    found = divergence_hessian(families.softmax, discrete.kl, LOGITS, target=[0.0, 1.0, 2.0])
    vector = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(found.product(vector), found.matrix @ vector, rtol=1e-12)


def test_free_entries_rebuild_the_symmetric_matrix():
    found = divergence_hessian(families.softmax, discrete.kl, LOGITS, target=[0.0, 1.0, 2.0])
    rebuilt = np.zeros((3, 3))
    rebuilt[np.triu_indices(3)] = found.free_entries
    assert found.free_entries.shape == (6,)
    np.testing.assert_array_equal(rebuilt + np.triu(rebuilt, 1).T, found.matrix)


def test_through_a_map_it_is_the_hessian_between_two_jacobians():
    mixing = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0], [1.0, 0.0, 1.0]])
    eta = np.array([0.2, -0.1, 0.3])

    def bend(eta):
        return tf.linalg.matvec(mixing, tf.sinh(eta))

    found = divergence_hessian(families.softmax, discrete.kl, eta, reparametrisation=bend)
    jacobian = mixing * np.cosh(eta)
    information = categorical_information(mixing @ np.sinh(eta))
    np.testing.assert_allclose(found.matrix, jacobian.T @ information @ jacobian, rtol=1e-9, atol=1e-14)
    assert found.minimum == "local"


def test_n_independent_copies_multiply_the_hessian_by_n():
    def pairs(theta):
        p = families.softmax(theta)
        return tf.reshape(p[:, None] * p[None, :], [-1])

    target = [0.0, 1.0, 2.0]
    once = divergence_hessian(families.softmax, discrete.kl, LOGITS, target=target)
    twice = divergence_hessian(pairs, discrete.kl, LOGITS, target=target)
    assert twice.value == pytest.approx(2 * once.value, rel=1e-12)
    np.testing.assert_allclose(twice.matrix, 2 * once.matrix, rtol=1e-10)


def test_a_full_parametrisation_has_full_rank():
    found = divergence_hessian(families.softmax, discrete.kl, LOGITS)
    assert found.rank == 3
    assert found.least_eigenvalue == pytest.approx(np.linalg.eigvalsh(categorical_information(LOGITS))[0])


@pytest.mark.parametrize("divergence", [discrete.kl, discrete.js, discrete.reverse_kl])
def test_a_redundant_parametrisation_lacks_a_rank(divergence):
    # K logits: adding one number to all of them changes nothing.
    found = divergence_hessian(families.redundant_softmax, divergence, [*LOGITS, 0.0])
    assert (found.rank, found.minimum) == (3, "degenerate")
    assert abs(found.least_eigenvalue) < 1e-15
    np.testing.assert_allclose(found.product(np.ones(4)), 0, atol=1e-15)


def test_a_map_from_more_parameters_lacks_a_rank():
    found = divergence_hessian(
        families.softmax, discrete.kl, np.arange(4.0) / 4, reparametrisation=lambda eta: eta[:3] + eta[3]
    )
    assert (found.rank, len(found.matrix)) == (3, 4)


@pytest.mark.parametrize(
    "family, divergence, theta, kind",
    [
        (families.softmax, discrete.reverse_kl, [0.3, -0.5], "unique"),  # A(theta) is convex
        (families.softmax, discrete.kl, [0.3, -0.5], "local"),
        (families.softmax, discrete.js, [0.3, -0.5], "local"),
        (families.mixture, discrete.kl, [0.3, 0.5], "unique"),  # D_f is convex in p
        (families.mixture, discrete.js, [0.3, 0.5], "unique"),
        (Family(families.mixture.law), discrete.js, [0.3, 0.5], "local"),  # nobody said so
        (families.mixture, lambda p, q: discrete.js(p, q), [0.3, 0.5], "local"),
        (families.natural_gaussian, gaussian.reverse_kl, [0.3, -0.5], "unique"),
        (families.natural_gaussian, gaussian.kl, [0.3, -0.5], "local"),
        (families.diagonal_gaussian, gaussian.reverse_kl, [0.3, -0.5], "local"),
    ],
)
def test_a_minimum_is_called_unique_only_where_convexity_is_known(family, divergence, theta, kind):
    assert divergence_hessian(family, divergence, theta).minimum == kind


def test_through_a_map_convexity_is_no_longer_known():
    found = divergence_hessian(families.softmax, discrete.reverse_kl, [0.3, -0.5], reparametrisation=tf.sinh)
    assert found.minimum == "local"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "family, divergence", [(families.softmax, discrete.reverse_kl), (families.natural_gaussian, gaussian.reverse_kl)]
)
def test_where_convexity_is_known_no_eigenvalue_is_negative_anywhere(family, divergence, seed):
    random = np.random.default_rng(seed)
    theta, target = random.normal(size=2), random.normal(size=2)
    theta[1], target[1] = -np.exp(theta[1]), -np.exp(target[1])  # a natural Gaussian needs it
    found = divergence_hessian(family, divergence, theta, target=target)
    assert found.least_eigenvalue > 0


def test_kl_in_natural_parameters_is_not_convex():
    # Far from the target its Hessian has a negative eigenvalue, so "local" is all one may say.
    found = divergence_hessian(families.softmax, discrete.kl, [6.0], target=[0.0])
    assert found.least_eigenvalue < 0


def test_away_from_the_target_there_is_no_minimum():
    assert divergence_hessian(families.softmax, discrete.reverse_kl, [0.1], target=[0.0]).minimum is None


def test_a_second_minimum_is_only_local():
    # theta and -theta are one law: both minima have a positive Hessian.
    def square(theta):
        return families.softmax(theta**2)

    found = divergence_hessian(square, discrete.kl, [-1.0], target=[1.0])
    assert (found.minimum, found.value) == ("local", 0.0)
    assert found.least_eigenvalue > 0


@pytest.mark.parametrize(
    "options, message",
    [
        ({"theta": [[0.0]]}, r"\(n,\)"),
        ({"theta": [np.nan]}, "finite"),
        ({"target": [0.0, 1.0]}, r"target.shape=\(2,\)"),
        ({"divergence": discrete.total_variation}, "kink"),
        ({"family": lambda theta: theta + 1.0, "theta": [1.0]}, "sum to 1"),
        ({"family": lambda theta: tf.constant([0.5, 0.5])}, "float64 tensors.*float32"),
        ({"family": lambda theta: np.array([0.5, 0.5])}, "float64 tensors"),
        ({"family": families.mixture, "theta": [1.0]}, "1 that are 0 at theta"),
        ({"divergence": lambda p, q: discrete.kl(p, q) / 0}, "finite and differentiable"),
        ({"divergence": lambda p, q: tf.reduce_sum(abs(p - q) ** 1.5)}, "no finite second derivatives"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(options, message):
    arguments = {"family": families.softmax, "divergence": discrete.kl, "theta": [0.0], **options}
    with pytest.raises(ValueError, match=message):
        _ = divergence_hessian(**arguments).matrix


def test_a_vector_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"vector.shape=\(2,\)"):
        divergence_hessian(families.softmax, discrete.kl, [0.0]).product([1.0, 2.0])
