"""What each objective bounds: the divergence itself at the optimal discriminator, less elsewhere."""

import tfgan_kit as gk
from tfgan_kit import objectives
from tfgan_kit.objectives import DIVERGENCES

import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, stats

# Two laws on four points, each as 20 rows in which a point is there as often as the law says.
P = np.array([0.1, 0.2, 0.3, 0.4])
Q = np.array([0.25, 0.25, 0.4, 0.1])
SAMPLES_P, SAMPLES_Q = (np.repeat(np.arange(4), np.round(20 * law).astype(int)) for law in (P, Q))

# Two Gaussians, each as the midpoints of equally likely intervals.
GAUSSIAN_P, GAUSSIAN_Q = stats.norm(0.0, 1.0), stats.norm(0.5, 1.05)
_MIDDLES = (np.arange(400_000) + 0.5) / 400_000

# f of 1606.00709, table 1, u = p / q, and the logits of the optimal discriminator: g_f(v) = f'(u).
F = {
    "total_variation": lambda u: np.abs(u - 1) / 2,
    "kl": lambda u: u * np.log(u),
    "reverse_kl": lambda u: -np.log(u),
    "pearson": lambda u: (u - 1) ** 2,
    "neyman": lambda u: (1 - u) ** 2 / u,
    "squared_hellinger": lambda u: (np.sqrt(u) - 1) ** 2,
    "jensen_shannon": lambda u: u * np.log(u) - (u + 1) * np.log((u + 1) / 2),
    "gan": lambda u: u * np.log(u) - (u + 1) * np.log(u + 1),
}
DERIVATIVE = {
    "total_variation": lambda u: np.sign(u - 1) / 2,
    "kl": lambda u: np.log(u) + 1,
    "reverse_kl": lambda u: -1 / u,
    "pearson": lambda u: 2 * (u - 1),
    "neyman": lambda u: 1 - 1 / u**2,
    "squared_hellinger": lambda u: 1 - 1 / np.sqrt(u),
    "jensen_shannon": lambda u: np.log(2 * u / (u + 1)),
    "gan": lambda u: np.log(u / (u + 1)),
}
OPTIMUM = {
    "total_variation": lambda u: 15 * np.sign(u - 1),  # tanh(15) is 1 in float32
    "kl": lambda u: np.log(u) + 1,
    "reverse_kl": np.log,
    "pearson": lambda u: 2 * (u - 1),
    "neyman": lambda u: 2 * np.log(u),
    "squared_hellinger": lambda u: np.log(u) / 2,
    "jensen_shannon": np.log,
    "gan": np.log,
}
OBJECTIVES = {name: objectives.FGAN(name) for name in DIVERGENCES}
for a in (-1.0, 0.5, 0.9, 1.5, 3.0):
    name = f"alpha_{a}"
    F[name] = lambda u, a=a: (u**a - 1 - a * (u - 1)) / (a * (a - 1))
    DERIVATIVE[name] = lambda u, a=a: (u ** (a - 1) - 1) / (a - 1)
    OPTIMUM[name] = np.log
    OBJECTIVES[name] = objectives.FGAN("alpha", alpha=a)

over_divergences = pytest.mark.parametrize("name", OBJECTIVES)


def column(values):
    return tf.constant(np.reshape(values, (-1, 1)), tf.float32)


def bound(objective, logits_p, logits_q):
    return float(objective.divergence_bound(column(logits_p), column(logits_q)))


def of_laws(f, p, q):
    """`sum q f(p / q)`."""
    return np.sum(q * f(p / q))


# The f-GAN family


@over_divergences
def test_bound_of_the_optimal_discriminator_is_the_divergence_of_two_discrete_laws(name):
    logits = OPTIMUM[name](P / Q)
    found = bound(OBJECTIVES[name], logits[SAMPLES_P], logits[SAMPLES_Q])
    assert found == pytest.approx(of_laws(F[name], P, Q), rel=2e-6)


@over_divergences
def test_bound_of_the_optimal_discriminator_is_the_divergence_of_two_gaussians(name):
    def ratio(x):
        return np.exp(GAUSSIAN_P.logpdf(x) - GAUSSIAN_Q.logpdf(x))

    def logits(x):
        return OPTIMUM[name](ratio(x))

    expected, _ = integrate.quad(
        lambda x: GAUSSIAN_Q.pdf(x) * F[name](ratio(x)), -12, 12, points=[-2.2, 0.2], limit=200
    )
    found = bound(OBJECTIVES[name], logits(GAUSSIAN_P.ppf(_MIDDLES)), logits(GAUSSIAN_Q.ppf(_MIDDLES)))
    # The rest are the tails beyond the outermost midpoints, and float32.
    assert found == pytest.approx(expected, rel=2e-3, abs=2e-5)


