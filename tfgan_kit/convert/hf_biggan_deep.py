"""BigGAN-deep of the PyPI package pytorch-pretrained-biggan, which has the weights of TF-Hub's modules.

Its spectral norms are folded: W / (u . W v) with the stored u and v, as it computes them at inference.
"""

from tfgan_kit.convert.layouts import CONVOLUTION, DENSE
from tfgan_kit.networks.biggan_deep_hub import PUBLISHED, BigGANDeepHubGenerator

import numpy as np


def unused(name):
    """Every buffer is needed."""
    return False


def generator(
    state,
    output_dim=128,
    z_dim=128,
    class_embed_dim=128,
    channel_width=128,
    num_classes=1000,
    layers=PUBLISHED,
    attention_layer_position=8,
    eps=1e-4,
    n_stats=51,
    truncation=1.0,
):
    """The generator with the statistics of one truncation, in (0, 1].

    `output_dim` and `class_embed_dim` change no image, as in the official class. Between two stored truncations the
    statistics are interpolated; the official class exchanges the two weights there.
    """
    if not 0.0 < truncation <= 1.0:
        raise ValueError(f"`truncation` must be in (0, 1]. Received: truncation={truncation}")
    network = BigGANDeepHubGenerator(
        blocks=layers,
        attention_position=attention_layer_position,
        latent_dim=z_dim,
        width=channel_width,
        num_classes=num_classes,
        epsilon=eps,
    )
    reader = _Reader(state, n_stats, truncation)
    shared = state.take("embeddings.weight", (z_dim, num_classes))
    if shared is not None:
        network.get_layer("shared").embeddings.assign(shared.T)
    reader.divided(network.get_layer("linear"), "generator.gen_z", DENSE)
    before = 0  # attention is among the blocks
    for index in range(len(layers)):
        if index == attention_layer_position:
            reader.attention(network.get_layer("attention"), f"generator.layers.{index}")
            before = 1
        reader.block(network, f"block{index}", f"generator.layers.{index + before}")
    last = network.get_layer("last_normalization")
    state.fill(last.gamma, "generator.bn.weight")
    state.fill(last.beta, "generator.bn.bias")
    reader.statistics(last, "generator.bn")
    reader.divided(network.get_layer("to_images"), "generator.conv_to_rgb", CONVOLUTION, official_filters=channel_width)
    return network


class _Reader:
    """Fills layers from a `State`, at one truncation."""

    def __init__(self, state, n_stats, truncation):
        self._state, self._count = state, n_stats
        position = truncation * (n_stats - 1)
        self._row = min(int(position), n_stats - 1)
        self._part = position - self._row
        if self._part < 1e-6 or 1.0 - self._part < 1e-6:  # a stored one, but for rounding
            self._row, self._part = round(position), 0.0

    def block(self, network, ours, official):
        for k in range(4):
            normalization = network.get_layer(f"{ours}_bn{k + 1}")
            self.divided(normalization.gain, f"{official}.bn_{k}.scale", DENSE)
            self.divided(normalization.bias, f"{official}.bn_{k}.offset", DENSE)
            self.statistics(normalization.normalization, f"{official}.bn_{k}")
            self.divided(network.get_layer(f"{ours}_conv{k + 1}"), f"{official}.conv_{k}", CONVOLUTION)

    def attention(self, layer, official):
        for ours, theirs in (("theta", "theta"), ("phi", "phi"), ("g", "g"), ("o", "o_conv")):
            self.divided(getattr(layer, ours), f"{official}.snconv1x1_{theirs}", CONVOLUTION)
        gamma = self._state.take(f"{official}.gamma", (1,))
        if gamma is not None:
            layer.gamma.assign(gamma[0])

    def statistics(self, layer, official):
        for variable, name in ((layer.moving_mean, "running_means"), (layer.moving_variance, "running_vars")):
            rows = self._state.take(f"{official}.{name}", (self._count, variable.shape[0]))
            if rows is not None:
                above = rows[min(self._row + 1, self._count - 1)]
                variable.assign((1.0 - self._part) * rows[self._row] + self._part * above)

    def divided(self, layer, official, layout, official_filters=None):
        """A kernel divided by its norm, and a bias; of more official outputs the first are kept."""
        shape = layout.official_shape(tuple(layer.kernel.shape))
        kept, filters = shape[0], official_filters or shape[0]
        weight = self._state.take(f"{official}.weight_orig", (filters, *shape[1:]))
        u = self._state.take(f"{official}.weight_u", (filters,))
        v = self._state.take(f"{official}.weight_v", (int(np.prod(shape[1:])),))
        if weight is not None and u is not None and v is not None:
            layer.kernel.assign(layout.to_keras((weight / (u @ (weight.reshape(filters, -1) @ v)))[:kept]))
        if layer.use_bias:
            bias = self._state.take(f"{official}.bias", (filters,))
            if bias is not None:
                layer.bias.assign(bias[:kept])
