"""StyleGAN2's path length on a synthesis whose Jacobian is known."""

import types

import tfgan_kit as gk
from tfgan_kit.penalties import PathLength, StepView
from tfgan_kit.penalties.path_length import path_lengths

import keras
import numpy as np
import pytest
import tensorflow as tf

N, Z, NUM_WS, W, SHAPE = 6, 3, 2, 4, (2, 3, 1)
_random = np.random.default_rng(0)
LATENTS, LABELS = _random.normal(size=(N, Z)).astype(np.float32), np.arange(N, dtype=np.int32) % 2
NOISE = _random.normal(size=(N, *SHAPE)).astype(np.float32)
KERNEL = _random.normal(size=(NUM_WS, W, 6)).astype(np.float32)  # images = sum over ws and dims of w K


class Linear:
    """A generator in the form of penalties: `mapping` repeats the latents and the label, `synthesis` is linear."""

    network = types.SimpleNamespace(mapping=None, synthesis=None)

    def __init__(self, kernel=KERNEL):
        self.kernel = kernel

    def part(self, name):
        return getattr(self, name)

    def mapping(self, latents, labels, training):
        assert not training  # the mean of w is left alone
        styles = tf.concat([latents, tf.cast(labels, tf.float32)[:, None]], axis=1)
        return tf.repeat(styles[:, None], NUM_WS, axis=1)

    def synthesis(self, ws):
        return tf.reshape(tf.einsum("nkd,kdp->np", ws, self.kernel), (-1, *SHAPE))


def lengths_of(noise):
    """`J^T y`: the kernel times the noise, whose squares are summed over W, averaged over the ws."""
    moved = np.einsum("kdp,np->nkd", KERNEL, noise.reshape(len(noise), -1) / np.sqrt(6))
    return np.sqrt(np.mean(np.sum(moved**2, axis=2), axis=1))


def view(noise=NOISE, generator=Linear(), iteration=0):  # noqa: B008, it has no state
    """The step of six rows, of which every k-th keeps its latents, label and noise."""

    def of_rows(k):
        return StepView(
            *(None, None, LABELS[::k], LATENTS[::k], None, None, None, generator, None),
            normal=lambda shape: tf.constant(noise[::k]),
        )

    return of_rows(1)._replace(every=of_rows, iteration=iteration)


def built(**arguments):
    penalty, state = PathLength(**arguments), keras.layers.Layer()
    penalty.build(state)
    return penalty, state.weights[0]


def test_lengths_of_a_linear_synthesis_are_its_transposed_kernel_times_the_noise():
    generator = Linear()
    ws = generator.mapping(LATENTS, LABELS, False)
    found = path_lengths(generator.synthesis, ws, lambda shape: NOISE)
    np.testing.assert_allclose(found, lengths_of(NOISE), rtol=1e-5)


@pytest.mark.parametrize("batch_shrink", [1, 2, 3])
def test_the_penalty_is_of_every_kth_row_around_the_mean_that_was_moved_first(batch_shrink):
    penalty, mean = built(weight=3.0, decay=0.1, batch_shrink=batch_shrink)
    mean.assign(0.5)
    lengths = lengths_of(NOISE[::batch_shrink])
    moved = 0.9 * 0.5 + 0.1 * lengths.mean()
    assert float(penalty.value(view())) == pytest.approx(3.0 * np.mean((lengths - moved) ** 2), rel=1e-5)
    assert float(mean) == pytest.approx(moved, rel=1e-6)
    assert float(penalty.logs(view())["path_length_mean"]) == pytest.approx(moved, rel=1e-6)


@pytest.mark.parametrize("in_lockstep", [False, True])
def test_the_mean_moves_in_the_steps_in_which_the_penalty_is_due(in_lockstep):
    penalty, mean = built(decay=0.5, interval=3)
    found = tf.function(lambda k: penalty(view(iteration=k), k, in_lockstep))
    values, means = [], []
    for iteration in range(5):
        values.append(float(found(tf.constant(iteration, tf.int64))))
        means.append(float(mean))
    length = lengths_of(NOISE[::2]).mean()
    np.testing.assert_allclose(means, [length * share for share in (0.5, 0.5, 0.5, 0.75, 0.75)], rtol=1e-5)
    assert [value > 0 for value in values] == [True, False, False, True, False]


def test_its_gradient_equals_finite_differences():
    """Through the second derivative, and through the share of the lengths in the mean, as in the authors' code."""
    kernel = tf.Variable(KERNEL)

    def value():
        penalty, mean = built(decay=0.3)
        mean.assign(0.2)
        return penalty.value(view(generator=Linear(kernel)))

    with tf.GradientTape() as tape:
        total = value()
    gradient = tape.gradient(total, kernel).numpy()
    for place in [(0, 0, 0), (1, 3, 5), (1, 2, 0)]:
        ends = []
        for change in (1e-2, -1e-2):
            kernel.assign(KERNEL)
            kernel.assign_add(change * tf.scatter_nd([place], [1.0], KERNEL.shape))
            ends.append(float(value()))
        assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-2, rel=5e-3, abs=1e-3)


def test_images_that_do_not_move_have_a_finite_gradient():
    """The root of 0, where its slope is infinite."""
    kernel = tf.Variable(np.zeros_like(KERNEL))
    penalty, mean = built()
    mean.assign(1.0)
    with tf.GradientTape() as tape:
        value = penalty.value(view(generator=Linear(kernel)))
    assert np.isfinite(value) and np.isfinite(tape.gradient(value, kernel)).all()


def test_a_generator_of_one_part_is_refused():
    generator = types.SimpleNamespace(network=gk.networks.MLPGenerator(output_dim=2, latent_dim=3))
    with pytest.raises(ValueError, match="`mapping` and `synthesis`.*Received: MLPGenerator"):
        built()[0].value(view(generator=generator))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"weight": -1.0}, "weight=-1.0"),
        ({"decay": 0.0}, r"\(0, 1\]. Received: decay=0.0"),
        ({"decay": 1.5}, "decay=1.5"),
        ({"batch_shrink": 0}, "batch_shrink"),
        ({"batch_shrink": 1.5}, "batch_shrink"),
        ({"interval": 0}, "interval=0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        PathLength(**arguments)
