"""Each objective against numbers by hand, and against the divergence that its paper proves."""

import tfgan_kit as gk
from tfgan_kit import objectives

import numpy as np
import pytest
import tensorflow as tf

# Two laws on four points; the expectation over a law is a sum with its weights.
P = np.array([0.1, 0.2, 0.3, 0.4])
Q = np.array([0.25, 0.25, 0.4, 0.1])
# The same laws as samples: 20 rows in which each point is there as often as its law says.
POINTS = np.arange(4)
SAMPLES_P = np.repeat(POINTS, np.round(20 * P).astype(int))
SAMPLES_Q = np.repeat(POINTS, np.round(20 * Q).astype(int))


def kl(p, q):
    return np.sum(p * np.log(p / q))


def js(p, q):
    m = (p + q) / 2
    return (kl(p, m) + kl(q, m)) / 2


def column(values):
    return tf.constant(np.reshape(values, (-1, 1)), tf.float32)


def losses(objective, real, fake):
    """Both losses where D answers `real` and `fake`."""
    return (
        float(objective.discriminator_loss(column(real), column(fake))),
        float(objective.generator_loss(column(real), column(fake))),
    )


def on_laws(objective, logits):
    """Both losses where D answers `logits` on the four points."""
    return losses(objective, logits[SAMPLES_P], logits[SAMPLES_Q])


# Numbers by hand: D(x) = 0, 2 on two real rows, D(G(z)) = -1, 3 on two generated ones.

REAL, FAKE = [0.0, 2.0], [-1.0, 3.0]


def softplus(x):
    return np.log(1 + np.exp(x))


CROSS_ENTROPY = (softplus(0) + softplus(-2)) / 2 + (softplus(-1) + softplus(3)) / 2


@pytest.mark.parametrize(
    "name, discriminator_loss, generator_loss",
    [
        ("minimax", CROSS_ENTROPY, -(softplus(-1) + softplus(3)) / 2),
        ("non_saturating", CROSS_ENTROPY, (softplus(1) + softplus(-3)) / 2),
        # ((0-1)^2 + (2-1)^2)/2/2 + (1 + 9)/2/2 = 3;   ((-1-1)^2 + (3-1)^2)/2/2 = 2
        ("least_squares", 3.0, 2.0),
        # (max(0, 1) + max(0, -1))/2 + (max(0, 0) + max(0, 4))/2 = 2.5;   -(-1 + 3)/2 = -1
        ("hinge", 2.5, -1.0),
        # (-1 + 3)/2 - (0 + 2)/2 = 0
        ("wasserstein", 0.0, -1.0),
        # pairs: fake - real = -1, 1
        ("relativistic_pairing", (softplus(-1) + softplus(1)) / 2, (softplus(1) + softplus(-1)) / 2),
        # Both averages are 1: real - 1 = -1, 1 and fake - 1 = -2, 2.
        (
            "relativistic_average",
            (softplus(1) + softplus(-1)) / 2 + (softplus(-2) + softplus(2)) / 2,
            (softplus(2) + softplus(-2)) / 2 + (softplus(-1) + softplus(1)) / 2,
        ),
    ],
)
def test_losses_equal_the_numbers_by_hand(name, discriminator_loss, generator_loss):
    found = losses(objectives.get(name), REAL, FAKE)
    assert found == pytest.approx((discriminator_loss, generator_loss), rel=1e-6, abs=1e-6)


def test_relativistic_losses_pair_row_with_row():
    # Pairs (0, 4) and (2, -2): fake - real = 4 and -4; crossed pairs would give -2 and 2.
    found = losses(objectives.get("relativistic_pairing"), [0.0, 2.0], [4.0, -2.0])
    assert found == pytest.approx(((softplus(4) + softplus(-4)) / 2,) * 2, rel=1e-6)


# Theory


def test_minimax_value_at_the_optimal_discriminator_is_two_js_minus_log_four():
    """1406.2661, theorem 1; the discriminator minimises minus the value."""
    loss, _ = on_laws(gk.objectives.Minimax(), np.log(P / Q))
    assert -loss == pytest.approx(2 * js(P, Q) - np.log(4), rel=1e-6)


def test_minimax_game_is_zero_sum_in_the_generator():
    # V = -L_D; L_G keeps the terms of V that depend on G: V = L_G - E softplus(-D(x)).
    d_loss, g_loss = losses(gk.objectives.Minimax(), REAL, FAKE)
    real_part = (softplus(0) + softplus(-2)) / 2
    assert -d_loss == pytest.approx(g_loss - real_part, rel=1e-6)


@pytest.mark.parametrize(
    "name, optimum",
    [
        ("minimax", np.log(P / Q)),
        ("non_saturating", np.log(P / Q)),
        ("least_squares", P / (P + Q)),  # 1611.04076, eq. 5 with a = 0, b = 1
        ("hinge", np.sign(P - Q)),
    ],
)
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("change", [-0.3, 0.3])
def test_moving_the_optimal_logit_of_any_point_raises_the_loss(name, optimum, point, change):
    objective, moved = objectives.get(name), optimum.copy()
    moved[point] += change
    assert on_laws(objective, moved)[0] > on_laws(objective, optimum)[0] + 1e-4


