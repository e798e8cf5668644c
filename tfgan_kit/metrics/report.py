"""An evaluation as one page of HTML, with all its pictures inside."""

import base64
import html
import io
import json

from tfgan_kit.files import write_text
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
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #222 }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .3em .8em .3em 0; border-bottom: 1px solid #ddd; vertical-align: top }}
td.number {{ font-variant-numeric: tabular-nums; white-space: nowrap }}
img {{ image-rendering: pixelated; max-width: 100% }}
figure {{ display: inline-block; margin: 0 1.5em 1em 0; vertical-align: top; max-width: 100% }}
figcaption {{ color: #555; max-width: 34em }}
.warning {{ background: #fff4d6; padding: .4em .8em; margin: .3em 0 }}
pre {{ background: #f6f6f6; padding: .8em; overflow-x: auto; font-size: 12px }}
</style>
<h1>{title}</h1>
<p>{facts}</p>
{sections}
</html>
"""


def write_report(path, evaluation, source, title, facts=(), history=()):
    """Writes the page: values and floors, warnings, images beside real ones, neighbours, curves, protocol.

    Args:
        path: the `.html` file, written under a temporary name, then renamed.
        evaluation: an `Evaluation`.
        source: the source it was measured on, whose reference images the neighbours are.
        title: str.
        facts: lines of text below it.
        history: dicts with "step", "metric", "value", "protocol", as in a run's metrics.jsonl: the curves.
    """
    sections = [_table(evaluation.results), _warnings(evaluation.results), _pictures(evaluation, source)]
    if evaluation.generated.samples.ndim == 4:
        sections.append(_neighbours(evaluation, source))
    sections += [_curves(evaluation.results, history), _protocols(evaluation.results)]
    write_text(
        path,
        _PAGE.format(
            title=html.escape(title), facts="<br>".join(map(html.escape, facts)), sections="\n".join(sections)
        ),
    )


def _table(results):
    rows = "".join(
        f"<tr><td>{html.escape(r['metric'])}<td class=number>{_number(r['value'])}<td class=number>{_spread(r)}"
        f"<td class=number>{_number(r['floor'])}<td>{html.escape(r['protocol'].get('best', ''))}"
        for r in results
    )
    return (
        "<h2>Figures</h2><table><tr><th>metric<th>value<th>95 % interval<th>real against real<th>best"
        + rows
        + "</table>"
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
    return "\n".join(
        [
            "<h2>Images</h2>",
            _figure(_grid(generated[:GRID]), "Generated, the first of the seed, none left out."),
            _figure(_grid(_real(source, reference[spread(len(reference), GRID)])), "Real, of the whole reference."),
        ]
    )


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
    return "<h2>Checkpoints</h2>" + _figure(_plot(_draw_curves, lines, floors), "Dotted: real against real.")


def _draw_curves(figure, lines, floors):
    figure.set_size_inches(10, 2.6 * -(-len(lines) // 2))
    for k, (name, by_step) in enumerate(lines.items(), start=1):
        axes = figure.add_subplot(-(-len(lines) // 2), 2, k)
        axes.plot(*zip(*sorted(by_step.items()), strict=True), marker="o")
        axes.axhline(floors[name], linestyle=":", color="grey")
        axes.set(title=name, xlabel="step")


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


def _figure(png, caption):
    data = base64.b64encode(png).decode()
    return f'<figure><img src="data:image/png;base64,{data}"><figcaption>{html.escape(caption)}</figcaption></figure>'
