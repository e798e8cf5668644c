"""Packing (PacGAN, arXiv:1712.04086): a discriminator that judges several samples together."""

from tfgan_kit.networks.network import precision
from tfgan_kit.ranges import check_sizes

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfgan_kit")
class PackedDiscriminator(keras.Model):
    """A discriminator of `packing` images at once, concatenated along their channels.

    A generator that drops modes makes packs of similar images, which are easily told from packs of real
    ones. Consecutive rows of a batch form a pack; every row is given its pack's logit, so that losses
    are means over packs. If `packing` does not divide the batch, the first rows complete the last pack.

    A penalty on the gradient (`R1`) sees each logit `packing` times, so its `gamma` counts `packing`
    times. Rows depend on each other; with several replicas a pack holds rows of one replica.

    Args:
        discriminator: Keras model, (N, H, W, packing * C) -> logits (N, 1), or points
            (N, packing * D).
        packing: int >= 1, the paper's m.

    Call arguments:
        inputs: images float32 (N, H, W, C), or points (N, D).

    Returns:
        logits float32 (N, 1).

    Raises:
        ValueError: `packing` below 1.

    Example:
        >>> packed = PackedDiscriminator(gk.networks.MLPDiscriminator(input_dim=2 * 2), packing=2)
        >>> packed(keras.ops.zeros((100, 2))).shape
        TensorShape([100, 1])

    Reference: Lin et al., arXiv:1712.04086, section 2.
    """

    rows_are_independent = False

    def __init__(self, discriminator, packing=2, **kwargs):
        check_sizes(packing=packing)
        with precision(kwargs.pop("dtype", None)) as policy:
            super().__init__(dtype=policy, **kwargs)
        self.discriminator = discriminator
        self.packing = packing

    def build(self, input_shape):
        if not self.discriminator.built:
            self.discriminator.build((None, *input_shape[1:-1], self.packing * input_shape[-1]))
        self.built = True

    def call(self, images, training=False):
        count = ops.shape(images)[0]
        packs = -(-count // self.packing)
        rows = ops.arange(packs * self.packing) % count
        images = ops.take(images, rows, axis=0)
        images = ops.reshape(images, (packs, self.packing, *images.shape[1:]))
        images = ops.concatenate(ops.unstack(images, self.packing, axis=1), axis=-1)
        logits = self.discriminator(images, training=training)  # (packs, 1)
        return ops.repeat(logits, self.packing, axis=0)[:count]

    def get_config(self):
        return {
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "packing": self.packing,
            "name": self.name,
            "trainable": self.trainable,
        }

    @classmethod
    def from_config(cls, config):
        discriminator = keras.saving.deserialize_keras_object(config["discriminator"])
        return cls(**{**config, "discriminator": discriminator})
