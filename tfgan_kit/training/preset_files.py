"""A GAN as a folder to share, in the layout of KerasHub's presets: what a `.keras` file holds, and a model card.

config.json  metadata.json  model.weights.h5    the members of a `.keras` file
samples.png                                     the images of the seeds 0 to 63, not chosen
README.md                                       the model card
"""

import pathlib
import shutil
import tempfile
import zipfile

from tfgan_kit.files import cache_path, here, sha256, whole

import numpy as np

from tfgan_kit_client.pictures import tile, write_png

MEMBERS = ("config.json", "metadata.json", "model.weights.h5")
CARD, SAMPLES = "README.md", "samples.png"
NUM_SAMPLES = 64
_STORED = (1980, 1, 1, 0, 0, 0)  # a fixed date, so that the same files are the same bytes


def is_preset(path):
    """Whether a folder holds all that a `.keras` file does."""
    return all((pathlib.Path(path) / name).is_file() for name in MEMBERS)


def write(gan, preset_dir, card=None):
    """Writes a GAN as a preset's folder; see `GAN.save_to_preset`.

    Raises:
        ValueError: a folder that holds something else.
    """
    folder = pathlib.Path(preset_dir)
    strange = sorted({path.name for path in folder.iterdir()} - {*MEMBERS, CARD, SAMPLES}) if folder.is_dir() else []
    if strange or folder.is_file():
        raise ValueError(
            "A preset has a folder of its own: give a new one, or an earlier preset's, which it replaces. Received: "
            f"preset_dir={preset_dir}" + (f", which holds {', '.join(strange[:3])}" if strange else ", a file")
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = folder.with_name(f".{folder.name}-{here()}")
    try:
        new.mkdir()
        _write_members(gan, new)
        _write_samples(gan, new / SAMPLES)
        (new / CARD).write_text(card or plain_card(gan, folder.name))
        if folder.is_dir():
            shutil.rmtree(folder)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _write_members(gan, folder):
    with tempfile.TemporaryDirectory(dir=folder) as inside:
        gan.save(f"{inside}/gan.keras")
        with zipfile.ZipFile(f"{inside}/gan.keras") as archive:
            archive.extractall(folder, MEMBERS)


def _write_samples(gan, path):
    if len(gan.image_shape) == 3:
        labels = None if gan.num_classes is None else np.arange(NUM_SAMPLES) % gan.num_classes
        write_png(path, tile(gan.generate(NUM_SAMPLES, seed=0, labels=labels)))


def packed(folder):
    """The `.keras` file of a preset's folder, in the cache, under the hash of what it holds.

    Raises:
        OSError: it cannot be read, or the cache not written.
    """
    folder = pathlib.Path(folder)
    name = "-".join(sha256(folder / member)[:16] for member in MEMBERS)
    path = cache_path("presets", f"{name}.keras")
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for member in MEMBERS:
                with archive.open(zipfile.ZipInfo(member, _STORED), "w", force_zip64=True) as file:
                    with open(folder / member, "rb") as content:
                        shutil.copyfileobj(content, file)
    return path


def plain_card(gan, name):
    """The model card of a GAN of which nothing else is known."""
    return card_of(name, "unknown", facts_of(gan))


def facts_of(gan):
    """Sentences about a GAN, for its card."""
    shape = " x ".join(map(str, gan.image_shape))
    of_classes = "" if gan.num_classes is None else f", of {gan.num_classes} classes"
    networks = f"{type(gan.generator).__name__} and {type(gan.discriminator).__name__}"
    counts = [sum(int(np.prod(w.shape)) for w in network.weights) for network in (gan.generator, gan.discriminator)]
    return [
        f"Samples of {shape}{of_classes}, from {gan.latent_dim} latents.",
        f"{networks}, {counts[0]:,} and {counts[1]:,} weights, trained for {gan.steps_trained:,} steps.",
    ]


def card_of(name, licence, facts, figures=(), intended_use=None):
    """The text of a model card, as the Hugging Face Hub reads it.

    Args:
        name: str, the preset's.
        licence: str, an identifier of https://hf.co/docs/hub/repositories-licenses, or "unknown".
        facts: lines of text.
        figures: lines of Markdown, a table of what was measured.
        intended_use: str, or None.
    """
    use = intended_use or "Not stated by who shared it."
    measured = "\n".join(figures) or "Nothing was measured."
    return f"""---
license: {licence}
library_name: keras
pipeline_tag: unconditional-image-generation
tags: [gan, tensorflow, tfgan_kit]
---
# {name}

![The images of the seeds 0 to 63, not chosen]({SAMPLES})

```python
import tfgan_kit as gk
gan = gk.from_preset("hf://USER/{name}")  # or the path of this folder
images = gan.generate(16, seed=0)  # uint8 (N, H, W, C)
```

## What it is

{" ".join(facts)}

## Figures

{measured}

## Intended use

{use}

Loading it runs no code of this folder: its classes are those of tfgan_kit and Keras, or of a module that you import
first.
"""
