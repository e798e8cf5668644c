"""StyleGAN3 (arXiv:2106.12423): the parameters of NVlabs/stylegan3's `training.networks_stylegan3.Generator`.

The discriminator of its files is StyleGAN2's: family `stylegan2`. `num_fp16_res` says which layers the official network
computes in float16; here all are computed in float32. Of StyleGAN3-R's files `conv_kernel` is 1.
"""

import re

from tfgan_kit.convert.layouts import AS_IS, DENSE, Layout
from tfgan_kit.convert.stylegan2 import fill_convolution, fill_dense, fill_mapping, taken
from tfgan_kit.networks.stylegan3 import StyleGAN3Generator

_FREQUENCIES = Layout((1, 0))  # (C, 2) -> (2, C)
_FILTER = re.compile(r"synthesis\.L\d+_\d+_\d+\.(up|down)_filter")


def unused(name):
    """Whether it is a low-pass filter, which the arguments say."""
    return _FILTER.fullmatch(name) is not None


def generator(
    state, z_dim, c_dim, w_dim, img_resolution, img_channels, mapping_kwargs=None, channel_base=32768, channel_max=512,
    num_layers=14, num_critical=2, first_cutoff=2, first_stopband=2**2.1, last_stopband_rel=2**0.3, margin_size=10,
    output_scale=0.25, num_fp16_res=4, conv_kernel=3, filter_size=6, lrelu_upsampling=2, use_radial_filters=False,
    conv_clamp=256, magnitude_ema_beta=0.999,
):  # fmt: skip
    """The Keras network of an official `Generator`; `c_dim` is the number of classes, 0 for none."""
    mapping = taken("mapping_kwargs", mapping_kwargs, {"num_layers": 2, "w_avg_beta": 0.998}, {"lr_multiplier": 0.01})
    network = StyleGAN3Generator(
        img_resolution, img_channels, z_dim, w_dim,
        num_classes=c_dim or None, mapping_layers=mapping["num_layers"], w_avg_decay=mapping["w_avg_beta"],
        configuration="R" if use_radial_filters else "T", use_radial_filters=use_radial_filters,
        channel_base=channel_base, channel_max=channel_max, num_layers=num_layers, num_critical=num_critical,
        first_cutoff=first_cutoff, first_stopband=first_stopband, last_stopband_rel=last_stopband_rel,
        margin_size=margin_size, output_scale=output_scale, conv_kernel=conv_kernel, filter_size=filter_size,
        lrelu_upsampling=lrelu_upsampling, conv_clamp=conv_clamp,
    )  # fmt: skip
    fill_mapping(state, network.mapping, "mapping")
    state.fill(network.mapping.w_avg, "mapping.w_avg", AS_IS)
    synthesis = network.synthesis
    _fill_input(state, synthesis.input_layer)
    for number, layer in enumerate(synthesis.convolutions):
        _fill_layer(state, layer, layer.magnitude, f"synthesis.L{number}_{layer.after[0]}_{layer.filters}")
    last = f"synthesis.L{num_layers}_{img_resolution}_{img_channels}"
    _fill_layer(state, synthesis.to_images, synthesis.magnitude, last)
    return network


def _fill_input(state, layer):
    name = "synthesis.input"
    state.fill(layer.kernel, f"{name}.weight", DENSE)
    state.fill(layer.affine_kernel, f"{name}.affine.weight", DENSE)
    state.fill(layer.affine_bias, f"{name}.affine.bias", AS_IS)
    state.fill(layer.frequencies, f"{name}.freqs", _FREQUENCIES)
    state.fill(layer.phases, f"{name}.phases", AS_IS)
    _fill_if_there(state, layer.transform, f"{name}.transform")


def _fill_layer(state, layer, magnitude, name):
    fill_convolution(state, layer, name)
    fill_dense(state, layer.affine, f"{name}.affine")
    _fill_if_there(state, magnitude, f"{name}.magnitude_ema")


def _fill_if_there(state, variable, name):
    """Of a buffer that has its first value, the identity or 1, until somebody sets it or trains."""
    if name in state:
        state.fill(variable, name, AS_IS)