@over_divergences
@pytest.mark.parametrize("seed", range(3))
def test_no_other_discriminator_reaches_the_divergence(name, seed):
    logits = np.random.default_rng(seed).normal(size=4)
    found = bound(OBJECTIVES[name], logits[SAMPLES_P], logits[SAMPLES_Q])
    assert found < of_laws(F[name], P, Q)


@over_divergences
def test_bound_is_zero_for_equal_laws(name):
    """But for "gan", whose f(1) is -log 4 (1606.00709, section 2.1)."""
    logits = OPTIMUM[name](np.ones(4))
    expected = F[name](1.0)
    found = bound(OBJECTIVES[name], logits[SAMPLES_P], logits[SAMPLES_P])
    assert found == pytest.approx(expected, abs=1e-6)


@over_divergences
def test_generators_gradient_at_the_optimum_is_the_divergences(name):
    """Envelope theorem, for a softmax family; the right side in central differences."""
    theta = np.log(Q)
    logits = tf.constant(OPTIMUM[name](P / Q), tf.float64)
    with tf.GradientTape() as tape:
        variable = tf.Variable(theta)
        each = tf.stack([OBJECTIVES[name].generator_loss(None, logits[i, None]) for i in range(4)])
        loss = tf.reduce_sum(tf.nn.softmax(variable) * tf.cast(each, tf.float64))

    def divergence(t):
        return of_laws(F[name], P, np.exp(t) / np.exp(t).sum())

    steps = 1e-6 * np.eye(4)
    expected = [(divergence(theta + s) - divergence(theta - s)) / 2e-6 for s in steps]
    np.testing.assert_allclose(tape.gradient(loss, variable), expected, rtol=1e-5, atol=1e-7)


LOGITS = np.array([-7.0, -1.5, -0.1, 0.2, 1.0, 6.0])
RATIOS = np.exp(np.linspace(-3, 3, 7))


@over_divergences
def test_activation_increases(name):
    values = OBJECTIVES[name].table.activation(tf.constant(LOGITS))
    assert np.all(np.diff(values) > 0)


@over_divergences
def test_activation_reaches_the_derivative_of_f_at_the_optimum(name):
    values = OBJECTIVES[name].table.activation(tf.constant(OPTIMUM[name](RATIOS)))
    np.testing.assert_allclose(values, DERIVATIVE[name](RATIOS), rtol=1e-9, atol=1e-12)


@over_divergences
def test_conjugate_satisfies_fenchels_equality(name):
    """f*(f'(u)) = u f'(u) - f(u)."""
    slopes = DERIVATIVE[name](RATIOS)
    values = OBJECTIVES[name].table.conjugate(tf.constant(slopes))
    np.testing.assert_allclose(values, RATIOS * slopes - F[name](RATIOS), rtol=1e-9, atol=1e-12)


@over_divergences
def test_simplified_conjugate_is_that_of_the_activation(name):
    table, logits = OBJECTIVES[name].table, tf.constant(LOGITS)
    np.testing.assert_allclose(
        table.conjugate_of_activation(logits), table.conjugate(table.activation(logits)), rtol=1e-9, atol=1e-12
    )


@over_divergences
def test_threshold_is_the_derivative_of_f_at_one(name):
    assert OBJECTIVES[name].table.threshold == pytest.approx(DERIVATIVE[name](1.0))


@pytest.mark.parametrize("saturating, usual", [(True, gk.objectives.Minimax()), (False, gk.objectives.NonSaturating())])
def test_gan_of_the_family_is_the_first_papers_game(saturating, usual):
    family = (gk.objectives.FGAN if saturating else gk.objectives.NonSaturatingFGAN)("gan")
    real, fake = column([0.0, 2.0, -30.0]), column([-1.0, 3.0, 40.0])
    found = family.discriminator_loss(real, fake), family.generator_loss(None, fake)
    expected = usual.discriminator_loss(real, fake), usual.generator_loss(None, fake)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("alpha, limit", [(1 + 1e-6, "kl"), (1e-6, "reverse_kl")])
def test_alpha_divergence_tends_to_the_kullback_leibler_divergences(alpha, limit):
    logits = np.log(P / Q)
    found = bound(gk.objectives.FGAN("alpha", alpha=alpha), logits[SAMPLES_P], logits[SAMPLES_Q])
    assert found == pytest.approx(of_laws(F[limit], P, Q), rel=1e-4)


@pytest.mark.parametrize("cls", [gk.objectives.FGAN, gk.objectives.NonSaturatingFGAN])
def test_unknown_divergence_lists_the_known_ones(cls):
    with pytest.raises(ValueError, match="total_variation, kl, .*alpha. Received: divergence='js'"):
        cls("js")


