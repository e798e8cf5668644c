"""Relativistic average GAN (arXiv:1807.00734)."""

import math

from tfgan_kit.objectives.objective import Objective, register

from keras import ops


@register
class RelativisticAverage(Objective):
    """Each image is judged against the average of the other kind in its batch.

        L_D = E softplus(-(D(x) - m_fake)) + E softplus(D(G(z)) - m_real)
        L_G = E softplus(-(D(G(z)) - m_real)) + E softplus(D(x) - m_fake)

    with m_fake = E D(G(z)) and m_real = E D(x) over the batch. Adding a constant to the discriminator
    changes nothing. The averages couple the rows of a batch, so it cannot be used with several replicas
    or an accumulated gradient; `RelativisticPairing` can.

    `divergence_bound` is `log 4 - L_D`: a lower bound, up to the error of the batch's averages, of
    the divergence `sup_D (log 4 - L_D)`, which is 0 for equal distributions and at most log 4
    (arXiv:1901.02474: the relativistic average f-divergences).

    Example:
        >>> gan.compile("adam", "adam", objective="relativistic_average")

    Reference: Jolicoeur-Martineau, arXiv:1807.00734, eq. 6-7 (RaSGAN); the theory: arXiv:1901.02474.
    """

    generator_sees_real = True
    couples_rows = True

    def discriminator_loss(self, real_logits, fake_logits):
        return _apart(real_logits, fake_logits)

    def generator_loss(self, real_logits, fake_logits):
        return _apart(fake_logits, real_logits)

    def divergence_bound(self, real_logits, fake_logits):
        return math.log(4.0) - _apart(real_logits, fake_logits)


def _apart(high, low):
    """The loss of asking each `high` to exceed the average `low`, and each `low` to stay below the average `high`."""
    above = ops.mean(ops.softplus(ops.mean(low) - high))
    return above + ops.mean(ops.softplus(low - ops.mean(high)))
