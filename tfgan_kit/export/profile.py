"""What an export is made for: the choices that belong to the deployment, not to the model."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class ExportProfile:
    """How a generator is exported.

    Args:
        version: `"next"`, one more than the newest, or the int >= 1 to publish as.
        keep: int >= 1, the newest versions that stay in the folder afterwards; None: all.
        signatures: names of the signatures to export; None: all that the model allows.
        precision: `"float32"`, or `"bfloat16"`: the convolutions and products in bfloat16.
        max_batch: int >= 1, most images a batch that a server should form of it.
        png_compression: int in [-1, 9], zlib's level for the `_png` signatures; -1: zlib's default.
        optimized: bool, fold what inference does not need (batch normalisation, spectral norm).
    """

    version: str | int = "next"
    keep: int | None = None
    signatures: tuple[str, ...] | None = None
    precision: str = "float32"
    max_batch: int = 32
    png_compression: int = -1
    optimized: bool = True
