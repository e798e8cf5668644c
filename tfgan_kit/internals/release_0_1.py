"""Names and modules of release 0.1.0 that have another place: they still resolve, with a DeprecationWarning."""

import importlib
import importlib.abc
import importlib.machinery
import sys
import warnings

# Names that `import tfgan_kit as gk` gave, by the package that has them.
_NAMES = {
    "networks": (
        "DCGANDiscriminator", "DCGANGenerator", "MLPDiscriminator", "MLPGenerator", "PackedDiscriminator",
        "PatchDiscriminator", "SpatialGenerator",
    ),
    "objectives": (
        "FGAN", "Hinge", "LeastSquares", "Minimax", "NonSaturating", "NonSaturatingFGAN", "PerPlayer",
        "RelativisticAverage", "RelativisticPairing", "Wasserstein",
    ),
    "penalties": (
        "DRAGAN", "R1", "R2", "BalancedConsistency", "Consistency", "GradientPenalty", "LeCam",
        "OneSidedGradientPenalty", "WeightClipping", "ZeroCenteredGradientPenalty",
    ),
    "training.updates": ("Alternating", "Consensus", "Extragradient"),
    "generation.tiles": ("tiles",),
}  # fmt: skip
_MODULES = {
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


def attribute(name):
    """The object of a top-level name of 0.1.0.

    Raises:
        AttributeError: 0.1.0 had no such name either.
    """
    for package, names in _NAMES.items():
        if name in names:
            _warn(name, f"{package.removeprefix('training.')}.{name}")  # `updates` is a name at the top, too
            return getattr(importlib.import_module(f"tfgan_kit.{package}"), name)
    if name in _MODULES:
        return importlib.import_module(f"tfgan_kit.{name}")
    raise AttributeError(f"module 'tfgan_kit' has no attribute {name!r}")


def _warn(name, place):
    warnings.warn(
        f"tfgan_kit.{name} is tfgan_kit.{place} now; the old name will be removed in release 0.3.",
        DeprecationWarning,
        stacklevel=4,
    )


class Moved(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules of 0.1.0 in their new places: `from tfgan_kit.checkpoint import load_gan`."""

    def find_spec(self, fullname, path=None, target=None):
        package, _, name = fullname.rpartition(".")
        if package == "tfgan_kit" and name in _MODULES:
            return importlib.machinery.ModuleSpec(fullname, Moved())
        return None

    def create_module(self, spec):
        name = spec.name.rpartition(".")[2]
        _warn(name, _MODULES[name])
        module = importlib.import_module(f"tfgan_kit.{_MODULES[name]}")
        self._own = module.__spec__
        return module

    def exec_module(self, module):
        """Nothing is executed again; the module's own spec takes the place of the one that Python has just set."""
        module.__spec__ = self._own


sys.meta_path.append(Moved())