@pytest.mark.parametrize("arguments", [("alpha",), ("alpha", 0), ("alpha", 1.0), ("kl", 0.5)], ids=str)
def test_alpha_where_none_belongs_or_none_where_one_does_is_refused(arguments):
    with pytest.raises(ValueError, match="`alpha` belongs to divergence='alpha'"):
        gk.objectives.FGAN(*arguments)


# The other objectives


def js(p, q):
    m = (p + q) / 2
    return np.sum(p * np.log(p / m) + q * np.log(q / m)) / 2


ODDS_P, ODDS_Q = (0.3, 0.7), (0.6, 0.4)
# Two points, paired: the best difference of logits is the log odds ratio (derivative set to zero).
PAIRED = np.log(ODDS_P[0] * ODDS_Q[1] / (ODDS_P[1] * ODDS_Q[0]))


@pytest.mark.parametrize(
    "name, optimum, divergence",
    [
        ("minimax", np.log(P / Q), js(P, Q)),
        ("non_saturating", np.log(P / Q), js(P, Q)),
        ("least_squares", P / (P + Q), np.sum((P - Q) ** 2 / (P + Q))),
        ("hinge", np.sign(P - Q), np.abs(P - Q).sum() / 2),
    ],
)
def test_bound_of_the_optimal_discriminator_is_the_divergence(name, optimum, divergence):
    found = bound(objectives.get(name), optimum[SAMPLES_P], optimum[SAMPLES_Q])
    assert found == pytest.approx(divergence, rel=1e-6)


def test_least_squares_divergence_is_pearsons_of_the_sum_and_twice_q():
    """1611.04076, eq. 8: chi2(p + q, 2 q) = sum (p + q - 2 q)^2 / (p + q)."""
    optimum = P / (P + Q)
    found = bound(gk.objectives.LeastSquares(), optimum[SAMPLES_P], optimum[SAMPLES_Q])
    assert found == pytest.approx(np.sum((P + Q - 2 * Q) ** 2 / (P + Q)), rel=1e-6)


def pairs(logits):
    """Every pair of a row of P with one of Q, as two columns."""
    counts = np.round(100 * np.outer(ODDS_P, ODDS_Q)).astype(int).ravel()
    points = np.repeat([(0, 0), (0, 1), (1, 0), (1, 1)], counts, axis=0)
    return logits[points[:, 0]], logits[points[:, 1]]


@pytest.mark.parametrize("change", [-0.2, 0.2])
def test_paired_bound_is_highest_at_the_log_odds_ratio(change):
    best = bound(gk.objectives.RelativisticPairing(), *pairs(np.array([PAIRED, 0.0])))
    other = bound(gk.objectives.RelativisticPairing(), *pairs(np.array([PAIRED + change, 0.0])))
    assert 0 < other < best < np.log(2)


@pytest.mark.parametrize(
    "objective, highest",
    [(gk.objectives.RelativisticPairing(), np.log(2)), (gk.objectives.RelativisticAverage(), np.log(4))],
)
def test_relativistic_bound_runs_from_zero_for_equal_laws_to_a_logarithm(objective, highest):
    constant = np.full(8, 3.0)
    assert bound(objective, constant, constant) == pytest.approx(0.0, abs=1e-6)
    assert bound(objective, constant + 50, constant) == pytest.approx(highest, rel=1e-6)


def test_an_objective_of_ones_own_need_not_bound_anything():
    assert objectives.Objective().divergence_bound(column([0.0]), column([1.0])) is None


# Two objectives in one game


MIXED = gk.objectives.PerPlayer(gk.objectives.Hinge(), gk.objectives.LeastSquares())


def test_each_player_has_the_loss_of_its_own_objective():
    real, fake = column([0.0, 2.0]), column([-1.0, 3.0])
    assert MIXED.discriminator_loss(real, fake) == gk.objectives.Hinge().discriminator_loss(real, fake)
    assert MIXED.generator_loss(None, fake) == gk.objectives.LeastSquares().generator_loss(None, fake)
    assert MIXED.divergence_bound(real, fake) == gk.objectives.Hinge().divergence_bound(real, fake)


@pytest.mark.parametrize(
    "generator, sees", [(gk.objectives.Hinge(), False), (gk.objectives.RelativisticPairing(), True)]
)
def test_generator_sees_real_images_where_its_own_objective_does(generator, sees):
    assert gk.objectives.PerPlayer(gk.objectives.RelativisticPairing(), generator).generator_sees_real == sees


@pytest.mark.parametrize("players", [("hinge", gk.objectives.Hinge()), (gk.objectives.Hinge(), gk.objectives.Hinge)])
def test_a_players_objective_that_is_none_is_refused(players):
    with pytest.raises(TypeError, match="Each player's objective is an instance"):
        gk.objectives.PerPlayer(*players)
