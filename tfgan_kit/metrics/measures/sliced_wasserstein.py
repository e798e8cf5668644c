"""Sliced Wasserstein distance of images: on the patches of their Laplacian pyramids."""

from typing import NamedTuple

from tfgan_kit.divergences.samples import check_finite, largest, number_array, power_of_two, real_numbers
from tfgan_kit.divergences.sliced import DIRECTIONS_PER_REPEAT, REPEATS, bar, repeated_distances
from tfgan_kit.divergences.sliced import SlicedWasserstein as SlicedWasserstein  # of points: public here too
from tfgan_kit.divergences.sliced import sliced_wasserstein as sliced_wasserstein
from tfgan_kit.metrics.image_set import spread
from tfgan_kit.metrics.measurement import Measurement

import numpy as np
from scipy.ndimage import convolve1d

PATCH_SIZE = 7
PATCHES_PER_IMAGE = 128
SMALLEST_LEVEL = 14
MAX_IMAGES = 4096
_BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / 16


class ImageSlicedWasserstein(NamedTuple):
    """What `image_sliced_wasserstein` found.

    value: the mean over levels and repeats.
    std: the standard deviation of the value over the repeats of random directions.
    levels: {side of a level in pixels: its value}, largest first.
    """

    value: float
    std: float
    levels: dict


def image_sliced_wasserstein(images_a, images_b, seed=0):
    """The sliced Wasserstein distance between patches, averaged over the levels of a pyramid.

    Needs no labels and no network. Each level of a Laplacian pyramid holds the structure of one
    scale; 128 patches of 7x7 pixels an image and level are normalised, each set by its own mean
    and standard deviation of each channel, and compared along 4 x 128 random directions. It sees
    texture and sharpness; it does not see whether whole objects are right.

    Args:
        images_a, images_b: uint8 (N, H, W, C) and (M, H, W, C), or finite floats in any unit, H, W >= 7; the first
            4,096 of each count.
        seed: int; draws directions and the places of the patches. Image k of either set is cut in
            the same places, so equal sets are exactly 0 apart.

    Returns:
        An `ImageSlicedWasserstein`, times 1000 as in the paper.

    Deviations from the paper, which has levels from 1024 down to 16 pixels and 16,384 images of a
    power-of-two size in colour: any size and number of channels; the side is halved (rounded up)
    while at least 14 pixels remain, so 28-pixel images have levels 28 and 14, 64-pixel ones 64,
    32 and 16, images below 27 pixels one; sets of unequal counts are allowed; at most 4,096 images.

    Example:
        >>> image_sliced_wasserstein(images, images).levels  # 8 pixels have one level
        {8: 0.0}

    Reference: Karras et al., arXiv:1710.10196, section 5.
    """
    a, b = _checked_images(images_a)[:MAX_IMAGES], _checked_images(images_b)[:MAX_IMAGES]
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"Both sets need images of one shape: resize one of them. Received: {a.shape[1:]} and {b.shape[1:]}"
        )
    sides = level_sides(min(a.shape[1:3]))
    levels = np.stack([_level_values(a, b, level, seed) for level in range(len(sides))]) * 1000
    return ImageSlicedWasserstein(
        float(levels.mean()),
        float(levels.mean(axis=0).std()),
        dict(zip(sides, levels.mean(axis=1).tolist(), strict=True)),
    )


def swd(comparison, seed):
    """The metric `swd`: of patches of images, or of points."""
    samples, reference = comparison.other.samples, comparison.real.reference.samples
    settings = {"directions": REPEATS * DIRECTIONS_PER_REPEAT}
    if samples.ndim == 2:
        found = sliced_wasserstein(reference, samples, seed)
        return Measurement(found.value, {"std": found.std}, settings | {"unit": "the points'"})
    count = min(len(samples), len(reference))  # of unequal counts it takes twenty times as long
    found = image_sliced_wasserstein(reference[spread(len(reference), count)], samples[:count], seed)
    levels = {str(side): value for side, value in found.levels.items()}
    settings |= {"unit": "1e-3", "patches_per_image": PATCHES_PER_IMAGE, "images_used": count}
    return Measurement(found.value, {"std": found.std, "levels": levels}, settings)


