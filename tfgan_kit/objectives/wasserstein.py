"""Wasserstein GAN (arXiv:1701.07875)."""

from tfgan_kit.objectives.objective import Objective, register

from keras import ops


@register
class Wasserstein(Objective):
    """`L_D = E D(G(z)) - E D(x)`, `L_G = -E D(G(z))`.

    `-L_D`, the `divergence_bound`, is a lower bound of K * W1(p, q) where the discriminator (the
    critic) is K-Lipschitz, and says nothing about W1 where K is unknown. Use it with a
    `GradientPenalty`, no batch normalization, and several `discriminator_steps`.

    Example:
        >>> gan.compile(
        ...     "adam",
        ...     "adam",
        ...     objective="wasserstein",
        ...     penalties=[gk.penalties.GradientPenalty()],
        ...     update=gk.updates.Alternating(discriminator_steps=5),
        ... )

    Reference: Arjovsky, Chintala, Bottou, arXiv:1701.07875, eq. 2-3.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        return ops.mean(fake_logits) - ops.mean(real_logits)

    def generator_loss(self, real_logits, fake_logits):
        return -ops.mean(fake_logits)

    def divergence_bound(self, real_logits, fake_logits):
        return -self.discriminator_loss(real_logits, fake_logits)
