"""The names of images, checked: which seeds and labels a request asks for."""

import numpy as np

_INT32, _INT64 = np.iinfo(np.int32), np.iinfo(np.int64)
_DEFAULT = 16


def image_seeds(seed: int, num_images: int) -> np.ndarray:
    """The names of the images of a seed: seed * 2**32 + k, int64 (num_images,).

    Raises:
        ValueError: no image, or a seed outside int32.
    """
    _check_int("seed", seed, _INT32.min, _INT32.max)
    _check_int("num_images", num_images, 1, 2**32)
    return np.int64(seed) * 2**32 + np.arange(num_images, dtype=np.int64)


def request_seeds(num_images, seed, seeds, labels) -> np.ndarray:
    """The int64 seeds of a request, from its number and seed, or from the names themselves."""
    if seeds is None:
        if num_images is None:
            num_images = _DEFAULT if labels is None else np.size(labels)
        return image_seeds(seed, num_images)
    seeds = _integers("seeds", seeds, _INT64)
    if seed != 0 or num_images not in (None, len(seeds)):
        raise ValueError(
            "seeds names every image by itself: leave out seed and num_images. "
            f"Received: seed={seed}, num_images={num_images}, {len(seeds)} seeds"
        )
    return seeds


def request_labels(labels, num_images: int) -> np.ndarray:
    """The int32 labels of a request, one an image."""
    labels = _integers("labels", labels, _INT32)
    if len(labels) != num_images:
        raise ValueError(
            f"labels must have one an image. Received: {len(labels)} labels, {num_images} images"
        )
    if labels.min() < 0:
        raise ValueError(f"labels are 0 or more. Received: labels={labels.tolist()!r:.80}")
    return labels


def _integers(name: str, values, limits) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} must be a list of integers. Received: {values!r}") from error
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be a list of at least 1 integer. "
            f"Received: {array.dtype} {array.shape}, {name}={values!r:.80}"
        )
    if int(array.min()) < limits.min or int(array.max()) > limits.max:
        raise ValueError(f"{name} must fit {limits.dtype}. Received: {name}={values!r:.80}")
    return array.astype(limits.dtype)


def _check_int(name: str, value, least: int, most: int) -> None:
    is_int = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_int or not least <= value <= most:
        raise ValueError(
            f"{name} must be an integer from {least} to {most}. Received: {name}={value!r}"
        )
