"""InfoGAN's bound on the mutual information of codes and images (arXiv:1606.03657)."""

import math

from tfgan_kit.penalties.penalty import Penalty, check_player, register
from tfgan_kit.ranges import check_not_negative

import tensorflow as tf

SMALLEST_DEVIATION = 0.01  # of a continuous code in [-1, 1]; keeps the bound finite where a code is recovered exactly


@register
class MutualInformation(Penalty):
    """`-E log Q(c | G(z))` over generated images: the codes c in the latents are to be recovered from the images.

    Q is the discriminator's output `codes`: a softmax for each categorical code, a Gaussian with mean and deviation for
    each continuous one. Plus the codes' entropy, `E log Q` is a lower bound of the mutual information of codes and
    images, which is thus maximised: the codes come to stand for what varies most, unsupervised. Give one to each
    player. The networks are `networks.InfoGANGenerator` and `networks.InfoGANDiscriminator`. The generator's also logs
    `mutual_information`, the bound in nats, at most log K for a code of K categories; and `code_accuracy`, the share of
    categorical codes recovered (if there are any).

    Args:
        player: "discriminator" or "generator", whose loss it joins, logged as `d_code_loss` or `g_code_loss`.
        weight: float >= 0, of the categorical codes, the paper's lambda.
        continuous_weight: float >= 0, of the continuous ones.

    Raises:
        ValueError: another `player`, a negative weight; in training, networks without codes, or with different ones.

    Example:
        >>> gan.compile("adam", "adam", penalties=[MutualInformation("discriminator"), MutualInformation("generator")])

    Reference: Chen et al., arXiv:1606.03657, eq. 5 and 6; weights of appendix C.1. Deviations: Q moves in the
    discriminator's updates, with the layers that it shares with it, which the paper moves in the generator's; a
    deviation is at least 0.01.
    """

    def __init__(self, player="discriminator", weight=1.0, continuous_weight=0.1):
        super().__init__()
        check_player(player)
        check_not_negative(weight=weight, continuous_weight=continuous_weight)
        self.player = player
        self.weight = weight
        self.continuous_weight = continuous_weight
        self.name = f"{player[0]}_code_loss"
        self.log_names = ("mutual_information", "code_accuracy") if player == "generator" else ()

    def value(self, step):
        categorical, continuous = _likelihoods(step)
        return -(self.weight * sum(categorical, 0.0) + self.continuous_weight * continuous)

    def logs(self, step):
        if self.player == "discriminator":
            return {}
        (one_hots, numbers), heads = _codes(step), step.fake_heads["codes"]
        categorical, continuous = _likelihoods(step)
        entropy = sum(math.log(codes.shape[-1]) for codes in one_hots) + numbers.shape[-1] * math.log(2.0)  # U(-1, 1)
        logs = {"mutual_information": entropy + sum(categorical, 0.0) + continuous}
        if one_hots:
            pairs = zip(one_hots, heads["categorical"], strict=True)
            found = [tf.argmax(codes, axis=1) == tf.argmax(logits, axis=1) for codes, logits in pairs]
            logs["code_accuracy"] = tf.reduce_mean(tf.cast(tf.stack(found), tf.float32))
        return logs

    def get_config(self):
        return {"player": self.player, "weight": self.weight, "continuous_weight": self.continuous_weight}


def _likelihoods(step):
    """`E log Q` of each categorical code, a list, and of all continuous ones: float32 scalars."""
    (one_hots, numbers), heads = _codes(step), step.fake_heads["codes"]
    found = [
        -tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(codes, logits))
        for codes, logits in zip(one_hots, heads.get("categorical", ()), strict=True)
    ]
    if "mean" not in heads:
        return found, 0.0
    log_deviation = tf.maximum(heads["log_deviation"], math.log(SMALLEST_DEVIATION))
    standardized = (numbers - heads["mean"]) * tf.exp(-log_deviation)
    densities = -0.5 * tf.square(standardized) - log_deviation - 0.5 * math.log(2.0 * math.pi)  # (N, C)
    return found, tf.reduce_mean(tf.reduce_sum(densities, axis=1))


def _codes(step):
    """The codes of a step's latents: one-hot (N, K) of each categorical one, a list; (N, C) of all continuous ones."""
    network = step.generator.network
    coded = hasattr(network, "codes")
    if not coded or "codes" not in step.fake_heads:
        raise ValueError(
            "Mutual information needs codes in both networks: train networks.InfoGANGenerator against "
            f"networks.InfoGANDiscriminator. Received: a generator {'with' if coded else 'without'} "
            f"`codes`, a discriminator with these outputs beside its logits: {', '.join(step.fake_heads) or 'none'}"
        )
    codes, heads = network.codes(step.latents), step.fake_heads["codes"]
    sizes = [logits.shape[-1] for logits in heads.get("categorical", ())]
    count = heads["mean"].shape[-1] if "mean" in heads else 0
    if codes.shape[-1] != sum(sizes) + count:
        raise ValueError(
            "Both networks need the same codes: give them the same `categorical` and `continuous`. Received: "
            f"{codes.shape[-1]} numbers of the generator, {sum(sizes)} + {count} of the discriminator"
        )
    *one_hots, numbers = tf.split(codes, [*sizes, count], axis=1)
    return one_hots, numbers
