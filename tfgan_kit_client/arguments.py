"""Checks of a client's arguments: numbers, seconds and names that gRPC and a server accept."""

import math

import numpy as np

LARGEST_INT64 = 2**63 - 1
MOST_SECONDS = 1e9  # about 30 years; gRPC fails for deadlines that its clock cannot represent


def check_int(name: str, value, least: int, most: int) -> int:
    """An int in [least, most], from a Python or NumPy integer. Raises ValueError for anything else, also a bool."""
    is_int = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_int or not least <= value <= most:
        raise ValueError(f"{name} must be an integer from {least} to {most}. Received: {name}={value!r:.80}")
    return int(value)


def check_seconds(name: str, value) -> float:
    """A positive, finite number of seconds. Raises ValueError for anything else."""
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 < value <= MOST_SECONDS:
        raise ValueError(
            f"{name} must be a number of seconds, more than 0, at most {MOST_SECONDS:g}. Received: {name}={value!r:.80}"
        )
    return float(value)


def check_text(name: str, value, example: str) -> str:
    """A non-empty string. Raises ValueError for anything else."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a non-empty string, such as {example!r}. Received: {name}={value!r:.80}")
    return value


def check_version(value) -> int | str | None:
    """A version's number, its label, or None for the newest. Raises ValueError for anything else."""
    if value is None or isinstance(value, str) and value:
        return value
    is_int = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_int or not 1 <= value <= LARGEST_INT64:
        raise ValueError(
            "version must be an integer from 1, a label such as 'canary', or None for the newest. "
            f"Received: version={value!r:.80}"
        )
    return int(value)
