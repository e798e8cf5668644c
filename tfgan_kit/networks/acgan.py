"""AC-GAN (arXiv:1610.09585): a discriminator that recovers the class of an image instead of being told it."""

from tfgan_kit.networks.heads import DiscriminatorWithHeads
from tfgan_kit.ranges import check_sizes

import keras


@keras.saving.register_keras_serializable("tfgan_kit")
class ACGANDiscriminator(DiscriminatorWithHeads):
    """A discriminator of images with a second output, the logits of their classes.

    Train it against a class-conditional generator, with `penalties.AuxiliaryClassifier` for each player. Beside a
    projection discriminator (`num_classes` of `DCGANDiscriminator`), it tends to make each class easier to recognise
    and less varied (arXiv:1802.05637, section 4).

    Args:
        discriminator: functional Keras model, images -> logits (N, 1), without labels, which ends in a dense layer:
            `DCGANDiscriminator`, `SNGANDiscriminator`, `MLPDiscriminator`, ... Its weights are used.
        num_classes: int >= 1, K.

    Call arguments:
        inputs: images float32 (N, H, W, C) in [-1, 1].

    Returns:
        a dict: `logits` float32 (N, 1) and `classes` float32 (N, K), before any softmax.

    Raises:
        ValueError: `num_classes` below 1, or another kind of discriminator.

    Example:
        >>> discriminator = ACGANDiscriminator(gk.networks.DCGANDiscriminator(8, 1, width=2), num_classes=3)
        >>> discriminator(keras.ops.zeros((2, 8, 8, 1)))["classes"].shape
        TensorShape([2, 3])

    Reference: Odena, Olah, Shlens, arXiv:1610.09585, section 3.
    """

    def __init__(self, discriminator, num_classes, **kwargs):
        check_sizes(num_classes=num_classes)

        def heads(features, dense):
            return {"classes": dense(num_classes, "classes")(features)}

        super().__init__(discriminator, heads, {"num_classes": num_classes}, **kwargs)
