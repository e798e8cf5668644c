"""The points of all runs as a table, as two answers, and as a picture."""

import numpy as np


def curves(runs, times, metric):
    """A metric by contestant: dict name -> float64 (seeds, times)."""
    return {
        name: np.array([[point[metric] for point in points] for points in by_seed.values()])
        for name, by_seed in runs.items()
        if all(len(points) == len(times) for points in by_seed.values())
    }


def table(runs, times, names, metric):
    """Markdown: a row a contestant, lowest last value first; median (lowest to highest) over seeds."""
    values = curves(runs, times, metric)
    lines = [
        f"| {metric} at seconds of training | seeds | steps | " + " | ".join(f"{t:g}" for t in times) + " |",
        "| --- " * (len(times) + 3) + "|",
    ]
    for name in sorted(values, key=lambda name: np.median(values[name][:, -1])):
        steps = np.median([points[-1]["steps"] for points in runs[name].values()])
        cells = " | ".join(_spread(column) for column in values[name].T)
        lines.append(f"| {names[name]} | {len(values[name])} | {steps:.0f} | {cells} |")
    return "\n".join(lines)


def _spread(column):
    text = f"{np.median(column):.2f}"
    return text if len(column) == 1 else f"{text} ({column.min():.2f} to {column.max():.2f})"


def seconds_to_reach(times, values, target):
    """The first of `times` at which `values` is at or below `target`; None: at none.

    No interpolation between two measurements: the true moment is earlier, never later.
    """
    reached = np.flatnonzero(np.asarray(values) <= target)
    return times[reached[0]] if len(reached) else None


def answers(runs, times, metric, reference, ours):
    """How soon `ours` is where `reference` ends, and how much better it is at equal time: lines.

    Seed by seed where both have one: run k of the one beside run k of the other.
    """
    seeds = sorted(runs.get(reference, {}).keys() & runs.get(ours, {}).keys())
    if not seeds:
        return []
    values = curves({name: {s: runs[name][s] for s in seeds} for name in (reference, ours)}, times, metric)
    theirs, our = values[reference], values[ours]
    reached = [seconds_to_reach(times, row, end) for row, end in zip(our, theirs[:, -1], strict=True)]
    medians = seconds_to_reach(times, np.median(our, axis=0), np.median(theirs[:, -1]))
    ratios = theirs / our
    lines = [
        f"{metric}: {ours} is at or below {reference}'s median of {times[-1]:g} s at its checkpoint of "
        f"{_seconds(medians)}; seed by seed: {', '.join(map(_seconds, reached))}",
        f"{metric} of {reference} / {ours} at equal time, median over seeds (lowest to highest):",
    ]
    return lines + [f"  {t:5g} s: {_spread(column)}" for t, column in zip(times, ratios.T, strict=True)]


def _seconds(value):
    return "none" if value is None else f"{value:g} s"


def plot(path, runs, times, names, floors):
    """A panel a metric: a line a contestant over seconds, its range over seeds shaded, on a logarithmic scale."""
    from matplotlib.figure import Figure  # no display, no global state

    figure = Figure(figsize=(8, 5 * len(floors)), layout="constrained")
    for axes, (metric, floor) in zip(figure.subplots(len(floors), squeeze=False)[:, 0], floors.items(), strict=True):
        _draw(axes, curves(runs, times, metric), times, names, floor)
        axes.set(xlabel="seconds of training", ylabel=metric, yscale="log")
        axes.legend()
    figure.savefig(path, dpi=120)


def _draw(axes, found, times, names, floor):
    for name, values in found.items():
        (line,) = axes.plot(times, np.median(values, axis=0), marker="o", label=names[name])
        axes.fill_between(times, values.min(axis=0), values.max(axis=0), alpha=0.2, color=line.get_color())
    axes.axhline(floor, color="grey", linestyle=":", label="real test images")
