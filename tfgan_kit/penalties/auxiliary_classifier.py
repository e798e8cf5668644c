"""AC-GAN's auxiliary classifier (arXiv:1610.09585): images are to be recognised as of their class."""

from tfgan_kit.penalties.penalty import Penalty, check_player, register
from tfgan_kit.ranges import check_not_negative

import tensorflow as tf


@register
class AuxiliaryClassifier(Penalty):
    """`-weight * E log P(class = y | x)`, with P the softmax of the discriminator's output `classes`.

    For the discriminator over real images (and, with `fake_weight`, generated ones), which trains the classifier; for
    the generator over its own images, which makes them recognisable. Give one to each player. The generator is
    class-conditional, the discriminator a `networks.ACGANDiscriminator` or another one with an output `classes`. The
    logs also hold the share of images that are recognised: `real_class_accuracy` from the discriminator's,
    `fake_class_accuracy` from the generator's.

    Args:
        player: "discriminator" or "generator", whose loss it joins, logged as `d_class_loss` or `g_class_loss`.
        weight: float >= 0.
        fake_weight: float >= 0, times `weight`, of generated images in the discriminator's loss; 1 is the paper's. At 0
            the classifier does not learn from images whose class the generator has not got right yet.

    Raises:
        ValueError: another `player`, a negative weight; in training, a discriminator without an output `classes`, or a
            GAN without labels.

    Example:
        >>> classifier = [AuxiliaryClassifier("discriminator"), AuxiliaryClassifier("generator", weight=0.1)]
        >>> gan.compile("adam", "adam", penalties=classifier)

    Reference: Odena, Olah, Shlens, arXiv:1610.09585, eq. 3. Deviation: `fake_weight` is 0, as in later implementations.
    """

    def __init__(self, player="discriminator", weight=1.0, fake_weight=0.0):
        super().__init__()
        check_player(player)
        check_not_negative(weight=weight, fake_weight=fake_weight)
        self.player = player
        self.weight = weight
        self.fake_weight = fake_weight
        self.name = f"{player[0]}_class_loss"
        self.log_names = ("real_class_accuracy" if player == "discriminator" else "fake_class_accuracy",)

    def value(self, step):
        if self.player == "generator":
            return self.weight * _cross_entropy(step.fake_heads, step.labels)
        loss = _cross_entropy(step.real_heads, step.labels)
        if self.fake_weight:
            loss += self.fake_weight * _cross_entropy(step.fake_heads, step.labels)
        return self.weight * loss

    def logs(self, step):
        heads = step.real_heads if self.player == "discriminator" else step.fake_heads
        found = tf.argmax(_classes(heads, step.labels), axis=1, output_type=tf.int32)
        (name,) = self.log_names
        return {name: tf.reduce_mean(tf.cast(found == step.labels, tf.float32))}

    def get_config(self):
        return {"player": self.player, "weight": self.weight, "fake_weight": self.fake_weight}


def _cross_entropy(heads, labels):
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, _classes(heads, labels))
    return tf.reduce_mean(losses)


def _classes(heads, labels):
    if "classes" not in heads or labels is None:
        raise ValueError(
            "An auxiliary classifier needs labels, and a discriminator with an output `classes`: train a generator "
            "with num_classes against networks.ACGANDiscriminator. Received: "
            f"{'no labels' if labels is None else 'labels'}, outputs beside the logits: {', '.join(heads) or 'none'}"
        )
    return heads["classes"]
