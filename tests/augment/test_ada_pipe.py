"""ADA's transformations against the authors' code, and the law of their draws."""

import pathlib
import zlib

import tfgan_kit as gk
from tfgan_kit.augment import ada_pipe

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

FIXTURE = np.load(pathlib.Path(__file__).parent.parent / "fixtures" / "networks" / "ada_pipe.npz")
CASES = [name for name in FIXTURE.files if "_0." in name and "grad" not in name]
IMAGES = np.tanh(np.random.RandomState(zlib.crc32(b"aug")).standard_normal((2, 3, 24, 24))).astype(np.float32)
IMAGES = tf.constant(IMAGES.transpose(0, 2, 3, 1))
ROWS = 20_000


class Percentile(ada_pipe.PipeDraws):
    """The authors' `debug_percentile`: every gate open, every draw at one percentile, the second rotation 0."""

    def __init__(self, transformations, percentile):
        multipliers = ada_pipe.SETS.get(transformations) or dict.fromkeys(transformations.split(), 1.0)
        super().__init__(lambda shape: tf.zeros([2, *shape]), (24, 24, 3), multipliers, 1.0)
        self._percentile = percentile

    def uniform(self, name):
        return tf.fill([2], 0.5 if name == "post_rotate" else self._percentile)

    def normal(self, name):
        return tf.fill([2], np.float32(special.erfinv(2 * self._percentile - 1)))  # without the sqrt(2), as theirs


def case(name):
    """The images and the draws of a fixture's case."""
    *_, transformations, percentile = name.split("_")
    transformations = {"fc": "imgfilter cutout"}.get(transformations, transformations)
    return IMAGES[..., :1] if name.startswith("gray") else IMAGES, Percentile(transformations, float(percentile))


def check(found, name):
    expected = FIXTURE[name].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("name", CASES)
def test_the_pipe_is_the_authors(name):
    check(ada_pipe.pipe(*case(name)), name)


def test_the_pipe_s_gradient_is_the_authors():
    images, draws = case("bgc_0.6")
    with tf.GradientTape() as tape:
        tape.watch(images)
        squares = tf.reduce_sum(tf.square(ada_pipe.pipe(images, draws)))
    check(tape.gradient(squares, images), "bgc_0.6_input_grad_of_sum_squares")


def test_the_filter_bank_is_the_authors():
    np.testing.assert_allclose(ada_pipe.filter_bank(), FIXTURE["Hz_fbank"], atol=1e-7)


def uniform(rows):
    generator = np.random.default_rng(0)
    return lambda shape: tf.constant(generator.uniform(size=(rows, *shape)), tf.float32)


def draws(transformations, p, rows=ROWS, shape=(8, 8, 3)):
    return ada_pipe.PipeDraws(uniform(rows), shape, ada_pipe.SETS[transformations], p)


@pytest.mark.parametrize("transformations", ada_pipe.SETS)
@pytest.mark.parametrize("shape", [(6, 9, 3), (8, 8, 1)])
def test_probability_0_changes_nothing(transformations, shape):
    images = tf.constant(np.random.default_rng(1).uniform(-1, 1, (3, *shape)), tf.float32)
    found = ada_pipe.pipe(images, draws(transformations, 0.0, 3, shape))
    np.testing.assert_allclose(found, images, atol=2e-6)


@pytest.mark.parametrize("p", [0.2, 1.0])
@pytest.mark.parametrize("name", ["scale", "hue"])
def test_a_transformation_happens_with_its_multiplier_times_p(name, p):
    """Within 4 standard deviations of a share of ROWS."""
    made = draws("r3gan", p)
    multiplier = {"scale": 1.0, "hue": 0.5}[name]
    share = np.mean(made.applied(name, tf.ones([ROWS]), 0.0))
    assert share == pytest.approx(multiplier * p, abs=4 * np.sqrt(0.25 / ROWS))


