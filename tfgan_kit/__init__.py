"""Generative adversarial networks for TensorFlow and Keras 3: train, measure, export, serve."""

import contextlib
import importlib
import os
import warnings

from tfgan_kit import processor
from tfgan_kit.internals import release_0_1, start_up

__version__ = "0.1.0"

_OTHER_BACKEND = (
    "tfgan_kit trains and exports with TensorFlow, but Keras is set to another backend. Unset "
    "KERAS_BACKEND, or set KERAS_BACKEND=tensorflow, before Python starts. Received: "
)

if not start_up.is_parsing():  # a command imports what follows after it has parsed its flags
    processor.switch_on_onednn()  # before TensorFlow is imported, which reads the setting then
    if start_up.IS_COMMAND:  # only its own output is shown
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        # Before Keras is imported, which fails if that backend is not installed.
        raise ImportError(f"{_OTHER_BACKEND}KERAS_BACKEND={os.environ['KERAS_BACKEND']!r}")

    with start_up.silenced() if start_up.IS_COMMAND else contextlib.nullcontext():
        import keras

    if keras.backend.backend() != "tensorflow":
        raise ImportError(f"{_OTHER_BACKEND}keras.backend.backend()={keras.backend.backend()!r}")
    if keras.config.floatx() != "float32":
        warnings.warn(
            f"keras.json sets floatx to {keras.config.floatx()!r}: the networks here compute in float32, but "
            "optimizers would round their rates to it. Call keras.config.set_floatx('float32'), or edit keras.json.",
            stacklevel=2,
        )

    from tfgan_kit import (
        augment,
        callbacks,
        convert,
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
    from tfgan_kit.export.exporter import export_generator
    from tfgan_kit.generation.seeds import image_seeds
    from tfgan_kit.presets import from_preset
    from tfgan_kit.runs.checkpoints import load_gan
    from tfgan_kit.training import schedules, updates
    from tfgan_kit.training.gan import GAN
    from tfgan_kit.training.mistakes import LikelyMistake

__all__ = [
    "GAN",
    "LikelyMistake",
    "augment",
    "callbacks",
    "convert",
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
    "schedules",
    "updates",
]


def __getattr__(name):
    if name in __all__ and start_up.is_parsing():  # somebody's module is quicker than the command
        importlib.import_module("tfgan_kit.commands")
        return globals()[name]
    return release_0_1.attribute(name)
