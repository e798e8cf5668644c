"""Generative adversarial networks for TensorFlow and Keras 3: train, measure, export, serve."""

import contextlib
import importlib
import os
import sys
import warnings

from tfgan_kit import processor
from tfgan_kit.internals import start_up

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

__all__ = [
    "GAN",
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

# Top-level names of 0.1.0, by the package that has them now; and modules.
_NAMES_OF_0_1 = {
    networks: (
        "DCGANDiscriminator",
        "DCGANGenerator",
        "MLPDiscriminator",
        "MLPGenerator",
        "PackedDiscriminator",
        "PatchDiscriminator",
        "SpatialGenerator",
    ),
    objectives: (
        "FGAN",
        "Hinge",
        "LeastSquares",
        "Minimax",
        "NonSaturating",
        "NonSaturatingFGAN",
        "PerPlayer",
        "RelativisticAverage",
        "RelativisticPairing",
        "Wasserstein",
    ),
    penalties: (
        "DRAGAN",
        "R1",
        "R2",
        "BalancedConsistency",
        "Consistency",
        "GradientPenalty",
        "LeCam",
        "OneSidedGradientPenalty",
        "WeightClipping",
        "ZeroCenteredGradientPenalty",
    ),
    updates: ("Alternating", "Consensus", "Extragradient"),
}
_MODULES_OF_0_1 = {
    "archive": "runs.keras_file",
    "best": "runs.history",
    "checkpoint": "runs.checkpoints",
    "finite": "runs.non_finite",
    "game": "training.game",
    "gan": "training.gan",
    "generative_model": "generation.generative_model",
    "inputs": "training.arguments",
    "latent_search": "generation.latent_search",
    "optimizers": "training.optimizers",
    "players": "training.pairing",
    "sampling": "generation.seeds",
    "shards": "generation.shards",
    "sizes": "ranges",
    "tiling": "generation.tiles",
    "validation": "training.logs",
    "waiting": "training.data_stalls",
    "whole_files": "files",
}


def _of_0_1(name):
    """(object, its current path) of a top-level name of 0.1.0, or None."""
    for package, names in _NAMES_OF_0_1.items():
        if name in names:
            return getattr(package, name), f"{package.__name__.replace('.training', '')}.{name}"
    if name == "tiles":
        from tfgan_kit.generation.tiles import tiles

        return tiles, "tfgan_kit.generation.tiles.tiles"
    if name in _MODULES_OF_0_1:
        place = f"tfgan_kit.{_MODULES_OF_0_1[name]}"
        return importlib.import_module(place), place
    return None


def __getattr__(name):
    found = _of_0_1(name)
    if found is None:
        raise AttributeError(f"module 'tfgan_kit' has no attribute {name!r}")
    warnings.warn(
        f"tfgan_kit.{name} is {found[1]} now; the old name will be removed in release 0.3.",
        DeprecationWarning,
        stacklevel=2,
    )
    return found[0]
