"""Generative adversarial networks for TensorFlow and Keras 3: train, measure, export, serve."""

import os
import sys

from tfgan_kit import processor

processor.switch_on_onednn()  # before TensorFlow is imported, which reads the setting then
if sys.argv[:1] == ["-m"]:  # a command, `python -m tfgan_kit.train`: its own lines are the output
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

_OTHER_BACKEND = (
    "tfgan_kit trains and exports with TensorFlow, but Keras is set to another backend. Unset "
    "KERAS_BACKEND, or set KERAS_BACKEND=tensorflow, before Python starts. Received: "
)
if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
    # Before Keras is imported: it fails where that backend is not installed.
    raise ImportError(f"{_OTHER_BACKEND}KERAS_BACKEND={os.environ['KERAS_BACKEND']!r}")

import keras  # noqa: E402

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
    updates,
)
from tfgan_kit.export import export_generator  # noqa: E402
from tfgan_kit.gan import GAN  # noqa: E402
from tfgan_kit.networks import (  # noqa: E402
    DCGANDiscriminator,
    DCGANGenerator,
    MLPDiscriminator,
    MLPGenerator,
    PackedDiscriminator,
    PatchDiscriminator,
    SpatialGenerator,
)
from tfgan_kit.objectives import (  # noqa: E402
    FGAN,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    NonSaturatingFGAN,
    PerPlayer,
    RelativisticAverage,
    RelativisticPairing,
    Wasserstein,
)
from tfgan_kit.penalties import (  # noqa: E402
    DRAGAN,
    R1,
    R2,
    BalancedConsistency,
    Consistency,
    GradientPenalty,
    LeCam,
    OneSidedGradientPenalty,
    WeightClipping,
    ZeroCenteredGradientPenalty,
)
from tfgan_kit.sampling import image_seeds  # noqa: E402
from tfgan_kit.tiling import tiles  # noqa: E402
from tfgan_kit.updates import Alternating, Consensus, Extragradient  # noqa: E402

__all__ = [
    "GAN",
    "DRAGAN",
    "FGAN",
    "R1",
    "R2",
    "Alternating",
    "BalancedConsistency",
    "Consensus",
    "Consistency",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Extragradient",
    "GradientPenalty",
    "Hinge",
    "LeCam",
    "LeastSquares",
    "MLPDiscriminator",
    "MLPGenerator",
    "Minimax",
    "NonSaturating",
    "NonSaturatingFGAN",
    "OneSidedGradientPenalty",
    "PackedDiscriminator",
    "PatchDiscriminator",
    "PerPlayer",
    "RelativisticAverage",
    "RelativisticPairing",
    "SpatialGenerator",
    "Wasserstein",
    "WeightClipping",
    "ZeroCenteredGradientPenalty",
    "callbacks",
    "data",
    "distribution",
    "divergences",
    "dynamics",
    "export_generator",
    "image_seeds",
    "layers",
    "metrics",
    "networks",
    "objectives",
    "penalties",
    "tiles",
    "updates",
]
