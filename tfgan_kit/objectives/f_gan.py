"""f-GAN: the game for any f-divergence (arXiv:1606.00709)."""

import math
import typing

from tfgan_kit.objectives.objective import Objective, register

from keras import ops

LOGIT_RANGE = 20.0  # beyond it a logit grows logarithmically before it is exponentiated


class FDivergence(typing.NamedTuple):
    """One row of arXiv:1606.00709's tables: `D_f(P, Q) = int q f(p / q)` and how a network bounds it.

    Attributes:
        activation: g_f, increasing, from logits onto the domain of the conjugate.
        conjugate: f*(t) = sup_u (u t - f(u)).
        conjugate_of_activation: f*(g_f(v)), simplified so that it neither cancels nor overflows.
        threshold: f'(1), the value of the activation at which p = q.
    """

    activation: typing.Callable
    conjugate: typing.Callable
    conjugate_of_activation: typing.Callable
    threshold: float


def tame(logits):
    """The identity up to `LOGIT_RANGE`, then logarithmic, so that exp never overflows in float32.

    It is smooth and increasing, and any increasing map is a valid activation.
    """
    size = ops.abs(logits)
    beyond = LOGIT_RANGE + ops.log1p(ops.relu(size - LOGIT_RANGE))
    return ops.where(size > LOGIT_RANGE, ops.sign(logits) * beyond, logits)


def _alpha(alpha):
    """f(u) = (u^a - 1 - a (u - 1)) / (a (a - 1)).

    The paper's activations (v for a > 1, 1 / (1 - a) - log(1 + exp(-v)) for a < 1) overflow in f*.
    Ours is f'(exp(v)), which has the same range: at the optimum v = log(p / q), as in the limits, the two KLs.
    """
    steepest = max(abs(alpha), abs(alpha - 1.0), 1.0)

    def log_ratio(v):
        return tame(v * steepest) / steepest

    def conjugate(t):
        return (ops.power(ops.relu((alpha - 1.0) * t + 1.0), alpha / (alpha - 1.0)) - 1.0) / alpha

    return FDivergence(
        lambda v: ops.expm1((alpha - 1.0) * log_ratio(v)) / (alpha - 1.0),
        conjugate,
        lambda v: ops.expm1(alpha * log_ratio(v)) / alpha,
        0.0,
    )


# arXiv:1606.00709, tables 1, 5 and 6. Where the paper prints a decreasing activation, exp(v) in place of
# exp(-v), the sign is flipped: the paper asks for an increasing one, so that large logits mean "real".
DIVERGENCES = {
    "total_variation": FDivergence(lambda v: 0.5 * ops.tanh(v), lambda t: t, lambda v: 0.5 * ops.tanh(v), 0.0),
    "kl": FDivergence(tame, lambda t: ops.exp(t - 1.0), lambda v: ops.exp(tame(v) - 1.0), 1.0),
    "reverse_kl": FDivergence(
        lambda v: -ops.exp(-tame(v)), lambda t: -1.0 - ops.log(-t), lambda v: tame(v) - 1.0, -1.0
    ),
    "pearson": FDivergence(lambda v: v, lambda t: 0.25 * t * t + t, lambda v: 0.25 * v * v + v, 0.0),
    "neyman": FDivergence(
        lambda v: -ops.expm1(-tame(v)),
        lambda t: 2.0 - 2.0 * ops.sqrt(1.0 - t),
        lambda v: -2.0 * ops.expm1(-0.5 * tame(v)),
        0.0,
    ),
    "squared_hellinger": FDivergence(
        lambda v: -ops.expm1(-tame(v)), lambda t: t / (1.0 - t), lambda v: ops.expm1(tame(v)), 0.0
    ),
    "jensen_shannon": FDivergence(
        lambda v: math.log(2.0) - ops.softplus(-v),
        lambda t: -ops.log(2.0 - ops.exp(t)),
        lambda v: ops.softplus(v) - math.log(2.0),
        0.0,
    ),
    "gan": FDivergence(lambda v: -ops.softplus(-v), lambda t: -ops.log(-ops.expm1(t)), ops.softplus, -math.log(2.0)),
}