def q_of(theta):
    """The softmax law; D* below is that of theta held fixed."""
    return tf.nn.softmax(theta)


def test_non_saturating_gradient_at_the_optimum_is_that_of_kl_minus_two_js():
    """1701.04862, theorem 2.5, for a softmax family; the right side in central differences."""
    theta = np.log(Q)
    optimal_logits = tf.constant(np.log(P / Q), tf.float64)
    with tf.GradientTape() as tape:
        variable = tf.Variable(theta)
        tape.watch(variable)
        # E_q L(D*): the objective on each point alone, weighted by q.
        each = tf.stack([gk.objectives.NonSaturating().generator_loss(None, optimal_logits[i, None]) for i in range(4)])
        loss = tf.reduce_sum(q_of(variable) * tf.cast(each, tf.float64))
    gradient = tape.gradient(loss, variable)

    def divergence(t):
        q = np.exp(t) / np.exp(t).sum()
        return kl(q, P) - 2 * js(P, q)

    steps = 1e-5 * np.eye(4)
    expected = [(divergence(theta + s) - divergence(theta - s)) / 2e-5 for s in steps]
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-7)


def test_least_squares_loss_at_the_optimum_is_half_the_harmonic_overlap():
    # D* = p / (p + q): L_D = 1/2 sum (p q^2 + q p^2) / (p + q)^2 = 1/2 sum p q / (p + q).
    loss, _ = on_laws(gk.objectives.LeastSquares(), P / (P + Q))
    assert loss == pytest.approx(np.sum(P * Q / (P + Q)) / 2, rel=1e-6)


def test_hinge_loss_at_the_optimum_is_two_minus_two_total_variations():
    loss, _ = on_laws(gk.objectives.Hinge(), np.sign(P - Q))
    assert loss == pytest.approx(2 - 2 * np.abs(P - Q).sum() / 2, rel=1e-6)


def test_wasserstein_loss_of_the_optimal_critic_is_minus_the_distance():
    # On a line, W1 = sum |F_p - F_q|, and the critic's slope is the sign of F_q - F_p.
    difference = np.cumsum(P - Q)[:-1]
    critic = np.concatenate([[0.0], np.cumsum(-np.sign(difference))])
    loss, _ = on_laws(gk.objectives.Wasserstein(), critic)
    assert -loss == pytest.approx(np.abs(difference).sum(), rel=1e-5)


@pytest.mark.parametrize("shift", [-7.0, 3.0])
@pytest.mark.parametrize("player", [0, 1])
def test_relativistic_losses_ignore_a_shift_of_the_discriminator(shift, player):
    objective = gk.objectives.RelativisticPairing()
    moved = losses(objective, np.add(REAL, shift), np.add(FAKE, shift))
    assert moved[player] == pytest.approx(losses(objective, REAL, FAKE)[player], rel=1e-5)


def test_saturation_is_where_the_names_say():
    """Where D is sure that an image is fake, minimax gives G no slope, non-saturating gives 1."""
    logits = tf.constant([[-50.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        minimax = gk.objectives.Minimax().generator_loss(None, logits)
        non_saturating = gk.objectives.NonSaturating().generator_loss(None, logits)
    assert tape.gradient(minimax, logits).numpy().item() == pytest.approx(0.0, abs=1e-12)
    assert tape.gradient(non_saturating, logits).numpy().item() == pytest.approx(-1.0)


# Range and look-up


@pytest.mark.parametrize("name", objectives.OBJECTIVES)
@pytest.mark.parametrize("real", [-1e4, 1e4])
@pytest.mark.parametrize("fake", [-1e4, 1e4])
def test_losses_and_gradients_are_finite_for_extreme_logits(name, real, fake):
    objective = objectives.get(name)
    real, fake = column([real] * 2), column([fake] * 2)
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        total = objective.discriminator_loss(real, fake) + objective.generator_loss(real, fake)
        total += objective.divergence_bound(real, fake)
    gradients = tape.gradient(total, [real, fake])
    assert total.dtype == tf.float32
    assert np.isfinite(total) and np.isfinite(gradients).all()


@pytest.mark.parametrize("name", objectives.OBJECTIVES)
def test_name_finds_the_class(name):
    maker = objectives.OBJECTIVES[name]
    assert type(objectives.get(name)) is getattr(maker, "func", maker)


@pytest.mark.parametrize("divergence", objectives.DIVERGENCES)
def test_every_f_divergence_has_a_name(divergence):
    assert objectives.get(f"fgan_{divergence}").divergence == divergence


def test_an_objective_is_returned_as_it_is():
    objective = gk.objectives.Hinge()
    assert objectives.get(objective) is objective


@pytest.mark.parametrize("name", ["wgan", "Hinge", ""])
def test_unknown_name_lists_the_known_ones(name):
    with pytest.raises(ValueError, match="non_saturating, minimax, least_squares, hinge") as error:
        objectives.get(name)
    assert f"Received: objective={name!r}" in str(error.value)


@pytest.mark.parametrize("wrong", [gk.objectives.Hinge, None, 3])
def test_what_is_no_objective_is_refused(wrong):
    with pytest.raises(TypeError, match="name or an instance of a subclass"):
        objectives.get(wrong)
