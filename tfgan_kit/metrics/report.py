"""An evaluation as one page of HTML, with all its pictures inside."""

import html
import itertools
import json
import math
import typing

from tfgan_kit.metrics.catalogue import MEASURES
from tfgan_kit.metrics.image_set import gather, real_batches, spread
from tfgan_kit.metrics.measures.memorisation import nearest_training
from tfgan_kit.metrics.page import figure_of, grid, plot, write_page
from tfgan_kit.metrics.protocol import differences

import numpy as np

GRID = 64  # images in a grid
NEIGHBOURS = 6  # of each of `ROWS` generated images
ROWS = 8

_COLOURS = {"good": "#3a7d44", "fair": "#d9a400", "bad": "#b3261e"}


def write_report(path, evaluation, source, title, facts=(), history=()):
    """Writes the page: what is good and what is not, values and floors, images beside real ones, curves, protocol.

    Args:
        path: the `.html` file, written under a temporary name, then renamed.
        evaluation: an `Evaluation`.
        source: the source it was measured on, whose reference images the neighbours are.
        title: str.
        facts: lines of text below it.
        history: dicts with "step", "metric", "value", "protocol", as in a run's metrics.jsonl: the curves.
    """
    sections = [
        *(f"<p class=verdict>{html.escape(text)}</p>" for text in collapse(evaluation)),
        _warnings(evaluation.results),
        _table(evaluation.results),
        _pictures(evaluation, source),
    ]
    if evaluation.generated.samples.ndim == 4:
        sections.append(_neighbours(evaluation, source))
    sections += [_curves(evaluation.results, history), _losses(history), _protocols(evaluation.results)]
    write_page(path, title, facts, sections)


# What is good and what is not


class Verdict(typing.NamedTuple):
    """How a value stands beside its floor, the same metric of real images against real images.

    kind: "good", "fair" or "bad".
    share: float in [0, 1], the length of the bar: 1 is as good as real images.
    sentence: str.
    """

    kind: str
    share: float
    sentence: str


def verdict(best, value, floor):
    """The `Verdict` of a value; None where value and floor cannot be compared.

    Args:
        best: "lowest", "highest", or the best number as a text, as in `catalogue.Measure`.
        value, floor: floats.
    """
    if not (math.isfinite(value) and math.isfinite(floor)):
        return None
    if best == "highest":
        if floor <= 0:
            return None
        share = min(max(value / floor, 0.0), 1.0)
        return Verdict(_kind(share), share, f"{share:.0%} of what real images reach.")
    if best != "lowest":
        away, of_real = abs(value - float(best)), abs(floor - float(best))
        usual = max(of_real, 0.1 * float(best) or 1.0)  # the best 0 is a z's, whose unit is one deviation
        share = min(usual / away, 1.0) if away else 1.0
        return Verdict(_kind(share), share, f"{away:.3g} from the best, {best}; real images are {of_real:.3g} from it.")
    if value <= floor:
        return Verdict("good", 1.0, "As low as real images against real images.")
    if floor <= 0:
        return None
    times = value / floor
    return Verdict(_kind(1 / times), 1 / times, f"{times:.3g} times what real images have against real images.")


def _kind(share):
    return "good" if share >= 0.8 else "fair" if share >= 0.3 else "bad"


_FEW = 0.25


def collapse(evaluation):
    """Sentences about a generator whose images are nearly one image, or that leaves out most of the real ones."""
    sets = [evaluation.generated.samples, evaluation.reference.samples]
    generated, real = (_mean_distance(samples.reshape(len(samples), -1).astype(np.float64)) for samples in sets)
    sentences = []
    if generated < _FEW * real:
        sentences.append(
            "Collapsed: the generated images are nearly one image. Two of them are "
            f"{generated / real:.1%} as far apart as two real ones, pixel by pixel."
        )
    for result in evaluation.results:
        if result["measure"] in ("recall", "coverage") and result["value"] < _FEW * result["floor"]:
            sentences.append(
                f"Little variety, or far from the data: {result['metric']} is {result['value']:.2g}, where real images "
                f"reach {result['floor']:.2g}: most kinds of real images are not generated."
            )
    return sentences


def _mean_distance(rows):
    """The root of the mean squared distance of two different rows."""
    return math.sqrt(2.0 * rows.var(axis=0, ddof=1).sum())


def _table(results):
    return (
        "<h2>Figures</h2><table><tr class=head><th>figure<th>value<th>95 % interval<th>real against real<th>verdict"
        + "".join(map(_row, results))
        + "</table>"
    )


def _row(result):
    measure = MEASURES[result["measure"]]
    found = verdict(measure.best, result["value"], result["floor"])
    bar = "" if found is None else (
        f'<div class=bar><div style="width:{found.share:.0%};background:{_COLOURS[found.kind]}"></div></div>'
        f"{found.kind}: {html.escape(found.sentence)}"
    )  # fmt: skip
    return (
        f"<tr><td><b>{html.escape(result['metric'])}</b><small>{html.escape(measure.description)}; "
        f"best: {html.escape(measure.best)}</small>"
        f'<td class=number data-name="value">{_number(result["value"])}'
        f'<td class=number data-name="95 % interval">{_spread(result)}'
        f'<td class=number data-name="real against real">{_number(result["floor"])}<td>{bar}'
    )


def _number(value):
    return f"{value:.4g}"


