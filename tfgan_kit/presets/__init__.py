"""Named, measured configurations, one family per file: `from_preset(name)` returns a compiled GAN."""

from tfgan_kit.presets import biggan, dcgan, mlp, r3gan, sngan, stylegan2  # noqa: F401, they register theirs
from tfgan_kit.presets.preset import PRESETS, Preset, from_preset, get, register

__all__ = ["PRESETS", "Preset", "from_preset", "get", "register"]
