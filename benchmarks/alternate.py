"""Times contestants by taking turns, step by step: a drifting machine drifts for all alike."""

import time

import numpy as np


def alternate(contestants, rounds, warmup=5, before=None):
    """Seconds of every contestant in every round.

    Args:
        contestants: dict name -> callable without arguments that does one unit of work and waits
            for its end.
        rounds: int, timed turns of each.
        warmup: int, turns of each before, not timed.
        before: None, or a callable that is given the name of the one whose timed turn is next.

    Returns:
        dict name -> float64 array (rounds,).
    """
    for _ in range(warmup):
        for run in contestants.values():
            run()
    seconds = {name: [] for name in contestants}
    names = list(contestants)
    for k in range(rounds):
        for name in names if k % 2 == 0 else reversed(names):  # no one always goes first
            if before:
                before(name)
            started = time.perf_counter()
            contestants[name]()
            seconds[name].append(time.perf_counter() - started)
    return {name: np.array(values) for name, values in seconds.items()}


def ratio(baseline, ours):
    """Median and quartiles of baseline / ours, round by round: above 1 we are faster."""
    low, median, high = np.percentile(baseline / ours, [25, 50, 75])
    return f"{median:.3f} (quartiles {low:.3f} to {high:.3f})"
