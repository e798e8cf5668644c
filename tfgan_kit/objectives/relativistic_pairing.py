"""Relativistic pairing GAN (arXiv:1807.00734, used by R3GAN, arXiv:2501.05441)."""

import math

from tfgan_kit.objectives.objective import Objective, register

from keras import ops


@register
class RelativisticPairing(Objective):
    """`L_D = E softplus(D(G(z)) - D(x))`, `L_G = E softplus(D(x) - D(G(z)))`, x and z in pairs.

    Every generated image is judged against one real image, so that the generator's loss has no
    minima in which modes are dropped (arXiv:2501.05441, section 2). It depends on differences of logits
    alone: adding a constant to the discriminator changes nothing. With `R1` and `R2` it is R3GAN's
    objective.

    `divergence_bound` is `log 2 - L_D`: a lower bound of the divergence `sup_D (log 2 - L_D)`, which
    is 0 for equal distributions and at most log 2 (arXiv:1901.02474).

    Example:
        >>> penalties = [gk.penalties.R1(), gk.penalties.R2()]
        >>> gan.compile("adam", "adam", objective="relativistic_pairing", penalties=penalties)

    Reference: Jolicoeur-Martineau, arXiv:1807.00734, section 4.1 (f(t) = -softplus(-t)); Huang et
    al., arXiv:2501.05441, eq. 2.
    """

    generator_sees_real = True

    def discriminator_loss(self, real_logits, fake_logits):
        return ops.mean(ops.softplus(fake_logits - real_logits))

    def generator_loss(self, real_logits, fake_logits):
        return ops.mean(ops.softplus(real_logits - fake_logits))

    def divergence_bound(self, real_logits, fake_logits):
        return math.log(2.0) - self.discriminator_loss(real_logits, fake_logits)