def _spread(result):
    if "interval" in result:
        return "{:.4g} to {:.4g}".format(*result["interval"])
    return f"deviation {result['std']:.3g}" if "std" in result else ""


def _warnings(results):
    texts = dict.fromkeys(text for result in results for text in result["protocol"]["warnings"])
    return "".join(f"<p class=warning>{html.escape(text)}</p>" for text in texts)


def _pictures(evaluation, source):
    generated, reference = evaluation.generated.samples, evaluation.split.reference
    if generated.ndim == 2:
        picture = plot(_scatter, generated, evaluation.reference.samples)
        return "<h2>Points</h2>" + figure_of(picture, "Real and generated points.")
    generated, labels = generated[:GRID], evaluation.generated.labels
    order, caption = np.arange(len(generated)), "the first of the seed, none left out"
    chosen = reference[spread(len(reference), len(generated))]
    if labels is not None:
        labels = labels[: len(generated)]
        order, caption = np.argsort(labels, kind="stable"), "the first of the seed, by class"
        chosen = _of_classes(source.labels[reference], labels[order], reference)
    return (
        "<h2>Images</h2><div class=pair>"
        + figure_of(grid(generated[order]), f"Generated, {caption}.")
        + figure_of(grid(_real(source, chosen)), "Real, of the whole reference, in the same order.")
        + "</div>"
    )


def _of_classes(labels, asked, indices):
    """An index for each label that is asked for, of a real image with that label where there is one, in turn."""
    turns = {label: itertools.cycle(indices[labels == label]) for label in np.unique(labels)}
    others = itertools.cycle(indices)
    return np.array([next(turns.get(label, others)) for label in asked])


def _neighbours(evaluation, source):
    """Each of a few generated images, and the real ones nearest to it."""
    count = min(NEIGHBOURS, evaluation.reference.count)
    images = evaluation.generated.samples[:ROWS]
    if evaluation.extractor is not None:
        nearest, _ = nearest_training(
            evaluation.generated.features[: len(images)], evaluation.reference.features, count
        )
        by = f"by the features of {evaluation.extractor.name}"
    else:
        reference = evaluation.reference.samples
        flat = [part.reshape(len(part), -1).astype(np.float32) for part in (images, reference)]
        nearest, _ = nearest_training(*flat, min(count, len(reference)))
        by = f"by pixels, among {len(reference)}"
    real = [_real(source, evaluation.split.reference[row]) for row in nearest]
    rows = [np.concatenate([image[None], others]) for image, others in zip(images, real, strict=True)]
    caption = f"Left a generated image, then the real ones of the reference that are nearest to it, {by}."
    return "<h2>Nearest real images</h2>" + figure_of(grid(np.concatenate(rows), rows[0].shape[0]), caption)


def _real(source, indices):
    return gather(real_batches(source, indices)).samples


def _curves(results, history):
    """The values of this run's checkpoints by step, of metrics that were measured more than once."""
    floors = {result["metric"]: result["floor"] for result in results}
    protocols = {result["metric"]: result["protocol"] for result in results}
    lines = {}
    for line in history:
        name, protocol = line["metric"], line["protocol"]
        if name in protocols and isinstance(protocol, dict) and not differences(protocol, protocols[name]):
            lines.setdefault(name, {})[line["step"]] = line["value"]
    lines = {name: by_step for name, by_step in lines.items() if len(by_step) > 1}
    if not lines:
        return ""
    picture = plot(_draw_curves, lines, floors)
    return "<h2>Checkpoints</h2>" + figure_of(picture, "Each figure by step. Dotted: real against real.", wide=True)


def _draw_curves(figure, lines, floors):
    figure.set_size_inches(10, 2.6 * -(-len(lines) // 2))
    for k, (name, by_step) in enumerate(lines.items(), start=1):
        axes = figure.add_subplot(-(-len(lines) // 2), 2, k)
        axes.plot(*zip(*sorted(by_step.items()), strict=True), marker="o")
        axes.axhline(floors[name], linestyle=":", color="grey")
        axes.set(title=name, xlabel="step")


def _losses(history):
    """The players' losses, means of an epoch each, by step."""
    lines = {}
    for line in history:
        if line["metric"] in ("d_loss", "g_loss") and math.isfinite(line["value"]):
            lines.setdefault(line["metric"], {})[line["step"]] = line["value"]
    if max(map(len, lines.values()), default=0) < 2:
        return ""
    return "<h2>Losses</h2>" + figure_of(plot(_draw_losses, lines), "Means between two checkpoints.", wide=True)


def _draw_losses(figure, lines):
    figure.set_size_inches(10, 3)
    axes = figure.add_subplot()
    for name, by_step in sorted(lines.items()):
        axes.plot(*zip(*sorted(by_step.items()), strict=True), label=name)
    axes.set(xlabel="step")
    axes.legend()


def _scatter(figure, generated, reference):
    figure.set_size_inches(6, 6)
    axes = figure.add_subplot()
    for points, label in ((reference, "real"), (generated, "generated")):
        axes.plot(points[:, 0], points[:, -1], ".", markersize=2, label=label)
    axes.legend()


def _protocols(results):
    text = json.dumps({result["metric"]: result for result in results}, indent=2)
    return (
        "<h2>Protocol</h2><details><summary>All that decides the values</summary><pre>"
        f"{html.escape(text)}</pre></details>"
    )
