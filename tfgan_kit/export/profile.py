"""The settings of an export that belong to the deployment, not to the model."""

import dataclasses
import math

from tfgan_kit.layers.style_convolution import NOISE_MODES
from tfgan_kit.ranges import is_int

PRECISIONS = ("float32", "bfloat16")
NEXT = "next"
LARGEST_VERSION = 2**63 - 1  # TensorFlow Serving reads a version's name as an int64


@dataclasses.dataclass(frozen=True)
class ExportProfile:
    """How a generator is exported.

    Args:
        version: `"next"`, one more than the newest, or an int in [1, 2^63).
        keep: int >= 1, how many of the newest versions stay in the folder; None: all.
        signatures: names of the signatures to export, see `export/README.md`; `serving_default` is always
            included, because a request without a name means it. None: all that the model has.
        precision: `"float32"`; or `"bfloat16"`: convolutions and matrix products in bfloat16.
        max_batch: int >= 1, the largest batch, in images, that a server should form.
        png_compression: int in [-1, 9], zlib's level for the `_png` signatures; -1: zlib's default.
        optimized: bool, fold what inference does not need (batch normalisation, spectral norm), and
            rewrite what some processors cannot run (grouped and dilated convolutions).
        try_kernels: bool, run the version with oneDNN on and off, in a second process, before it is
            published.
        noise_mode: the noise of a StyleGAN's layers: `"const"`, as stored; `"none"`; or `"random"`, drawn from each
            row's latents, so that an image keeps it in any batch. None: the generator's own, as `generate` uses it.

    Raises:
        ValueError: a value outside its range.

    Example:
        >>> ExportProfile(keep=3, max_batch=16).precision
        'float32'
    """

    version: str | int = NEXT
    keep: int | None = None
    signatures: tuple[str, ...] | None = None
    precision: str = "float32"
    max_batch: int = 32
    png_compression: int = -1
    optimized: bool = True
    try_kernels: bool = True
    noise_mode: str | None = None

    def __post_init__(self):
        if self.version != NEXT and not is_int(self.version, 1, LARGEST_VERSION):
            raise ValueError(
                "A version must be 'next' or an integer >= 1, since a server reads no other name "
                f"(not v2, not 1.0). Received: version={self.version!r}"
            )
        if self.keep is not None and not is_int(self.keep, 1, math.inf):
            raise ValueError(
                f"`keep` must be at least 1, or None (no --keep) to keep all. Received: keep={self.keep!r}"
            )
        if isinstance(self.signatures, str) or self.signatures is not None and not self.signatures:
            raise ValueError(
                "`signatures` must be a tuple of at least one name; None exports all. "
                f"Received: signatures={self.signatures!r}"
            )
        if self.precision not in PRECISIONS:
            raise ValueError(f"`precision` must be {' or '.join(PRECISIONS)}. Received: precision={self.precision!r}")
        if self.noise_mode not in (None, *NOISE_MODES):
            raise ValueError(
                f"`noise_mode` must be {', '.join(NOISE_MODES[:-1])} or {NOISE_MODES[-1]}, or None for the generator's "
                f"own. Received: noise_mode={self.noise_mode!r}"
            )
        if not is_int(self.max_batch, 1, math.inf):
            raise ValueError(f"`max_batch` must be at least 1. Received: max_batch={self.max_batch!r}")
        if not is_int(self.png_compression, -1, 9):
            raise ValueError(
                "`png_compression` must be from 0 (none) to 9, or -1 for zlib's default. "
                f"Received: png_compression={self.png_compression!r}"
            )