def test_one_of_both_rotations_happens_with_probability_p():
    turned = ada_pipe.geometry(ada_pipe.PipeDraws(uniform(ROWS), (8, 8, 3), {"rotate": 1.0}, 0.3), 8, 8)
    share = np.mean(np.abs(turned - np.eye(3)).max(axis=(1, 2)) > 1e-6)
    assert share == pytest.approx(0.3, abs=4 * np.sqrt(0.25 / ROWS))


def test_a_mirrored_image_is_one_of_two_that_were_chosen():
    mirrored = ada_pipe.geometry(ada_pipe.PipeDraws(uniform(ROWS), (8, 8, 3), {"xflip": 1.0}, 0.5), 8, 8)
    assert np.mean(mirrored[:, 0, 0] < 0) == pytest.approx(0.25, abs=4 * np.sqrt(0.25 / ROWS))


def test_normal_draws_have_deviation_1_and_are_finite():
    values = draws("geom", 1.0).normal("scale")
    assert np.std(values) == pytest.approx(1.0, abs=4 / np.sqrt(2 * ROWS))
    assert np.isfinite(ada_pipe._normal(tf.constant([0.0, 1.0 - 2.0**-23]))).all()


def test_noise_has_a_mean_square_of_a_hundredth():
    """sigma = 0.1 |N|, times N: E sigma^2 N^2 = 0.01."""
    noise = ada_pipe.pipe(tf.zeros([ROWS, 2, 2, 1]), draws("noise", 1.0, shape=(2, 2, 1)))
    assert np.mean(np.square(noise)) == pytest.approx(0.01, rel=0.05)


def test_cutout_removes_a_box_of_half_the_sides_with_its_centre_anywhere():
    images = ada_pipe.pipe(tf.ones([ROWS, 16, 12, 1]), draws("cutout", 1.0, shape=(16, 12, 1)))
    removed = 1.0 - np.mean(images, axis=(1, 2, 3))
    assert removed.max() == pytest.approx(0.25)
    # Of each side 1/2, less what lies beyond the two borders: 1/2 - 2 int_0^1/4 (1/4 - c) dc = 7/16.
    assert np.mean(removed) == pytest.approx((7 / 16) ** 2, rel=0.02)


@pytest.mark.parametrize("transformations", ["color", "noise"])
def test_alpha_keeps_its_values(transformations):
    images = tf.constant(np.random.default_rng(1).uniform(-1, 1, (4, 8, 8, 4)), tf.float32)
    found = ada_pipe.pipe(images, draws(transformations, 1.0, 4, (8, 8, 4)))
    np.testing.assert_array_equal(found[..., 3], images[..., 3])
    assert np.abs(found[..., :3] - images[..., :3]).max(axis=(0, 1, 2)).min() > 0.1


def test_the_colours_of_rgba_images_change_as_those_of_rgb():
    images = tf.constant(np.random.default_rng(1).uniform(-1, 1, (4, 8, 8, 4)), tf.float32)
    found = ada_pipe.pipe(images, draws("color", 1.0, 4, (8, 8, 4)))
    expected = ada_pipe.pipe(images[..., :3], draws("color", 1.0, 4, (8, 8, 3)))
    np.testing.assert_allclose(found[..., :3], expected, atol=1e-6)


def test_hue_and_saturation_leave_grey_images_alone():
    images = tf.constant(np.random.default_rng(1).uniform(-1, 1, (4, 8, 8, 1)), tf.float32)
    made = ada_pipe.PipeDraws(uniform(4), (8, 8, 1), {"hue": 1.0, "saturation": 1.0}, 1.0)
    np.testing.assert_array_equal(ada_pipe.pipe(images, made), images)


@pytest.mark.thorough
def test_images_that_are_not_square_go_through_the_whole_pipe_in_a_graph_and_under_xla():
    images = tf.constant(np.random.default_rng(1).uniform(-1, 1, (3, 6, 10, 3)), tf.float32)
    made = gk.augment.ADA("bgcfnc", p=1.0)
    change = made.draw(uniform(3), (6, 10, 3), tf.constant(0))
    found = tf.function(change, jit_compile=True)(images)
    assert found.shape == images.shape
    np.testing.assert_allclose(found, change(images), atol=1e-4)
    assert np.abs(found - images).max() > 0.1
