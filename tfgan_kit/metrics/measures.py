"""The metrics by name: how each compares two image sets, and what it needs."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfgan_kit.divergences.sliced import DIRECTIONS_PER_REPEAT, REPEATS, sliced_wasserstein
from tfgan_kit.metrics.frechet import frechet_distance, gaussian_statistics
from tfgan_kit.metrics.kernel import SUBSET_SIZE, kernel_distance
from tfgan_kit.metrics.sliced_wasserstein import (
    MAX_IMAGES,
    PATCHES_PER_IMAGE,
    image_sliced_wasserstein,
)


class Measure(NamedTuple):
    """A metric by name.

    compare: `(reference, other, seed) -> (numbers, details)` of two `ImageSet`s: the first dict
        holds "value" and maybe "std", the second joins the protocol and may hold "warnings".
    needs_classifier: whether it reads the domain classifier's answers.
    needs_conditional: whether it reads the labels that the generator was asked for.
    needs_modes: whether it reads the coverage of the source's modes.
    needs_mixture: whether these must be the Gaussians of a mixture.
    """

    compare: Callable
    needs_classifier: bool = False
    needs_conditional: bool = False
    needs_modes: bool = False
    needs_mixture: bool = False


def fd_domain(reference, other, seed):
    """The squared Frechet distance over the domain classifier's features."""
    del seed  # nothing is drawn
    value = frechet_distance(
        gaussian_statistics(reference.features), gaussian_statistics(other.features)
    )
    count, dimension = min(reference.count, other.count), other.features.shape[1]
    warning = (
        f"{count} images for {dimension} features: a covariance is singular and the value far "
        "above that of many images; prefer kid_domain, or use more images"
    )
    return {"value": value}, {"warnings": [warning] if count <= dimension else []}


def kid_domain(reference, other, seed):
    """The unbiased kernel distance over the domain classifier's features."""
    found = kernel_distance(reference.features, other.features, seed)
    warning = f"kernel subsets of {found.subset_size} images, not {SUBSET_SIZE}: the set is small"
    details = {
        "kernel": "(x.y/d + 1)^3, unbiased",
        "subsets": found.num_subsets,
        "subset_size": found.subset_size,
        "standard_error": found.standard_error,
        "warnings": [warning] if found.subset_size < SUBSET_SIZE else [],
    }
    return {"value": found.value, "std": found.std}, details


def label_agreement(reference, other, seed):
    """The share of images to which the domain classifier gives the label asked for."""
    del reference, seed
    return {"value": float(np.mean(other.classes == other.labels))}, {"best": "highest"}


def swd(reference, other, seed):
    """The sliced Wasserstein distance: of patches of images, or of points."""
    if other.samples.ndim == 2:
        found = sliced_wasserstein(reference.samples, other.samples, seed)
        details = {"unit": "the points'"}
    else:
        found = image_sliced_wasserstein(reference.samples, other.samples, seed)
        details = {
            "unit": "1e-3",
            "levels": {str(side): value for side, value in found.levels.items()},
            "patches_per_image": PATCHES_PER_IMAGE,
            "images_used": min(other.count, MAX_IMAGES),
        }
    return {"value": found.value, "std": found.std}, details | {
        "directions": REPEATS * DIRECTIONS_PER_REPEAT
    }


def _of_modes(field, best, needs_mixture=False):
    """A number of a `ModeCoverage`, by its field."""

    def compare(reference, other, seed):
        del reference, seed  # the law itself is the reference
        return {"value": getattr(other.coverage, field)}, {"best": best}

    return Measure(compare, needs_modes=True, needs_mixture=needs_mixture)


MEASURES = {
    "fd_domain": Measure(fd_domain, needs_classifier=True),
    "kid_domain": Measure(kid_domain, needs_classifier=True),
    "label_agreement": Measure(label_agreement, needs_classifier=True, needs_conditional=True),
    "swd": Measure(swd),
    "modes": _of_modes("modes", "highest"),
    "high_quality": _of_modes("high_quality", "highest", needs_mixture=True),
    "mode_reverse_kl": _of_modes("reverse_kl", "lowest"),
    "mode_spread": _of_modes("spread", "1", needs_mixture=True),
}
GROUPS = {"mode_coverage": ("modes", "high_quality", "mode_reverse_kl", "mode_spread")}
