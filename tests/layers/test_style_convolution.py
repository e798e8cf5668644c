"""Modulated convolutions against StyleGAN2's own answers, and their definition: a kernel for each row."""

from tfgan_kit.layers import StyleConv2D, StyleToImages

import numpy as np
import pytest
import tensorflow as tf

from tests.fixtures.official import Official, assert_agrees, nhwc


def lrelu(x):
    return np.where(x > 0, x, 0.2 * x)


def drawn(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def with_styles_as_given(layer, x, styles):
    """The layer, built, whose styles are its second input."""
    layer.build([x.shape, styles.shape])
    layer.affine.kernel.assign(np.eye(styles.shape[1]) * np.sqrt(styles.shape[1]))
    layer.affine.bias.assign(np.zeros(styles.shape[1]))
    return layer


@pytest.mark.parametrize("up", [False, True], ids=["same", "up"])
def test_it_answers_as_stylegan2_does_by_kernels_of_rows_and_by_scaled_activations(up):
    official, inputs = Official("sg2_modulated_conv"), Official("sg2_resample")
    x, styles = nhwc(inputs["x"]), official["styles"]
    layer = with_styles_as_given(StyleConv2D(5, up=up, noise_shape=(14, 18)), x, styles)
    layer.kernel.assign(inputs["w"].transpose((2, 3, 0, 1) if up else (2, 3, 1, 0)))
    layer.noise_strength.assign(1.0)
    found = layer([x, styles], noise=official["noise"][:, 0] if up else None)
    for fused in (0, 1):
        expected = nhwc(official[f"up{1 + up}_demod1_fused{fused}"])
        assert_agrees(found, np.sqrt(2.0) * lrelu(expected))


def by_rows(x, kernel, styles):
    """A convolution with a kernel of its own for each row, whose outputs have the norm of one."""
    rows = []
    for row, style in zip(x, styles, strict=True):
        modulated = kernel * style[:, None]
        modulated = modulated / np.sqrt(np.sum(modulated**2, axis=(0, 1, 2)) + 1e-8)
        rows.append(tf.nn.conv2d(row[None], modulated, 1, "SAME")[0])
    return np.stack(rows)


def test_noise_bias_gain_and_clamp_follow_the_modulated_convolution():
    x, styles = drawn(3, 4, 6, 5), drawn(3, 5)
    layer = with_styles_as_given(StyleConv2D(2, noise_shape=(4, 6), gain=0.5, clamp=1.2), x, styles)
    layer.noise_strength.assign(0.7)
    layer.bias.assign([0.3, -0.2])
    linear = by_rows(x, np.asarray(layer.kernel), styles) + [0.3, -0.2]
    for noise, added in (("const", np.asarray(layer.noise)[..., None]), (None, 0.0)):
        expected = np.clip(0.5 * np.sqrt(2.0) * lrelu(linear + 0.7 * added), -0.6, 0.6)
        np.testing.assert_allclose(layer([x, styles], noise=noise), expected, rtol=1e-4, atol=1e-5)


def test_an_image_is_a_modulated_convolution_of_pixels_without_demodulation():
    x, styles = drawn(3, 4, 6, 5), drawn(3, 5)
    layer = with_styles_as_given(StyleToImages(2, clamp=0.5), x, styles)
    layer.bias.assign([0.3, -0.2])
    linear = (x * styles[:, None, None]) @ np.asarray(layer.kernel)[0, 0] / np.sqrt(5) + [0.3, -0.2]
    np.testing.assert_allclose(layer([x, styles]), np.clip(linear, -0.5, 0.5), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("up", [False, True], ids=["same", "up"])
def test_styles_whose_squares_overflow_are_safe_in_float16(up):
    x, styles = drawn(2, 4, 4, 5), 1000.0 * drawn(2, 5)
    options = dict(up=up, noise_shape=(8, 8) if up else (4, 4))
    whole = with_styles_as_given(StyleConv2D(2, **options), x, styles)
    half = with_styles_as_given(StyleConv2D(2, dtype="mixed_float16", **options), x, styles)
    half.set_weights(whole.get_weights())
    found = half([x, styles])
    assert found.dtype == tf.float16
    np.testing.assert_allclose(tf.cast(found, tf.float32), whole([x, styles]), atol=0.02)


def test_sizes_that_no_layer_has_are_refused():
    with pytest.raises(ValueError, match="kernel_size=2"):
        StyleConv2D(2, kernel_size=2)
    with pytest.raises(ValueError, match="channels=0"):
        StyleToImages(0)
