"""The results of a load test: a table, a record, a plot, and the load up to which the target was met."""

import math

from tfgan_kit_client.load.steps import QUANTILES, Step

LOOPS = {
    "closed": ("callers", "closed loop: a caller sends when its last answer is there"),
    "open": ("requests/s", "open loop: Poisson, latency from when a request was due"),
}
_COLUMNS = ("answered", "errors", "images/s", *(f"{name} ms" for name in QUANTILES))


def header(loop: str, target_ms: float) -> str:
    """The head of a loop's table."""
    unit, title = LOOPS[loop]
    names = "".join(f"{name:>10}" for name in (unit, *_COLUMNS))
    return f"{title}\n{names}   99 % in {target_ms:g} ms"


def row(step: Step, target_ms: float) -> str:
    """A step's row of the table."""
    cells = [f"{step.load:g}", len(step.latencies), sum(step.errors.values())]
    cells += [f"{step.images_per_second:.1f}", *(f"{ms:.1f}" for ms in step.milliseconds.values())]
    codes = ", ".join(f"{number} {name}" for name, number in sorted(step.errors.items()))
    return "".join(f"{cell:>10}" for cell in cells) + f"   {'yes' if step.meets(target_ms) else 'no':4}{codes}"


def last_met(steps: list[Step], target_ms: float) -> Step | None:
    """The highest load of a loop up to which every step met the target; None if the lowest did not."""
    met = None
    for step in sorted(steps, key=lambda step: step.load):
        if not step.meets(target_ms):
            break
        met = step
    return met


def record(steps: list[Step]) -> list[dict]:
    """The steps as JSON objects."""
    return [
        {
            "loop": step.loop,
            "load": step.load,
            "load_unit": LOOPS[step.loop][0],
            "rows": step.rows,
            "seconds": round(step.seconds, 3),
            "answered": len(step.latencies),
            "errors": step.errors,
            "first_error_of_a_code": step.words,
            "images_per_second": round(step.images_per_second, 2),
            "latency_ms": {name: None if math.isnan(ms) else round(ms, 3) for name, ms in step.milliseconds.items()},
            "sender_late_p99_ms": round(1e3 * step.late, 3),
        }
        for step in steps
    ]


def draw(path, steps: list[Step], target_ms: float, title: str) -> None:
    """Writes a plot: latency quantiles above, throughput below, one column per loop."""
    from matplotlib.figure import Figure  # takes half a second to import

    loops = [loop for loop in LOOPS if any(step.loop == loop for step in steps)]
    figure = Figure(figsize=(6 * len(loops), 7), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(2, len(loops), sharex="col", squeeze=False)
    for column, loop in enumerate(loops):
        ours = sorted((step for step in steps if step.loop == loop), key=lambda step: step.load)
        _draw_latency(axes[0, column], ours, target_ms)
        _draw_throughput(axes[1, column], ours)
        axes[0, column].set_title(LOOPS[loop][1], fontsize="medium")
        axes[1, column].set_xlabel(LOOPS[loop][0])
        _label_loads(axes[1, column], [step.load for step in ours])
    figure.savefig(path, dpi=110)


def _label_loads(axis, loads):
    """Labels the loads that were measured, except where labels would overlap."""
    axis.set_xscale("log")
    axis.minorticks_off()
    apart = loads[:1]
    for load in loads[1:]:
        if load >= 1.2 * apart[-1]:
            apart.append(load)
    axis.set_xticks(apart, [f"{load:g}" for load in apart])


def _draw_latency(axis, steps, target_ms):
    loads = [step.load for step in steps]
    for name in QUANTILES:
        axis.plot(loads, [step.milliseconds[name] for step in steps], marker="o", label=name)
    axis.axhline(target_ms, color="grey", linestyle="--", label=f"target, {target_ms:g} ms")
    axis.set_yscale("log")
    axis.set_ylabel("latency of answered requests, ms")
    axis.grid(alpha=0.3)
    axis.legend()


def _draw_throughput(axis, steps):
    loads = [step.load for step in steps]
    answered = [step.images_per_second for step in steps]
    failed = [step.rows * sum(step.errors.values()) / step.seconds for step in steps]
    axis.plot(loads, answered, marker="o", label="answered")
    if any(failed):
        axis.plot(loads, failed, marker="x", color="tab:red", label="failed")
    if steps[0].loop == "open":
        axis.plot(loads, [step.load * step.rows for step in steps], "--", color="grey", label="asked for")
    axis.set_ylim(bottom=0)
    axis.set_ylabel("images/s")
    axis.grid(alpha=0.3)
    axis.legend()
