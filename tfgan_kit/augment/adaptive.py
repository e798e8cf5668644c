"""The probability of an augmentation, adapted to how much the discriminator overfits (arXiv:2006.06676)."""

from tfgan_kit.augment.augmentation import Augmentation
from tfgan_kit.ranges import is_int

import keras
import tensorflow as tf

Schedule = keras.optimizers.schedules.LearningRateSchedule


class Adaptive(Augmentation):
    """An augmentation with a probability p: a number, a schedule, or adapted while training.

    The adapted p follows `r_t = E sign(D(real))`, which is 0 for a discriminator that has learnt nothing and 1 for one
    that has memorised the data: every `interval` steps p grows if r_t was above `target` since the last time, and
    falls if it was below, so fast that 0 to 1 takes `speed` thousand images. Logged as `augment_p` and `augment_sign`.
    """

    log_names = ("augment_p", "augment_sign")

    def __init__(self, p, target, interval, speed):
        if isinstance(p, bool) or not (p is None or isinstance(p, Schedule | int | float)):
            raise TypeError(
                "`p` is a probability in [0, 1], a keras.optimizers.schedules.LearningRateSchedule of training steps, "
                f"or None, by which it adapts. Received: p={p!r}"
            )
        if isinstance(p, int | float) and not 0.0 <= p <= 1.0:
            raise ValueError(f"`p` is a probability and must be in [0, 1]. Received: p={p}")
        if not -1.0 < target < 1.0:
            raise ValueError(f"`target` is a mean of signs and must be in (-1, 1). Received: target={target}")
        if not is_int(interval, 1, 2**31):
            raise ValueError(f"`interval` must be an integer >= 1, in steps. Received: interval={interval!r}")
        if not speed > 0:
            raise ValueError(f"`speed` must be positive, in thousands of images. Received: speed={speed}")
        self.p = p
        self.target = target
        self.interval = interval
        self.speed = speed
        self.adapts = p is None

    def build(self, state):
        if self.adapts:
            self._p, self._signs, self._images = (
                state.add_weight(name=name, initializer="zeros", trainable=False, aggregation="only_first_replica")
                for name in ("augment_p", "augment_signs", "augment_images")
            )

    def probability(self, step):
        """p in a training step: float32 scalar in [0, 1]."""
        if self.adapts:
            return tf.convert_to_tensor(self._p.value)
        p = self.p(step) if isinstance(self.p, Schedule) else self.p
        return tf.clip_by_value(tf.cast(p, tf.float32), 0.0, 1.0)

    def observe(self, signs, images):
        self._signs.assign(self._signs.value + signs)
        self._images.assign(self._images.value + images)

    def adapt(self, step):
        due = tf.equal(step % self.interval, 0)
        signs, images = self._signs.value, self._images.value
        # sign(r_t - target), r_t = signs / images
        change = tf.sign(signs - self.target * images) * images / (1000.0 * self.speed)
        p = tf.clip_by_value(self._p.value + change, 0.0, 1.0)
        for variable, value in ((self._p, p), (self._signs, 0.0), (self._images, 0.0)):
            variable.assign(tf.where(due, value, variable.value))

    def logs(self, real_logits, step):
        return {"augment_p": self.probability(step), "augment_sign": tf.reduce_mean(tf.sign(real_logits))}

    def get_config(self):
        p = keras.saving.serialize_keras_object(self.p)
        return {"p": p, "target": self.target, "interval": self.interval, "speed": self.speed}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "p": keras.saving.deserialize_keras_object(config["p"])})
