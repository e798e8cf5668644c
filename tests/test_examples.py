"""The examples of the docstrings run, and print what they say.

An example finds the names of its own module, `gk`, `np`, `tf`, `keras`, and the small objects that `ready` makes. It
runs in an empty folder. `...` in an output stands for anything.
"""

import contextlib
import doctest
import importlib
import inspect
import io
import pathlib
import re

import tfgan_kit as gk
from tfgan_kit.generation.generative_model import GenerativeModel

import keras
import numpy as np
import pytest
import tensorflow as tf

ROOT = pathlib.Path(__file__).parent.parent
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(module):
    return ".".join(module.split(".")[:2])


MODULES = [
    name_of(path)
    for package in ("tfgan_kit", "tfgan_kit_client")
    for path in sorted((ROOT / package).rglob("*.py"))
    if path.name != "__main__.py" and ">>>" in path.read_text()
]


def compiled_gan():
    gan = gk.GAN(gk.networks.DCGANGenerator(8, 1, latent_dim=4, width=2), gk.networks.DCGANDiscriminator(8, 1, width=2))
    gan.compile("adam", "adam")
    return gan


def style_model():
    """A `GenerativeModel` of a StyleGAN: 8 latents, 16 pixels."""
    return GenerativeModel.of(
        gk.networks.StyleGAN2Generator(16, latent_dim=8, w_dim=8, mapping_layers=1, channel_base=64, channel_max=4)
    )


def ready(modules):
    """What the examples of these modules may use without making it, by name."""
    random = np.random.default_rng(0)
    images, held_out_images = random.integers(0, 256, (2, 32, 8, 8, 1), np.uint8)
    np.savez("images.npz", images=images)
    text = "".join(inspect.getsource(importlib.import_module(module)) for module in modules)
    return {
        "gk": gk,
        "np": np,
        "tf": tf,
        "keras": keras,
        "gan": compiled_gan() if re.search(r"(>>>|\.\.\.).*\bgan\b", text) else None,
        "style_model": style_model() if re.search(r"(>>>|\.\.\.).*\bstyle_model\b", text) else None,
        "images": images,
        "held_out_images": held_out_images,
        "dataset": gk.data.from_arrays(images, batch_size=8),
        "source": gk.data.open_source("npz:images.npz"),
        "latents": random.normal(size=(8, 4)).astype(np.float32),
        "real_points": random.normal(size=(64, 2)).astype(np.float32),
        "generated_points": (random.normal(size=(64, 2)) + 1.0).astype(np.float32),
        "real_features": random.normal(size=(64, 8)).astype(np.float32),
        "generated_features": (random.normal(size=(64, 8)) + 1.0).astype(np.float32),
    }


@pytest.fixture
def quiet():
    """Without the progress that `fit` prints."""
    keras.config.disable_interactive_logging()
    yield
    keras.config.enable_interactive_logging()


def failures(module, objects):
    """A report of the examples of a module that fail, a text."""
    runner, report = doctest.DocTestRunner(optionflags=FLAGS), io.StringIO()
    found = importlib.import_module(module)
    for test in doctest.DocTestFinder(exclude_empty=True).find(found, module, extraglobs=objects):
        runner.run(test, out=report.write)
    return report.getvalue()


# Those of training, exports and estimators take up to ten seconds a package.
SLOW = {f"tfgan_kit.{name}" for name in ("callbacks", "divergences", "dynamics", "export")}
PACKAGES = [
    pytest.param(package, marks=[pytest.mark.slow] if package in SLOW else [])
    for package in sorted({package_of(module) for module in MODULES})
]


@pytest.mark.thorough
@pytest.mark.parametrize("package", PACKAGES)
def test_examples_print_what_they_say(package, quiet, tmp_path):
    with contextlib.chdir(tmp_path):
        modules = [module for module in MODULES if package_of(module) == package]
        objects = ready(modules)
        reports = [failures(module, objects) for module in modules]
    assert "".join(reports) == ""
