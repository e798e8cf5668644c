"""Generative adversarial networks for TensorFlow and Keras 3: train, measure, export, serve."""

import contextlib
import os
import sys
import warnings

from tfgan_kit import processor
from tfgan_kit.internals import release_0_1, start_up

__version__ = "0.1.0"

processor.switch_on_onednn()  # before TensorFlow is imported, which reads the setting then
_IS_COMMAND = sys.argv[:1] == ["-m"]  # python -m tfgan_kit.train: only its own output is shown
if _IS_COMMAND:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

_OTHER_BACKEND = (
    "tfgan_kit trains and exports with TensorFlow, but Keras is set to another backend. Unset "
    "KERAS_BACKEND, or set KERAS_BACKEND=tensorflow, before Python starts. Received: "
)
if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
    # Before Keras is imported, which fails if that backend is not installed.
    raise ImportError(f"{_OTHER_BACKEND}KERAS_BACKEND={os.environ['KERAS_BACKEND']!r}")

with start_up.silenced() if _IS_COMMAND else contextlib.nullcontext():
    import keras

if keras.backend.backend() != "tensorflow":
    raise ImportError(f"{_OTHER_BACKEND}keras.backend.backend()={keras.backend.backend()!r}")
if keras.config.floatx() != "float32":
    warnings.warn(
        f"keras.json sets floatx to {keras.config.floatx()!r}: the networks here compute in float32, but optimizers "
        "would round their rates to it. Call keras.config.set_floatx('float32'), or edit keras.json.",
        stacklevel=2,
    )

from tfgan_kit import (  # noqa: E402
    callbacks,
    data,
    distribution,
    divergences,
    dynamics,
    layers,
    metrics,
    networks,
    objectives,
    penalties,
    presets,
)
from tfgan_kit.export import export_generator  # noqa: E402
from tfgan_kit.generation.seeds import image_seeds  # noqa: E402
from tfgan_kit.presets import from_preset  # noqa: E402
from tfgan_kit.runs.checkpoints import load_gan  # noqa: E402
from tfgan_kit.training import updates  # noqa: E402
from tfgan_kit.training.gan import GAN  # noqa: E402
from tfgan_kit.training.mistakes import LikelyMistake  # noqa: E402

__all__ = [
    "GAN",
    "LikelyMistake",
    "callbacks",
    "data",
    "distribution",
    "divergences",
    "dynamics",
    "export_generator",
    "from_preset",
    "image_seeds",
    "layers",
    "load_gan",
    "metrics",
    "networks",
    "objectives",
    "penalties",
    "presets",
    "updates",
]


def __getattr__(name):
    return release_0_1.attribute(name)
