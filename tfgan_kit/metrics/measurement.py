"""What a metric found: its value of one set of images, and the interval around it."""

from typing import NamedTuple

import numpy as np

_NORMAL_95 = 1.959964  # a standard normal number lies within +- this with probability 0.95


class Measurement(NamedTuple):
    """A metric's value of one set.

    value: float.
    more: dict for JSON, what else was found: "std", "per_class".
    settings: dict for JSON, what else decides the value: it joins the protocol.
    warnings: texts, why the value may mislead.
    standard_error: float, where it comes with the value; `Measure.interval` may know it otherwise.
    """

    value: float
    more: dict = {}
    settings: dict = {}
    warnings: tuple = ()
    standard_error: float | None = None


def normal_interval(value, standard_error, least=-np.inf):
    """[low, high] at 95 %, cut at the least that the value can be; None where the error is not known."""
    if not np.isfinite(standard_error):
        return None
    reach = _NORMAL_95 * standard_error
    return [max(value - reach, least), value + reach]


def share_interval(share, count):
    """[low, high] at 95 % of a share of `count` images, by Wilson (1927): it stays within 0 and 1."""
    squared = _NORMAL_95**2 / count
    centre, reach = share + squared / 2, _NORMAL_95 * np.sqrt(share * (1 - share) / count + squared / (4 * count))
    low, high = (centre - reach) / (1 + squared), (centre + reach) / (1 + squared)
    return [max(float(low), 0.0), min(float(high), 1.0)]


def interval_of_its_error(comparison, found):
    """The interval of a `Measurement` that knows its standard error."""
    del comparison
    return normal_interval(found.value, found.standard_error)


def interval_of_a_generated_share(comparison, found):
    """The interval of a share of the other set's images."""
    return share_interval(found.value, comparison.other.count)


def interval_of_a_real_share(comparison, found):
    """The interval of a share of the reference's images."""
    return share_interval(found.value, comparison.real.reference.count)
