"""The check of a law on finitely many atoms."""

from tfgan_kit.divergences.samples import real_numbers

import numpy as np

TOLERANCE = 1e-6  # a float32 softmax over thousands of classes sums to 1 within this


def checked_law(name, law, count=None):
    """A law as float64 (K,), divided by its sum to make that exactly 1.

    Args:
        name: str, the caller's name of the argument, for the message.
        law: probabilities.
        count: int, the required K, the number of points; None allows any.

    Raises:
        ValueError: another rank or length, NaN, a negative probability, or a sum that is not 1 within 1e-6.
    """
    law = real_numbers(law).astype(np.float64, copy=False)
    if law.ndim != 1 or not len(law) or count not in (None, len(law)):
        shape = "(K,), K >= 1" if count is None else f"({count},), one for each point"
        raise ValueError(f"Probabilities have the shape {shape}. Received: {name}.shape={law.shape}")
    if not np.isfinite(law).all() or (law < 0).any():
        raise ValueError(
            "Probabilities must be finite and at least 0, not logits. Received: "
            f"{name}={law[~np.isfinite(law) | (law < 0)][:8]} among {len(law)}"
        )
    if abs(law.sum() - 1) > TOLERANCE:
        raise ValueError(
            "Probabilities must sum to 1: divide by the sum, or use `law_from_counts`. "
            f"Received: {name}.sum()={law.sum():.9g}"
        )
    return law / law.sum()
