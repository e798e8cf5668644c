"""The two objectives of the first GAN paper (arXiv:1406.2661): minimax and non-saturating."""

import math

from tfgan_kit.objectives.objective import Objective, register

from keras import ops


class _CrossEntropyDiscriminator(Objective):
    """`L_D = -E log s(D(x)) - E log(1 - s(D(G(z))))`, s the logistic function."""

    def discriminator_loss(self, real_logits, fake_logits):
        return ops.mean(ops.softplus(-real_logits)) + ops.mean(ops.softplus(fake_logits))

    def divergence_bound(self, real_logits, fake_logits):
        return 0.5 * (math.log(4.0) - self.discriminator_loss(real_logits, fake_logits))


@register
class Minimax(_CrossEntropyDiscriminator):
    """The zero-sum game of arXiv:1406.2661, eq. 1: `min_G max_D E log s(D(x)) + E log(1 - s(D(G(z))))`.

    The generator minimises `E log(1 - s(D(G(z))))`. At the optimal discriminator
    `D*(x) = log p(x) - log q(x)` the game's value is `2 JS(p, q) - log 4` (theorem 1);
    `divergence_bound` is a lower bound of JS, 0 to log 2. The generator's gradient vanishes where the
    discriminator is confident: to train, take `NonSaturating`.

    Example:
        >>> gan.compile("adam", "adam", objective=Minimax())

    Reference: Goodfellow et al., arXiv:1406.2661, eq. 1.
    """

    def generator_loss(self, real_logits, fake_logits):
        return -ops.mean(ops.softplus(fake_logits))


@register
class NonSaturating(_CrossEntropyDiscriminator):
    """`L_G = -E log s(D(G(z)))`: the same fixed point as `Minimax`, strong gradients early.

    At the optimal discriminator the generator's gradient is that of `KL(q, p) - 2 JS(p, q)`
    (arXiv:1701.04862, theorem 2.5). The usual first choice; `divergence_bound` is a lower
    bound of JS, 0 to log 2.

    Example:
        >>> gan.compile("adam", "adam", objective="non_saturating")

    Reference: Goodfellow et al., arXiv:1406.2661, section 3.
    """

    def generator_loss(self, real_logits, fake_logits):
        return ops.mean(ops.softplus(-fake_logits))
