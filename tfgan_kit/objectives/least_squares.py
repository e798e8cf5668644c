"""Least squares GAN (arXiv:1611.04076)."""

from tfgan_kit.objectives.objective import Objective, register

from keras import ops


@register
class LeastSquares(Objective):
    """`L_D = E (D(x) - 1)^2 / 2 + E D(G(z))^2 / 2`, `L_G = E (D(G(z)) - 1)^2 / 2`.

    The paper's eq. 9 (targets a = 0, b = c = 1). With b - c = 1 and b - a = 2 (eq. 8) the generator
    would minimise half the Pearson chi2 divergence of p + q and 2 q, `int (p - q)^2 / (p + q)`; the
    paper finds that both behave alike. With these targets the same divergence is `2 - 8 L_D` at the
    optimal discriminator `D* = p / (p + q)`: the `divergence_bound`, 0 to 2.

    Example:
        >>> gan.compile("adam", "adam", objective="least_squares")

    Reference: Mao et al., arXiv:1611.04076, eq. 9.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        return 0.5 * (ops.mean(ops.square(real_logits - 1.0)) + ops.mean(ops.square(fake_logits)))

    def generator_loss(self, real_logits, fake_logits):
        return 0.5 * ops.mean(ops.square(fake_logits - 1.0))

    def divergence_bound(self, real_logits, fake_logits):
        return 2.0 - 8.0 * self.discriminator_loss(real_logits, fake_logits)