def level_sides(side):
    """The sides of the pyramid's levels, in pixels: `level_sides(64) == [64, 32, 16]`."""
    sides = [side]
    while (sides[-1] + 1) // 2 >= SMALLEST_LEVEL:
        sides.append((sides[-1] + 1) // 2)
    return sides


def laplacian_pyramid(images, num_levels):
    """Splits images into bands: differences of successive blurs, then the last, coarsest blur.

    Upsampled and added from the coarsest to the finest the levels give the images again.

    Args:
        images: (N, H, W, C), any real type.
        num_levels: int >= 1.

    Returns:
        `num_levels` arrays, float32 (N, ceil(H / 2^k), ceil(W / 2^k), C).

    Reference: Burt and Adelson (1983), with their 5-tap binomial filter.
    """
    levels = [np.asarray(images, np.float32)]
    for _ in range(num_levels - 1):
        coarser = _blur(levels[-1])[:, ::2, ::2]
        levels[-1] = levels[-1] - upsample(coarser, levels[-1].shape)
        levels.append(coarser)
    return levels


def upsample(images, shape):
    """Doubles (N, h, w, C) to `shape` (N, H, W, C) where h = ceil(H / 2), w = ceil(W / 2)."""
    spread = np.zeros(shape, np.float32)
    spread[:, ::2, ::2] = images
    return 4 * _blur(spread)


def _blur(images):
    return convolve1d(convolve1d(images, _BINOMIAL, 1, mode="mirror"), _BINOMIAL, 2, mode="mirror")


def _level_values(a, b, level, seed):
    """Each repeat's distance between the patches of one level: float64 (REPEATS,)."""
    directions = np.random.default_rng([seed, level])
    x, y = _patches(a, level, seed), _patches(b, level, seed)
    with bar(f"sliced Wasserstein, level {level + 1}", len(a) + len(b), "image") as progress:
        return repeated_distances(x, y, directions, (REPEATS, DIRECTIONS_PER_REPEAT), 1.0, progress)


def _patches(images, level, seed, chunk=256):
    """The normalised patches of one level: float32 (N * 128, 49 * C)."""
    random = np.random.default_rng([seed, level, 1])
    parts = []
    with bar(f"patches, level {level + 1}", len(images), "image") as progress:
        for start in range(0, len(images), chunk):
            band = laplacian_pyramid(images[start : start + chunk], level + 1)[level]
            parts.append(_cut(band, random))
            progress.update(len(band))
    patches = np.concatenate(parts)  # (N * 128, 7, 7, C)
    patches -= patches.mean(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
    deviation = patches.std(axis=(0, 1, 2), dtype=np.float64)
    patches /= np.where(deviation > 0, deviation, 1).astype(np.float32)  # constant: stays 0
    return patches.reshape(len(patches), -1)


def _cut(band, random):
    """128 patches at random places of each image: (n, h, w, C) -> (n * 128, 7, 7, C)."""
    count, height, width, _ = band.shape
    spans = (height - PATCH_SIZE + 1, width - PATCH_SIZE + 1)
    places = (random.random((count, PATCHES_PER_IMAGE, 2)) * spans).astype(np.int64).reshape(-1, 2)
    offsets = np.arange(PATCH_SIZE)
    rows = places[:, :1] + offsets  # (n * 128, 7)
    columns = places[:, 1:] + offsets
    image = np.repeat(np.arange(count), PATCHES_PER_IMAGE)
    return band[image[:, None, None], rows[:, :, None], columns[:, None, :]]


def _checked_images(images):
    images = number_array(images)
    check_finite(images)
    if images.ndim != 4 or not len(images) or min(images.shape[1:3]) < PATCH_SIZE:
        raise ValueError(
            f"Images need the shape (N, H, W, C) with N >= 1 and H, W >= {PATCH_SIZE}, the side "
            f"of a patch. Received: shape={images.shape}"
        )
    # A set's contrast does not count, and bands are computed in float32.
    return images if images.dtype == np.uint8 else real_numbers(images) / power_of_two(largest(images) or 1.0)
