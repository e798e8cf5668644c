"""The LeCam regulariser (2104.03310): for training on little data."""

from tfgan_kit.penalties.penalty import Penalty, check_not_negative, register

import tensorflow as tf


@register
class LeCam(Penalty):
    """`weight * (E (D(x) - a_fake)^2 + E (D(G(z)) - a_real)^2)` with moving averages of the logits.

    a_real and a_fake follow the means of D(x) and D(G(z)): each kind of image is held near what the
    other was given lately, so that a discriminator cannot learn few images by heart. With
    `objective="wasserstein"` it makes the game one for the LeCam divergence. The averages are in
    every checkpoint. On one device only: replicas would each keep their own.

    Args:
        weight: float >= 0, the paper's lambda.
        decay: float in [0, 1), of the averages, a step; they begin at the first step's means.
        start: int >= 0, step from which the term counts; the averages follow from the first.

    Raises:
        ValueError: a value outside of these ranges.

    Example:
        >>> gan.compile("adam", "adam", objective="hinge", penalties=[LeCam()])

    Reference: Tseng et al., arXiv:2104.03310, eq. 6; defaults of its BigGAN experiments. With an
    accumulated gradient each part moves the averages.
    """

    name = "lecam"

    def __init__(self, weight=0.3, decay=0.99, start=1000):
        super().__init__()
        check_not_negative(weight=weight)
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"`decay` must be in [0, 1). Received: decay={decay}")
        if not isinstance(start, int) or start < 0:
            raise ValueError(f"`start` is a whole number of steps, 0 or more. Received: start={start!r}")
        self.weight = weight
        self.decay = decay
        self.start = start

    def build(self, state):
        self._averages = [
            state.add_weight(name=f"lecam_{kind}", shape=(), initializer="zeros", trainable=False)
            for kind in ("real", "fake")
        ]

    def __call__(self, step, iteration, in_lockstep=False):
        kinds = (step.real_logits, step.fake_logits)
        for average, logits in zip(self._averages, kinds, strict=True):
            mean = tf.stop_gradient(tf.reduce_mean(logits))
            old = tf.where(tf.equal(iteration, 0), mean, average.value)
            average.assign(self.decay * old + (1.0 - self.decay) * mean)
        return tf.where(iteration >= self.start, self.value(step), 0.0)

    def value(self, step):
        real_average, fake_average = (average.value for average in self._averages)
        return self.weight * (
            tf.reduce_mean(tf.square(step.real_logits - fake_average))
            + tf.reduce_mean(tf.square(step.fake_logits - real_average))
        )

    def get_config(self):
        return {"weight": self.weight, "decay": self.decay, "start": self.start}
