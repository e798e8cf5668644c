from tfgan_kit.layers import R3GANBlock

import numpy as np
import pytest
import tensorflow as tf


def maps(channels=8):
    return np.random.default_rng(0).normal(size=(2, 4, 6, channels)).astype(np.float32)


def test_a_new_block_is_the_identity():
    np.testing.assert_array_equal(R3GANBlock(4)(maps()), maps())


def test_only_the_last_convolution_of_a_new_block_has_a_gradient():
    """L3 = 0: what comes before it does not reach the result."""
    block = R3GANBlock(4)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(block(maps()) ** 2)
    gradients = tape.gradient(loss, [w.value for w in block.trainable_weights])
    moved = {w.path.split("/")[-2] for w, g in zip(block.trainable_weights, gradients, strict=True) if np.any(g)}
    assert moved == {"conv3"}


@pytest.mark.parametrize("expansion, cardinality, kernel_size, num_blocks", [(2, 8, 3, 16), (3, 4, 5, 1)])
def test_convolutions_begin_at_the_scale_of_the_paper(expansion, cardinality, kernel_size, num_blocks):
    """Standard deviation sqrt(2 / 1.04) L^(-1/4) / sqrt(fan_in), the fan-in that of one group."""
    block = R3GANBlock(cardinality, expansion, kernel_size, num_blocks)
    block.build((None, 4, 4, 64))
    gain = np.sqrt(2 / 1.04) * num_blocks**-0.25
    wide = 64 * expansion
    for layer, fan_in in ((block.conv1, 64), (block.conv2, kernel_size**2 * wide / cardinality)):
        assert np.std(layer.kernel) == pytest.approx(gain / np.sqrt(fan_in), rel=0.05)
        assert not np.any(layer.bias)
    assert not np.any(block.conv3.kernel) and not block.conv3.use_bias


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(cardinality=3), "must divide .* Received: width=8, expansion=2, cardinality=3"),
        (dict(cardinality=2, kernel_size=4), "must be odd.* Received: kernel_size=4"),
        (dict(cardinality=0), "cardinality"),
        (dict(cardinality=2, expansion=0), "expansion"),
        (dict(cardinality=2, num_blocks=0), "num_blocks"),
    ],
    ids=str,
)
def test_sizes_that_no_block_has_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        R3GANBlock(**arguments)(maps())
