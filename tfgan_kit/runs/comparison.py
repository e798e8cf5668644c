"""Several runs side by side: what differs between them, their values where protocols agree, their curves."""

import html
import math
import typing

from tfgan_kit.metrics.catalogue import MEASURES
from tfgan_kit.metrics.page import figure_of, grid, plot, write_page
from tfgan_kit.metrics.protocol import differences
from tfgan_kit.runs.history import is_of

LOSSES = ("d_loss", "g_loss")


class Curve(typing.NamedTuple):
    """A metric of one run.

    Attributes:
        values: dict, step -> float, of the run's newest protocol.
        protocol: dict, or a text.
    """

    values: dict
    protocol: typing.Any

    @property
    def newest(self):
        """(step, value) of the last measurement."""
        step = max(self.values)
        return step, self.values[step]

    @property
    def best(self):
        """(step, value) of the best finite value; the newest where none is finite."""
        aim = self.protocol.get("best", "lowest") if isinstance(self.protocol, dict) else "lowest"
        finite = [(step, value) for step, value in self.values.items() if math.isfinite(value)]
        return min(finite, key=lambda point: _regret(aim, point[1]), default=self.newest)


def _regret(aim, value):
    if aim in ("lowest", "highest"):
        return value if aim == "lowest" else -value
    return abs(value - float(aim))


class Comparison:
    """The measurements of several runs, with the first run's protocol of each metric as the one to compare by.

    Args:
        runs: dict, a name -> `Run`, at least two.

    Attributes:
        curves: dict, metric -> dict, name -> `Curve`, of every metric that a run measured.
        apart: dict, metric -> dict, name -> list of texts, where a run's protocol differs from the first one's.
        settings: dict, flag -> list of its values, one a run, of the flags of `train` that differ.

    Example::

        comparison = Comparison({"a": Run("runs/a"), "b": Run("runs/b")})
        print(comparison.table())
    """

    def __init__(self, runs):
        self.names = list(runs)
        measured = {name: _curves(run.read_metrics()) for name, run in runs.items()}
        metrics = dict.fromkeys(metric for curves in measured.values() for metric in curves)
        self.curves = {
            metric: {name: curves[metric] for name, curves in measured.items() if metric in curves}
            for metric in metrics
        }
        self.apart = {metric: _apart(curves) for metric, curves in self.curves.items()}
        self.settings = _settings([(run.read_config() or {}).get("flags", {}) for run in runs.values()])

    def comparable(self, metric):
        """name -> `Curve` of the runs whose values of a metric may be compared with the first one's."""
        return {name: curve for name, curve in self.curves[metric].items() if name not in self.apart[metric]}

    @property
    def figures(self):
        """The metrics that `evaluate` measures, without losses and other logs."""
        return [metric for metric in self.curves if any(is_of(metric, measure) for measure in (*MEASURES, "fid50k"))]

    def table(self):
        """Plain text: a row a run with its best value of each metric and that step, then what cannot be compared."""
        return "\n".join([*_aligned(self._rows()), *self.notes(), *self.differing()])

    def _rows(self):
        yield ["run", *self.figures]
        for name in self.names:
            yield [name, *(self._cell(metric, name) for metric in self.figures)]

    def _cell(self, metric, name):
        if name not in self.curves[metric]:
            return "-"
        step, value = self.curves[metric][name].best
        return f"{value:.4g} (step {step})" + (" *" if name in self.apart[metric] else "")

    def notes(self):
        """A line for each value that was measured by another protocol than the first run's."""
        return [
            f"* {metric} of {name} is by another protocol and cannot be compared: {'; '.join(found)}"
            for metric in self.figures
            for name, found in self.apart[metric].items()
        ]

    def differing(self):
        """A line for each flag of `train` that differs."""
        return [f"--{flag}: {', '.join(values)}" for flag, values in self.settings.items()]

    def write_page(self, path, samples=None):
        """Writes the table, the curves over one another and the samples as one page.

        Args:
            path: the `.html` file.
            samples: dict, name -> uint8 (N, H, W, C), images of the same seeds; or None.
        """
        facts = [f"{len(self.names)} runs, the best value of each; steps in parentheses.", *self.notes()]
        sections = [_html_table(list(self._rows())), self._settings_table(), self._drawn_curves()]
        if samples:
            grids = [
                figure_of(grid(images), f"{name}, images of the same seeds, in the same places.")
                for name, images in samples.items()
            ]
            sections.append("<h2>Images</h2><div class=pair>" + "".join(grids) + "</div>")
        write_page(path, f"Runs compared: {', '.join(self.names)}", facts, sections)

    def _settings_table(self):
        if not self.settings:
            return ""
        rows = [["flag", *self.names], *([f"--{flag}", *values] for flag, values in self.settings.items())]
        return "<h2>What differs</h2>" + _html_table(rows)

    def _drawn_curves(self):
        shown = [
            metric
            for metric in [*self.figures, *(loss for loss in LOSSES if loss in self.curves)]
            if max(len(curve.values) for curve in self.comparable(metric).values()) > 1
        ]
        if not shown:
            return ""
        picture = plot(self._draw, shown)
        return "<h2>Curves</h2>" + figure_of(picture, "By training step, of runs measured alike.", wide=True)

    def _draw(self, figure, metrics):
        rows = -(-len(metrics) // 2)
        figure.set_size_inches(10, 3 * rows)
        for k, metric in enumerate(metrics, start=1):
            axes = figure.add_subplot(rows, 2, k)
            for name, curve in self.comparable(metric).items():
                axes.plot(*zip(*sorted(curve.values.items()), strict=True), label=name, marker=".")
            axes.set(title=metric, xlabel="step")
            axes.legend()


def _curves(lines):
    """metric -> `Curve` of a run's lines: of each metric the values by its newest protocol."""
    newest = {line["metric"]: line["protocol"] for line in lines}
    curves = {metric: Curve({}, protocol) for metric, protocol in newest.items()}
    for line in lines:
        if not _differences(line["protocol"], newest[line["metric"]]):
            curves[line["metric"]].values[line["step"]] = line["value"]
    return curves


def _apart(curves):
    """name -> how its protocol differs from the first one's, where it does."""
    first, *_ = curves.values()
    found = {name: _differences(first.protocol, curve.protocol) for name, curve in curves.items()}
    return {name: texts for name, texts in found.items() if texts}


def _differences(protocol, other):
    if isinstance(protocol, dict) and isinstance(other, dict):
        return differences(protocol, other)
    return [] if protocol == other else ["it is stated in another form"]


def _settings(flags):
    names = dict.fromkeys(name for each in flags for name in each)
    values = {name: [_as_given(each.get(name)) for each in flags] for name in names}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found)}


def _as_given(value):
    """A flag's value as it is typed."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _aligned(rows):
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _html_table(rows):
    head, *others = [[html.escape(cell) for cell in row] for row in rows]
    lines = ["<table><tr class=head>" + "".join(f"<th>{cell}" for cell in head)]
    for first, *cells in others:
        named = "".join(
            f'<td class=number data-name="{name}">{cell}' for name, cell in zip(head[1:], cells, strict=True)
        )
        lines.append(f"<tr><td><b>{first}</b>{named}")
    return "\n".join([*lines, "</table>"])
