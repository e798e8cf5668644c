"""An evaluation as one page of HTML, with all its pictures inside."""

import base64
import html
import io
import itertools
import json
import math
import typing

from tfgan_kit.files import write_text
from tfgan_kit.metrics.catalogue import MEASURES
from tfgan_kit.metrics.image_set import gather, real_batches, spread
from tfgan_kit.metrics.measures.memorisation import nearest_training
from tfgan_kit.metrics.protocol import differences

import numpy as np

from tfgan_kit_client.pictures import encode_png, tile

GRID = 64  # images in a grid
NEIGHBOURS = 6  # of each of `ROWS` generated images
ROWS = 8
_SMALLEST_SIDE = 384  # pixels on the page: small images are enlarged, pixel by pixel

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #222 }}
body {{ overflow-wrap: anywhere }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .4em .8em .4em 0; border-bottom: 1px solid #ddd; vertical-align: top }}
td.number {{ font-variant-numeric: tabular-nums; white-space: nowrap }}
td small {{ color: #555; display: block }}
img {{ image-rendering: pixelated; width: 100% }}
figure {{ margin: 0 0 1em; max-width: 640px }}
figure.wide {{ max-width: 100% }}
.pair {{ display: grid; grid-template-columns: 1fr 1fr; gap: 1em }}
figcaption {{ color: #555; max-width: 34em }}
.bar {{ background: #eee; height: .7em; width: 12em; max-width: 100%; margin: .35em 0 }}
.bar div {{ height: 100% }}
.verdict, .warning {{ background: #fff4d6; padding: .4em .8em; margin: .3em 0 }}
pre {{ background: #f6f6f6; padding: .8em; white-space: pre-wrap; font-size: 12px }}
@media (max-width: 640px) {{
  tr.head {{ display: none }}
  tr, td {{ display: block; border: 0; padding: .1em 0 }}
  tr {{ border-bottom: 1px solid #ddd; padding: .5em 0 }}
  td[data-name]:not(:empty)::before {{ content: attr(data-name) ": "; color: #555 }}
}}
</style>
<h1>{title}</h1>
<p>{facts}</p>
{sections}
</html>
"""
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
    write_text(
        path,
        _PAGE.format(
            title=html.escape(title), facts="<br>".join(map(html.escape, facts)), sections="\n".join(sections)
        ),
    )


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
        picture = _plot(_scatter, generated, evaluation.reference.samples)
        return "<h2>Points</h2>" + _figure(picture, "Real and generated points.")
    generated, labels = generated[:GRID], evaluation.generated.labels
    order, caption = np.arange(len(generated)), "the first of the seed, none left out"
    chosen = reference[spread(len(reference), len(generated))]
    if labels is not None:
        labels = labels[: len(generated)]
        order, caption = np.argsort(labels, kind="stable"), "the first of the seed, by class"
        chosen = _of_classes(source.labels[reference], labels[order], reference)
    return (
        "<h2>Images</h2><div class=pair>"
        + _figure(_grid(generated[order]), f"Generated, {caption}.")
        + _figure(_grid(_real(source, chosen)), "Real, of the whole reference, in the same order.")
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
    return "<h2>Nearest real images</h2>" + _figure(_grid(np.concatenate(rows), rows[0].shape[0]), caption)


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
    picture = _plot(_draw_curves, lines, floors)
    return "<h2>Checkpoints</h2>" + _figure(picture, "Each figure by step. Dotted: real against real.", wide=True)


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
    return "<h2>Losses</h2>" + _figure(_plot(_draw_losses, lines), "Means between two checkpoints.", wide=True)


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


def _plot(draw, *arguments):
    from matplotlib.figure import Figure  # no display, no global state; seconds to import

    figure, file = Figure(layout="constrained"), io.BytesIO()
    draw(figure, *arguments)
    figure.savefig(file, format="png")
    return file.getvalue()


def _grid(images, columns=None):
    picture = tile(images, columns)
    times = max(1, -(-_SMALLEST_SIDE // picture.shape[1]))
    return encode_png(picture.repeat(times, axis=0).repeat(times, axis=1))


def _figure(png, caption, wide=False):
    data, text = base64.b64encode(png).decode(), html.escape(caption)
    return (
        f"<figure{' class=wide' if wide else ''}>"
        f'<img src="data:image/png;base64,{data}" alt="{text}"><figcaption>{text}</figcaption></figure>'
    )
