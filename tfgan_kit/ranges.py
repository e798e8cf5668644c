"""Range checks of integer arguments."""

import numpy as np


def check_sizes(**sizes):
    """Refuses a size below 1.

    Raises:
        ValueError: it names the first size below 1.
    """
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={size}")


def check_int(name, value, least):
    """Refuses anything but a Python or NumPy integer from `least` to 2^63 - 1; booleans are refused, too.

    Raises:
        ValueError: it names the argument.
    """
    is_int = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_int or not least <= value < 2**63:
        raise ValueError(f"{name} must be an integer of at least {least}. Received: {name}={value!r}")
