"""Minibatch deviation against StyleGAN2's own answers, and its definition."""

import tfgan_kit as gk

import numpy as np
import pytest
import tensorflow as tf

from tests.fixtures.official import Official, drawn, nhwc


@pytest.fixture(scope="module")
def official():
    return Official("sg2_mbstd")


def layer_of_free_rows(*arguments):
    layer = gk.layers.MinibatchDeviation(*arguments)
    return tf.function(lambda x: layer(x), input_signature=[tf.TensorSpec([None, 4, 4, 6])])


@pytest.mark.parametrize("make", [gk.layers.MinibatchDeviation, layer_of_free_rows], ids=["eager", "free_rows"])
def test_it_answers_as_stylegan2_does(make, official):
    images = nhwc(drawn("m", (8, 6, 4, 4)))
    np.testing.assert_allclose(make(4, 2)(images), nhwc(official["out"]), atol=1e-6)


@pytest.mark.parametrize("count, groups", [(6, [(0, 3), (1, 4), (2, 5)]), (2, [(0, 1)])], ids=["strided", "one_group"])
def test_the_new_channel_is_the_mean_deviation_of_a_row_s_strided_group(count, groups):
    images = np.random.default_rng(0).normal(size=(count, 3, 2, 4)).astype(np.float32)
    found = gk.layers.MinibatchDeviation(group=2)(images).numpy()
    np.testing.assert_array_equal(found[..., :4], images)
    for group in groups:
        expected = np.sqrt(images[list(group)].var(axis=0) + 1e-8).mean()
        np.testing.assert_allclose(found[list(group), ..., 4], expected, rtol=1e-5)


def test_a_batch_below_the_group_is_one_group():
    images = np.random.default_rng(0).normal(size=(3, 2, 2, 1)).astype(np.float32)
    found = gk.layers.MinibatchDeviation(group=4)(images).numpy()[..., 1]
    np.testing.assert_allclose(found, np.sqrt(images.var(axis=0) + 1e-8).mean(), rtol=1e-5)


def test_statistics_are_float32_under_mixed_precision(mixed_policy):
    """Their squares overflow in float16, and bfloat16 has no number for their mean."""
    images = np.tile(np.arange(4.0)[:, None, None, None] * 8 + 1024, (1, 2, 2, 1))
    found = gk.layers.MinibatchDeviation()(tf.cast(images, mixed_policy.removeprefix("mixed_")))
    assert found.dtype.name == mixed_policy.removeprefix("mixed_")
    np.testing.assert_allclose(tf.cast(found, tf.float32)[..., 1], images.std(axis=0).mean(), rtol=2**-8)


RULE = "The group of a MinibatchDeviation, 4 rows, must divide the batch, or hold all of it. Received: a batch of"


@pytest.mark.parametrize("count", [5, 6])
def test_a_batch_that_the_group_does_not_divide_is_refused(count):
    with pytest.raises(ValueError, match=f"{RULE} {count}"):
        gk.layers.MinibatchDeviation(4)(np.zeros((count, 4, 4, 6), np.float32))


def test_it_is_refused_in_a_graph_of_any_number_of_rows():
    function = layer_of_free_rows(4)
    with pytest.raises(ValueError, match=f"{RULE} 6"), gk.ranges.as_value_error():
        function(np.zeros((6, 4, 4, 6), np.float32))


@pytest.mark.parametrize("shape, channels", [((4, 6), 1), ((4, 2, 2, 6), 4)])
def test_points_and_channels_that_do_not_divide_are_refused(shape, channels):
    with pytest.raises(ValueError, match=rf"`channels` that divide C. Received: .*channels={channels}"):
        gk.layers.MinibatchDeviation(2, channels)(np.zeros(shape, np.float32))


@pytest.mark.parametrize("name", ["group", "channels"])
def test_a_size_below_one_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1. Received: {name}=0"):
        gk.layers.MinibatchDeviation(**{name: 0})


def test_a_row_is_known_to_depend_on_its_batch():
    assert not gk.layers.MinibatchDeviation().rows_are_independent
