"""A leaky ReLU between two low-pass filters, against zeros, convolutions and decimation by hand."""

from tfgan_kit.layers.filtered_leaky_relu import FilteredLeakyReLU, Signal, lowpass, radial_lowpass
from tfgan_kit.networks.stylegan3 import signals_of

import numpy as np
import pytest
import tensorflow as tf
from scipy import signal

from tests.fixtures.official import Official

SLOW, FAST = Signal(9, 4, 1.2, 1.1), Signal(10, 8, 2.5, 1.7)
SMALL = Signal(6, 8, 2.5, 1.7)


@pytest.mark.parametrize("width", [0.2, 2.0, 12.0], ids=lambda width: f"width {width}")
@pytest.mark.parametrize("taps", [2, 7, 12, 24])
def test_the_low_pass_filter_is_scipy_s(taps, width):
    """The widths reach each of the three formulas of beta."""
    expected = signal.firwin(taps, 3.0, width=width, fs=32.0)
    np.testing.assert_allclose(lowpass(taps, 3.0, width, 32.0), expected, atol=1e-12)


@pytest.mark.parametrize("taps", [6, 7])
def test_the_radial_filter_under_no_window_is_alike_in_all_directions(taps):
    """A narrow transition has beta 0: equal distances, (3, 4) and (5, 0) half taps apart, have equal values."""
    filter = radial_lowpass(12, 3.0, 1e-6, 32.0)
    middle = 6
    at = {
        (i, j): filter[middle + (i - 1) // 2, middle + (j - 1) // 2] for i in range(1, 12, 2) for j in range(1, 12, 2)
    }
    assert at[1, 7] == pytest.approx(at[5, 5])  # 1 + 49 = 25 + 25
    assert np.isfinite(radial_lowpass(taps, 3.0, 2.0, 32.0)).all()
    assert radial_lowpass(taps, 3.0, 2.0, 32.0).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("name, radial", [("sg3_g_t48", False), ("sg3_g_r_cond32", True)])
def test_filters_are_the_official_ones(name, radial):
    """Of a layer whose input and output are alike, as the fixtures' second layers are."""
    official = Official(name)
    config = official.meta["config"]
    known = ("num_layers", "num_critical", "first_cutoff", "first_stopband", "last_stopband_rel", "margin_size")
    each = signals_of(config["img_resolution"], **{name: config[name] for name in known if name in config})
    found = {key for key in official.names if key.endswith("_filter")}
    for key in found:
        layer, kind = key.split(".")
        number = int(layer[1:].split("_")[0])
        ends = each[max(0, number - 1)], each[number]
        end, rate = ends[kind == "down_filter"], 2 * max(end.rate for end in ends)
        critical = number >= len(each) - 1 - config.get("num_critical", 2)
        design = radial_lowpass if radial and kind == "down_filter" and not critical else lowpass
        filter = design(6 * rate // end.rate, end.cutoff, 2 * end.half_width, rate)
        np.testing.assert_allclose(filter, official[key], atol=1e-7)
    assert len(found) >= 10


def by_hand(x, before, after, extra, filter_size, upsampling, radial, clamp):
    """The definition, in the notation of arXiv:2106.12423's code: zeros after each sample, padding, convolutions."""
    rate = max(before.rate, after.rate) * upsampling
    up, down = rate // before.rate, rate // after.rate
    taps_up, taps_down = (filter_size * factor if factor > 1 else 1 for factor in (up, down))
    fine = np.zeros((x.shape[0] * up, x.shape[1] * up))
    fine[::up, ::up] = x
    padding = (after.size - 1) * down + 1 - (before.size + extra) * up + taps_up + taps_down - 2
    low = (padding + up) // 2
    generous = 64  # then cropped, which negative padding is
    fine = np.pad(fine, generous)[generous - low :, generous - low :]
    size = (after.size - 1) * down + taps_down + taps_up - 1
    fine = fine[:size, :size]
    filter = lowpass(taps_up, before.cutoff, 2 * before.half_width, rate)
    fine = signal.convolve2d(fine, np.outer(filter, filter), "valid") * up**2
    fine = np.where(fine > 0, fine, 0.2 * fine) * np.sqrt(2)
    fine = fine if clamp is None else np.clip(fine, -clamp, clamp)
    design = radial_lowpass if radial and taps_down > 1 else lowpass
    filter = design(taps_down, after.cutoff, 2 * after.half_width, rate)
    filter = filter if filter.ndim == 2 else np.outer(filter, filter)
    return signal.convolve2d(fine, filter, "valid")[::down, ::down]


CASES = {
    "same rate": (FAST, FAST, 2, 6, 2, False, None),
    "to twice the rate": (SLOW, FAST, 2, 6, 2, False, None),
    "radial, clamped": (SLOW, FAST, 0, 6, 2, True, 0.3),
    "cropped": (FAST, SMALL, 2, 6, 2, False, None),
    "four times the rate, odd filters": (SLOW, SMALL, 4, 5, 4, True, None),
    "no filter": (FAST, SMALL, 2, 6, 1, False, 0.3),
    "no filter on the way down": (SLOW, SMALL, 2, 6, 1, False, None),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_it_is_its_definition(case):
    before, after, extra = case[:3]
    size = before.size + extra
    x = np.random.default_rng(0).normal(size=(2, size, size, 3)).astype(np.float32)
    filtered = FilteredLeakyReLU(*case)
    first, last = filtered.unused
    found = filtered(tf.constant(x[:, first : size - last, first : size - last]))
    expected = [[by_hand(row[..., k], *case) for k in range(3)] for row in x]
    np.testing.assert_allclose(found, np.transpose(expected, (0, 2, 3, 1)), atol=2e-6)


def test_what_lies_outside_of_the_unused_rows_is_used():
    filtered = FilteredLeakyReLU(FAST._replace(size=14), SMALL._replace(size=1), 2)
    first, last = filtered.unused
    assert first == last > 0
    x = tf.random.normal((1, 16 - first - last, 16 - first - last, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(filtered(x))
    gradient = tape.gradient(total, x)[0, :, :, 0].numpy()
    assert (np.abs(gradient[[0, -1]]).max(), np.abs(gradient[:, [0, -1]]).max()) > (0, 0)


def test_a_shift_by_a_sample_is_one_by_two_samples_of_twice_the_rate():
    filtered = FilteredLeakyReLU(SLOW, FAST, 2)
    x = np.random.default_rng(0).normal(size=(1, 11, 11, 2)).astype(np.float32)
    one, other = filtered(tf.constant(x)), filtered(tf.constant(np.roll(x, 1, axis=1)))
    inside = slice(6, 8)  # does not see the border
    np.testing.assert_allclose(other[:, inside, inside], one[:, 4:6, inside], atol=1e-6)


def test_waves_below_the_cutoff_stay_and_those_above_the_stopband_go():
    """Of positive maps, whose leaky ReLU is linear: what is left is the two filters."""
    long = Signal(96, 32, 4.0, 4.0)
    filtered = FilteredLeakyReLU(long, long)
    places = (np.arange(96) + 0.5) / 32

    def swing(frequency):
        wave = 2.0 + np.sin(2 * np.pi * frequency * places)
        x = np.tile(wave[None, :, None, None], (1, 1, 96, 1)).astype(np.float32)
        inside = filtered(tf.constant(x))[0, 16:80, 48, 0] / np.sqrt(2) - 2
        return float(np.ptp(inside)) / 2

    assert swing(1.0) > 0.9  # cutoff 4, half width 4
    assert swing(9.0) < 0.01


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "XLA"])
def test_gradients_are_those_of_differences(jit_compile):
    filtered = FilteredLeakyReLU(SLOW, SMALL, 2)
    random = np.random.default_rng(0)
    x, direction = (tf.constant(random.normal(size=(1, 11, 11, 1)), tf.float32) for _ in range(2))

    @tf.function(jit_compile=jit_compile)
    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(filtered(x) ** 2)
        return value, tf.reduce_sum(tape.gradient(value, x) * direction)

    step = 1e-2
    by_difference = (slope(x + step * direction)[0] - slope(x - step * direction)[0]) / (2 * step)
    np.testing.assert_allclose(slope(x)[1], by_difference, rtol=2e-2)


@pytest.mark.parametrize(
    "before, after, message",
    [
        (Signal(9, 4, 1, 1), Signal(9, 6, 1, 1), "multiple of the other. Received: rates 4 and 6"),
        (Signal(9, 4, 1, 1), Signal(24, 4, 1, 1), "within its maps.* Received: 9 samples for 24"),
    ],
    ids=["rates", "sizes"],
)
def test_signals_that_do_not_fit_are_refused(before, after, message):
    with pytest.raises(ValueError, match=message):
        FilteredLeakyReLU(before, after, upsampling=1)
