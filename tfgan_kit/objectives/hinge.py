"""Hinge objective (arXiv:1705.02894, arXiv:1802.05957)."""

from tfgan_kit.objectives.objective import Objective, register

from keras import ops


@register
class Hinge(Objective):
    """`L_D = E max(0, 1 - D(x)) + E max(0, 1 + D(G(z)))`, `L_G = -E D(G(z))`.

    At the optimal discriminator, `D* = sign(p - q)`, `L_D = 2 - 2 TV(p, q)` with
    `TV = 1/2 int |p - q|`; `divergence_bound` is `1 - L_D / 2`, a lower bound of TV. Usually combined
    with spectral normalization.

    Example:
        >>> gan.compile("adam", "adam", objective="hinge")

    Reference: Lim & Ye, arXiv:1705.02894; Miyato et al., arXiv:1802.05957, eq. 16-17.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        return ops.mean(ops.relu(1.0 - real_logits)) + ops.mean(ops.relu(1.0 + fake_logits))

    def generator_loss(self, real_logits, fake_logits):
        return -ops.mean(fake_logits)

    def divergence_bound(self, real_logits, fake_logits):
        return 1.0 - 0.5 * self.discriminator_loss(real_logits, fake_logits)