@register
class FGAN(Objective):
    """`max_D min_G E g_f(D(x)) - E f*(g_f(D(G(z))))`: the game whose value is `D_f(P, Q)`.

    P is the distribution of the data, Q the generator's, and `D_f(P, Q) = E_Q f(p / q)`:

        total_variation    f(u) = |u - 1| / 2                        TV(P, Q)
        kl                 u log u                                   KL(P, Q), mode covering
        reverse_kl         -log u                                    KL(Q, P), mode seeking
        pearson            (u - 1)^2                                 int (p - q)^2 / q
        neyman             (1 - u)^2 / u                             int (p - q)^2 / p
        squared_hellinger  (sqrt(u) - 1)^2                           int (sqrt(p) - sqrt(q))^2
        jensen_shannon     u log u - (u + 1) log((u + 1) / 2)        2 JS(P, Q)
        gan                u log u - (u + 1) log(u + 1)              2 JS(P, Q) - log 4
        alpha              (u^a - 1 - a (u - 1)) / (a (a - 1))       a -> 1: kl, a -> 0: reverse_kl

    (In its integrals for Pearson and Neyman, the paper's table 1 swaps p and q relative to its own f;
    here the formulas of f count.) At the optimal discriminator `g_f(D(x)) = f'(p(x) / q(x))`, and
    minus the discriminator's loss is the divergence: the `divergence_bound` of the logs. The
    generator minimises the same value, which saturates where D is confident; `NonSaturatingFGAN` does not.

    Args:
        divergence: one of the names above.
        alpha: float other than 0 and 1, for `divergence="alpha"` only.

    Raises:
        ValueError: an unknown name; `alpha` with another divergence than "alpha", or missing with it.

    Example:
        >>> gan.compile("adam", "adam", objective=FGAN("kl"))

    Reference: Nowozin, Cseke, Tomioka, arXiv:1606.00709, eq. 6-9 and tables 1, 5, 6. Deviations:
    the sign of some activations, and alpha's activation (see `DIVERGENCES`); logits beyond 20 grow
    logarithmically before they are exponentiated, so that float32 holds every loss.
    """

    def __init__(self, divergence="kl", alpha=None):
        if divergence != "alpha" and divergence not in DIVERGENCES:
            raise ValueError(
                f"Unknown divergence; known are {', '.join(DIVERGENCES)}, alpha. Received: divergence={divergence!r}"
            )
        if (divergence == "alpha") == (alpha is None or alpha in (0, 1)):
            raise ValueError(
                "`alpha` belongs to divergence='alpha', and is a number other than 0 (which is "
                f"reverse_kl) and 1 (kl). Received: divergence={divergence!r}, alpha={alpha}"
            )
        self.divergence = divergence
        self.alpha = alpha
        self.table = DIVERGENCES[divergence] if alpha is None else _alpha(float(alpha))

    def discriminator_loss(self, real_logits, fake_logits):
        return -self.divergence_bound(real_logits, fake_logits)

    def generator_loss(self, real_logits, fake_logits):
        return -ops.mean(self.table.conjugate_of_activation(fake_logits))

    def divergence_bound(self, real_logits, fake_logits):
        return ops.mean(self.table.activation(real_logits)) - ops.mean(self.table.conjugate_of_activation(fake_logits))

    def get_config(self):
        return {"divergence": self.divergence, "alpha": self.alpha}


@register
class NonSaturatingFGAN(FGAN):
    """`FGAN` with `L_G = -E g_f(D(G(z)))`: strong gradients while the discriminator wins.

    The generator maximises, on its own images, the term that the discriminator maximises on real ones.
    The fixed point is the same; with "gan" it is `NonSaturating`.

    Args:
        divergence, alpha: see `FGAN`.

    Raises:
        ValueError: see `FGAN`.

    Example:
        >>> gan.compile("adam", "adam", objective=NonSaturatingFGAN("reverse_kl"))

    Reference: Nowozin, Cseke, Tomioka, arXiv:1606.00709, section 3.2.
    """

    def generator_loss(self, real_logits, fake_logits):
        return -ops.mean(self.table.activation(fake_logits))
