"""A page of HTML that needs no other file: text, tables, and pictures inside it."""

import base64
import html
import io

from tfgan_kit.files import write_text

from tfgan_kit_client.pictures import encode_png, tile

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


def write_page(path, title, facts, sections):
    """Writes a page under a temporary name, then renames it.

    Args:
        path: the `.html` file.
        title: str.
        facts: lines of text below it.
        sections: lines of HTML.
    """
    text = _PAGE.format(
        title=html.escape(title), facts="<br>".join(map(html.escape, facts)), sections="\n".join(sections)
    )
    write_text(path, text)


def plot(draw, *arguments):
    """The PNG of what `draw(figure, *arguments)` draws into a figure of matplotlib."""
    from matplotlib.figure import Figure  # no display, no global state; seconds to import

    figure, file = Figure(layout="constrained"), io.BytesIO()
    draw(figure, *arguments)
    figure.savefig(file, format="png")
    return file.getvalue()


def grid(images, columns=None):
    """The PNG of a grid of uint8 images (N, H, W, C), enlarged pixel by pixel where it is small."""
    picture = tile(images, columns)
    times = max(1, -(-_SMALLEST_SIDE // picture.shape[1]))
    return encode_png(picture.repeat(times, axis=0).repeat(times, axis=1))


def figure_of(png, caption, wide=False):
    """The HTML of a picture with its caption, which is its text for screen readers, too."""
    data, text = base64.b64encode(png).decode(), html.escape(caption)
    return (
        f"<figure{' class=wide' if wide else ''}>"
        f'<img src="data:image/png;base64,{data}" alt="{text}"><figcaption>{text}</figcaption></figure>'
    )
