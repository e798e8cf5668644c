"""Relativistic pairing GAN (1807.00734, used by R3GAN, 2501.05441)."""

from keras import ops

from tfgan_kit.objectives.objective import Objective, register


@register
class RelativisticPairing(Objective):
    """`L_D = E softplus(D(G(z)) - D(x))`, `L_G = E softplus(D(x) - D(G(z)))`, x and z in pairs.

    Every generated image is judged against one real image, so that its loss has no mode-dropping
    minima (2501.05441, section 2). Depends on differences of logits alone: adding a constant to the
    discriminator changes nothing. With `R1` and `R2` it is R3GAN's objective.

    Example:
        >>> gan.compile("adam", "adam", objective="relativistic_pairing", penalties=[R1(), R2()])

    Reference: Jolicoeur-Martineau, arXiv:1807.00734, section 4.1 (f(t) = -softplus(-t)); Huang et
    al., arXiv:2501.05441, eq. 2.
    """

    generator_sees_real = True

    def discriminator_loss(self, real_logits, fake_logits):
        return ops.mean(ops.softplus(fake_logits - real_logits))

    def generator_loss(self, real_logits, fake_logits):
        return ops.mean(ops.softplus(real_logits - fake_logits))
