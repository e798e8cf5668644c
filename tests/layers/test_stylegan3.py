"""StyleGAN3's input moves as a whole, and its convolutions do not depend on scales."""

from tfgan_kit.layers import AliasFreeConv2D, FourierInput

import numpy as np
import pytest
import tensorflow as tf

SIZE, RATE = 6, 4


@pytest.fixture(scope="module")
def waves():
    layer = FourierInput(5, SIZE, RATE, 0.7)
    layer.build((None, 3))
    return layer


W = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)


def moved(right=0.0, down=0.0, turned=0.0):
    cos, sin = np.cos(turned), np.sin(turned)
    return np.array([[cos, -sin, right], [sin, cos, down], [0, 0, 1]], np.float32)


def test_a_translation_by_a_sample_moves_the_maps_by_one(waves):
    still = waves(W)
    np.testing.assert_allclose(waves(W, transform=moved(right=1 / RATE))[:, :, :-1], still[:, :, 1:], atol=1e-5)
    np.testing.assert_allclose(waves(W, transform=moved(down=1 / RATE))[:, :-1], still[:, 1:], atol=1e-5)


def test_a_quarter_turn_turns_the_maps(waves):
    still = waves(W).numpy()
    turned = waves(W, transform=moved(turned=np.pi / 2)).numpy()
    np.testing.assert_allclose(turned, np.rot90(still, axes=(1, 2)), atol=1e-5)


def test_a_row_s_style_shifts_it_against_its_translation(waves):
    """t = (r_c, r_s, t_x, t_y) = (1, 0, t, 0) of a style; a learned t moves the image to the right."""
    layer = FourierInput(5, SIZE, RATE, 0.7)
    layer.build((None, 1))
    for weight in ("kernel", "frequencies", "phases"):
        getattr(layer, weight).assign(getattr(waves, weight))
    layer.affine_kernel.assign([[0.0, 0.0, 1 / RATE, 0.0]])
    one, other = layer(np.array([[0.0], [1.0]], np.float32)).numpy()
    np.testing.assert_allclose(other[:, 1:], one[:, :-1], atol=1e-5)


def test_each_row_may_have_a_transform_and_the_weight_is_the_default(waves):
    both = np.stack([moved(right=0.1), moved(turned=0.3)])
    rows = waves(W, transform=both)
    for row in range(2):
        np.testing.assert_allclose(rows[row], waves(W[row : row + 1], transform=both[row])[0], atol=1e-6)
    layer = FourierInput(5, SIZE, RATE, 0.7)
    layer.build((None, 3))
    layer.transform.assign(both[0])
    np.testing.assert_allclose(layer(W), layer(W, transform=both[0]), atol=1e-6)


def test_frequencies_that_the_rate_cannot_hold_vanish(waves):
    small = np.diag([40.0, 40.0, 1.0]).astype(np.float32)  # the image at a 40th of its size
    frequencies = np.linalg.norm(waves.frequencies, axis=0)
    assert (frequencies < 0.7).all()
    assert frequencies.min() * 40 > RATE / 2
    np.testing.assert_array_equal(waves(W, transform=small), 0.0)


@pytest.mark.parametrize("transform", [np.eye(2), np.eye(3)[0], np.ones((1, 1, 3, 3))], ids=lambda t: str(t.shape))
def test_another_shape_of_a_transform_is_refused(waves, transform):
    with pytest.raises(ValueError, match=r"of shape \(3, 3\) or \(N, 3, 3\). Received: transform of shape"):
        waves(W, transform=transform.astype(np.float32))


@pytest.mark.parametrize("bandwidth", [0.0, 2.0])
def test_a_bandwidth_beyond_the_rate_is_refused(bandwidth):
    with pytest.raises(ValueError, match=f"half of `rate`. Received: bandwidth={bandwidth}"):
        FourierInput(5, SIZE, RATE, bandwidth)


SIGNAL = (6, 4, 1.2, 0.9)
X = np.random.default_rng(1).normal(size=(3, 6, 6, 4)).astype(np.float32)
STYLES = np.random.default_rng(2).normal(size=(3, 2)).astype(np.float32)


def convolution(**arguments):
    layer = AliasFreeConv2D(2, SIGNAL, SIGNAL, **arguments)
    layer.build([X.shape, STYLES.shape])
    return layer


def test_the_kernel_s_and_the_styles_scales_do_not_matter():
    layer = convolution()
    before = layer([X, STYLES])
    layer.kernel.assign(3.0 * layer.kernel)
    layer.affine.kernel.assign(5.0 * layer.affine.kernel)
    layer.affine.bias.assign(5.0 * layer.affine.bias)
    np.testing.assert_allclose(layer([X, STYLES]), before, atol=1e-5)


def test_inputs_are_divided_by_the_root_of_their_magnitude():
    layer = convolution()
    before = layer([X, STYLES])
    layer.magnitude.assign(4.0)
    np.testing.assert_allclose(layer([2.0 * X, STYLES]), before, atol=1e-5)


def test_rows_do_not_depend_on_the_others_styles():
    layer = convolution()
    np.testing.assert_allclose(layer([X[:1], STYLES[:1]]), layer([X, STYLES])[:1], atol=1e-6)


def test_styles_of_0_leave_the_bias():
    layer = convolution(kernel_size=1)
    layer.affine.bias.assign([0.0] * 4)
    layer.bias.assign([1.0, 2.0])
    found = layer([X, 0.0 * STYLES])
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, layer([0.0 * X, 0.0 * STYLES]), atol=1e-6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(before=(6, 4, 1.2)), r"are \(size, rate, cutoff, half_width\).* Received: \(6, 4, 1.2\)"),
        (dict(before=(6, 4, 2.1, 1.0)), "Received: Signal.*cutoff=2.1"),
        (dict(after=(6, 4, 1.0, 0.0)), "Received: Signal.*half_width=0.0"),
        (dict(after=(0, 4, 1.0, 1.0)), "Received: Signal.*size=0"),
        (dict(after=(60, 4, 1.0, 1.0)), "Received: 8 samples for 60"),
        (dict(kernel_size=2), "must be odd. Received: kernel_size=2"),
        (dict(filters=0), "filters=0"),
        (dict(upsampling=0), "upsampling=0"),
    ],
    ids=str,
)
def test_arguments_that_no_layer_has_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        AliasFreeConv2D(**{"filters": 2, "before": SIGNAL, "after": SIGNAL, **arguments})


def test_second_gradients_exist():
    layer, x = convolution(clamp=None), tf.constant(X)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            value = tf.reduce_sum(layer([x, STYLES]) ** 2)
        squares = tf.reduce_sum(inner.gradient(value, x) ** 2)
    assert np.abs(outer.gradient(squares, x)).max() > 0
