"""The LeCam regulariser (arXiv:2104.03310): for training on little data."""

from tfgan_kit.penalties.penalty import Penalty, register
from tfgan_kit.ranges import check_not_negative

import tensorflow as tf


@register
class LeCam(Penalty):
    """`weight * (E (D(x) - a_fake)^2 + E (D(G(z)) - a_real)^2)` with moving averages of the logits.

    a_real and a_fake are moving averages of D(x) and D(G(z)). Logits of real images are pulled towards
    the average of generated ones and vice versa, so that a discriminator cannot memorise a small data
    set; `OneSidedLeCam` pulls only those beyond it. With `objective="wasserstein"` the game minimises the
    LeCam divergence. The averages are saved with the GAN.

    Args:
        weight: float >= 0, the paper's lambda.
        decay: float in [0, 1), of the averages, per step; they start at the means of the first step.
        start: int >= 0, the step from which the term counts; the averages move from the first step on.

    Raises:
        ValueError: a negative `weight` or `start`, a `decay` outside [0, 1).

    Example:
        >>> gan.compile("adam", "adam", objective="hinge", penalties=[LeCam()])

    Reference: Tseng et al., arXiv:2104.03310, eq. 6; defaults of its BigGAN experiments. With an
    accumulated gradient every part moves the averages.
    """

    name = "lecam"

    def __init__(self, weight=0.3, decay=0.99, start=1000):
        super().__init__()
        check_not_negative(weight=weight)
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"`decay` must be in [0, 1). Received: decay={decay}")
        if not isinstance(start, int) or start < 0:
            raise ValueError(f"`start` must be an integer >= 0, in steps. Received: start={start!r}")
        self.weight = weight
        self.decay = decay
        self.start = start

    def build(self, state):
        self._averages = [
            state.add_weight(
                name=f"lecam_{kind}", initializer="zeros", trainable=False, aggregation="only_first_replica"
            )
            for kind in ("real", "fake")
        ]

    def __call__(self, step, iteration, in_lockstep=False):
        kinds = (step.real_logits, step.fake_logits)
        for average, logits in zip(self._averages, kinds, strict=True):
            mean = tf.stop_gradient(step.mean(logits))
            old = tf.where(tf.equal(iteration, 0), mean, average.value)
            average.assign(self.decay * old + (1.0 - self.decay) * mean)
        return tf.where(iteration >= self.start, self.value(step), 0.0)

    def value(self, step):
        real_average, fake_average = (average.value for average in self._averages)
        return self.weight * (
            tf.reduce_mean(tf.square(self._counted(step.real_logits - fake_average)))
            + tf.reduce_mean(tf.square(self._counted(real_average - step.fake_logits)))
        )

    def _counted(self, excess):
        return excess

    def get_config(self):
        return {"weight": self.weight, "decay": self.decay, "start": self.start}


@register
class OneSidedLeCam(LeCam):
    """`weight * (E max(0, D(x) - a_fake)^2 + E max(0, a_real - D(G(z)))^2)`: only logits on their own side count.

    The authors' code computes this, their paper `LeCam`: real images whose logits lie below the average of generated
    ones, and generated ones above that of real ones, cost nothing.

    Args:
        weight, decay, start: see `LeCam`.

    Raises:
        ValueError: see `LeCam`.

    Example:
        >>> gan.compile("adam", "adam", objective="hinge", penalties=[OneSidedLeCam()])

    Reference: Tseng et al., arXiv:2104.03310; `lecam_reg` of the authors' code.
    """

    def _counted(self, excess):
        return tf.nn.relu(excess)
