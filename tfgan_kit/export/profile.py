"""What an export is made for: the choices that belong to the deployment, not to the model."""

import dataclasses

import numpy as np

PRECISIONS = ("float32", "bfloat16")
NEXT = "next"
LARGEST_VERSION = 2**63 - 1  # TensorFlow Serving reads a version's name as an int64


@dataclasses.dataclass(frozen=True)
class ExportProfile:
    """How a generator is exported.

    Args:
        version: `"next"`, one more than the newest, or the int in [1, 2^63) to publish as.
        keep: int >= 1, the newest versions that stay in the folder afterwards; None: all.
        signatures: names of the signatures to export, of `export/README.md`; `serving_default` is
            always among them, since a request without a name asks for it. None: all that the
            model allows.
        precision: `"float32"`, or `"bfloat16"`: the convolutions and products in bfloat16.
        max_batch: int >= 1, most images a batch that a server should form of it.
        png_compression: int in [-1, 9], zlib's level for the `_png` signatures; -1: zlib's default.
        optimized: bool, fold what inference does not need (batch normalisation, spectral norm), and
            rewrite what some processors cannot run (grouped and dilated convolutions).
        try_kernels: bool, run the version with oneDNN on and off before it is published, in a second process.

    Raises:
        ValueError: a value that is none of these.

    Example:
        >>> export_generator(gan, "models/digits", profile=ExportProfile(keep=3, max_batch=16))
    """

    version: str | int = NEXT
    keep: int | None = None
    signatures: tuple[str, ...] | None = None
    precision: str = "float32"
    max_batch: int = 32
    png_compression: int = -1
    optimized: bool = True
    try_kernels: bool = True

    def __post_init__(self):
        if self.version != NEXT and not _is_int(self.version, 1, LARGEST_VERSION):
            raise ValueError(
                "A version is 'next', or a whole number from 1 on, for a server reads no other name "
                f"(no v2, no 1.0). Received: version={self.version!r}"
            )
        if self.keep is not None and not _is_int(self.keep, 1):
            raise ValueError(
                f"At least 1 version is kept; None (the flag left out) keeps all. Received: keep={self.keep!r}"
            )
        if isinstance(self.signatures, str) or self.signatures is not None and not self.signatures:
            raise ValueError(
                "Signatures are a tuple of at least one name; None exports all. "
                f"Received: signatures={self.signatures!r}"
            )
        if self.precision not in PRECISIONS:
            raise ValueError(f"A precision is one of {', '.join(PRECISIONS)}. Received: precision={self.precision!r}")
        if not _is_int(self.max_batch, 1):
            raise ValueError(f"A batch has room for at least 1 image. Received: max_batch={self.max_batch!r}")
        if not _is_int(self.png_compression, -1, 9):
            raise ValueError(
                "A PNG's compression is a level from 0 (none) to 9, or -1 for zlib's own choice. "
                f"Received: png_compression={self.png_compression!r}"
            )


def _is_int(value, low, high=float("inf")):
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and low <= value <= high
