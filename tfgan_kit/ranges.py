"""Range checks of arguments."""

import numpy as np


def check_sizes(**sizes):
    """Refuses a size below 1.

    Raises:
        ValueError: it names the first size below 1.
    """
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={size}")


def check_not_negative(**values):
    """Raises ValueError if an argument is below 0."""
    for name, value in values.items():
        if value < 0:
            raise ValueError(f"`{name}` must not be negative. Received: {name}={value}")


def is_int(value, least, most):
    """Whether a value is a whole number of Python's or NumPy's from `least` to `most`; True and False are none."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and least <= value <= most


def check_int(name, value, least):
    """Refuses anything but a Python or NumPy integer from `least` to 2^63 - 1; booleans are refused, too.

    Raises:
        ValueError: it names the argument.
    """
    if not is_int(value, least, 2**63 - 1):
        raise ValueError(f"{name} must be an integer of at least {least}. Received: {name}={value!r}")
