"""The best of a run's measured values, among values of one metric and protocol."""

import math

from tfgan_kit.metrics.protocol import differences

# Without a monitored metric, the first of these that was measured decides; for "fd" also "fd_domain_1250".
DECIDING = ("fid50k", "fd", "swd")
_ENTRIES = {"step": int, "metric": str, "value": int | float, "protocol": dict | str}  # of a line


def history(lines):
    """The measurements that decide which checkpoint is the best, oldest first.

    They are values of the metric that `callbacks.Evaluate` monitored last, or of the first of `DECIDING`
    that was measured, and comparable with its newest value.

    Args:
        lines: dicts of `Run.read_metrics`: step, metric, value, protocol; a monitored metric's also
            hold `"monitored": True`.

    Returns:
        A list of these dicts, at most one per step: the last that was measured.
    """
    newest = _newest(lines)
    if newest is None:
        return []
    alike = {
        line["step"]: line
        for line in lines
        if line["metric"] == newest["metric"] and comparable(line["protocol"], newest["protocol"])
    }
    return [alike[step] for step in sorted(alike)]


def check_line(line):
    """Refuses what is no line of `metrics.jsonl`.

    Args:
        line: the value of a line's JSON.

    Raises:
        ValueError: it is no dict, or lacks step (int), metric (text), value (number) or protocol (dict or text).
    """
    if not isinstance(line, dict):
        raise ValueError(f"a {type(line).__name__} is no measurement")
    for name, kinds in _ENTRIES.items():
        if not isinstance(line.get(name), kinds) or isinstance(line[name], bool):
            raise ValueError(f"its {name} is {line.get(name)!r:.80}")
    protocol = line["protocol"]
    for number in (line["value"], protocol.get("best") if isinstance(protocol, dict) else None):
        if number not in (None, "lowest", "highest"):
            try:
                float(number)
            except (TypeError, ValueError, OverflowError) as error:
                raise ValueError(f"{number!r:.80} is no number") from error


def ranked(lines):
    """`history` without NaN and infinities, the best first; equal values by step."""
    return sorted((line for line in history(lines) if math.isfinite(line["value"])), key=_regret)


def waited(lines):
    """int, measurements in `history` since the best one; all of them if none is finite."""
    found, best = history(lines), ranked(lines)
    return len(found) - (found.index(best[0]) + 1 if best else 0)


def comparable(protocol, other):
    """Whether values of these protocols (dicts, or texts) can be compared."""
    if isinstance(protocol, dict) and isinstance(other, dict):
        return not differences(protocol, other)
    return protocol == other


def _newest(lines):
    """The newest line of the deciding metric, or None."""
    monitored = [line for line in lines if line.get("monitored")]
    if monitored:
        return monitored[-1]
    for name in DECIDING:
        found = [line for line in lines if is_of(line["metric"], name)]
        if found:
            return found[-1]
    return None


def is_of(metric, name):
    """Whether a metric has this name, or this name and a suffix: "swd_128" belongs to "swd"."""
    return metric == name or metric.startswith(f"{name}_")


def _regret(line):
    """The distance of a value from the best value of its metric, up to a constant."""
    value, protocol = line["value"], line["protocol"]
    best = protocol.get("best", "lowest") if isinstance(protocol, dict) else "lowest"
    if best in ("lowest", "highest"):
        return value if best == "lowest" else -value
    return abs(value - float(best))
