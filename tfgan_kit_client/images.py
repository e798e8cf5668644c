"""The checked content of a request: image seeds, labels, latents or w, truncation and strengths."""

import numpy as np

from tfgan_kit_client.arguments import check_int
from tfgan_kit_client.contract import LABEL, LATENTS, SEED, STRENGTHS, TRUNCATION_PSI, W

_INT32, _INT64 = np.iinfo(np.int32), np.iinfo(np.int64)
_DEFAULT = 16
SEEDS_PER_STREAM = 2**32


def image_seeds(seed: int, num_images: int, start: int = 0) -> np.ndarray:
    """The image seeds `seed * 2^32 + k` for k from `start` to `start + num_images - 1`.

    Args:
        seed: int in [-2^31, 2^31).
        num_images: int >= 0.
        start: int >= 0, the first k; `start + num_images` at most 2^32.

    Returns:
        int64 (num_images,).

    Raises:
        ValueError: an argument out of range.

    Example:
        >>> image_seeds(1, 2)
        array([4294967296, 4294967297])
    """
    check_int("seed", seed, _INT32.min, _INT32.max)
    check_int("start", start, 0, SEEDS_PER_STREAM)
    check_int("num_images", num_images, 0, SEEDS_PER_STREAM - start)
    return np.arange(num_images, dtype=np.int64) + (int(seed) * SEEDS_PER_STREAM + start)


class ImageRequest:
    """The images of a request; `rows` creates the inputs of a part of them, so that memory stays small.

    Args:
        num_images: int >= 1; None: as many as there are seeds, labels or latents, or 16.
        seed: int32; image k has the image seed `image_seeds(seed, num_images)[k]`.
        labels: one class id per image, integers >= 0; None: the model draws them from the seeds.
        seeds: int64 image seeds, instead of `seed`.
        latents: float (N, Z), instead of seeds: for the signature `from_latent`.
        truncation_psi: float, or one per image; None: not given.
        strengths: floats (K,) for all images, or (N, K): for the signature `generate_edited`; None: not given.
        w: float (N, num_ws, W), instead of seeds and labels: for the signature `from_w`.

    Raises:
        ValueError: arguments that contradict each other, or one outside its range.
    """

    def __init__(
        self, num_images=None, seed=0, labels=None, seeds=None, latents=None, truncation_psi=None, strengths=None,
        w=None,
    ):  # fmt: skip
        self._source = LATENTS if latents is not None else SEED if w is None else W
        self._given = None if self._source == SEED else _rows(self._source, latents if w is None else w)
        self._seeds = None if seeds is None else _integers("seeds", seeds, _INT64)
        if self._given is not None:
            _check_alone(self._source, self._given, num_images, seed, seeds)
        elif seeds is not None:
            _check_alone("seeds", self._seeds, num_images, seed, None)
        self.num_images = self._number(num_images, labels)
        self._first = int(image_seeds(seed, 1)[0])
        self._labels = None if labels is None else _request_labels(labels, self.num_images)
        self._truncation = None if truncation_psi is None else self._truncations(truncation_psi)
        self._strengths = None if strengths is None else self._of_directions(strengths)

    def _number(self, num_images, labels):
        for rows in (self._given, self._seeds):
            if rows is not None:
                return len(rows)
        if num_images is None:
            num_images = _DEFAULT if labels is None else np.size(labels)
        check_int("num_images", num_images, 1, SEEDS_PER_STREAM)
        return int(num_images)

    def _truncations(self, values):
        values = _floats("truncation_psi", values)
        if values.ndim > 1 or (values.ndim == 1 and len(values) != self.num_images):
            raise ValueError(
                "truncation_psi must be a number, or one per image. "
                f"Received: truncation_psi of shape {values.shape}, {self.num_images} images"
            )
        return values

    def _of_directions(self, values):
        values = _floats("strengths", values)
        if values.ndim not in (1, 2) or not values.size or (values.ndim == 2 and len(values) != self.num_images):
            raise ValueError(
                "strengths must be numbers, one per direction (K,), or a row per image (N, K). "
                f"Received: strengths of shape {values.shape}, {self.num_images} images"
            )
        return np.broadcast_to(values, (self.num_images, values.shape[-1]))

    @property
    def inputs(self) -> frozenset[str]:
        """The names of the given inputs."""
        more = {LABEL: self._labels, TRUNCATION_PSI: self._truncation, STRENGTHS: self._strengths}
        return frozenset({self._source, *(name for name, values in more.items() if values is not None)})

    def rows(self, start: int, stop: int, names) -> dict[str, np.ndarray]:
        """The inputs of images `start` to `stop`, a dict name -> array, for the inputs of a signature."""
        made = {
            SEED: self.seeds,
            LABEL: lambda start, stop: self._labels[start:stop],
            LATENTS: lambda start, stop: self._given[start:stop],
            W: lambda start, stop: self._given[start:stop],
            STRENGTHS: lambda start, stop: self._strengths[start:stop],
            TRUNCATION_PSI: self._truncation_rows,
        }
        return {name: made[name](start, stop) for name in names}

    def seeds(self, start: int, stop: int) -> np.ndarray:
        """The image seeds of images `start` to `stop`, int64."""
        if self._seeds is not None:
            return self._seeds[start:stop]
        return self._first + np.arange(start, stop, dtype=np.int64)

    def _truncation_rows(self, start, stop):
        if self._truncation is None:  # in the signature, but not given: no truncation
            return np.ones(stop - start, np.float32)
        if self._truncation.ndim == 0:
            return np.full(stop - start, self._truncation)
        return self._truncation[start:stop]


def _check_alone(name, rows, num_images, seed, seeds):
    if seed != 0 or seeds is not None or num_images not in (None, len(rows)):
        raise ValueError(
            f"{name} already determine the images: leave out seed and num_images"
            f"{'' if name == 'seeds' else ' and seeds'}. Received: seed={seed!r}, "
            f"num_images={num_images!r}, {len(rows)} {name}, seeds={seeds!r:.80}"
        )


def _request_labels(labels, num_images: int) -> np.ndarray:
    labels = _integers("labels", labels, _INT32)
    if len(labels) != num_images:
        raise ValueError(f"labels must have one entry per image. Received: {len(labels)} labels, {num_images} images")
    if labels.min() < 0:
        raise ValueError(f"labels must be at least 0. Received: labels={labels.tolist()!r:.80}")
    return labels


def _rows(name: str, values) -> np.ndarray:
    values = _floats(name, values)
    if values.ndim < (2 if name == LATENTS else 3) or values.size == 0:
        shape = "one row of numbers per image, (N, Z)" if name == LATENTS else "some rows per image, (N, num_ws, W)"
        raise ValueError(f"{name} must be {shape}, N at least 1. Received: {name} of shape {values.shape}")
    return values


def _floats(name: str, values) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} must be numbers. Received: {name}={values!r:.80}") from error
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must be finite numbers. Received: {name}={values!r:.80}")
    with np.errstate(over="ignore"):  # values beyond float32 become infinite and are refused below
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite numbers in float32. Received: {name}={values!r:.80}")
    return array


def _integers(name: str, values, limits) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} must be a list of integers. Received: {values!r}") from error
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be a list of at least 1 integer. Received: {array.dtype} {array.shape}, {name}={values!r:.80}"
        )
    if int(array.min()) < limits.min or int(array.max()) > limits.max:
        raise ValueError(f"{name} must fit {limits.dtype}. Received: {name}={values!r:.80}")
    return array.astype(limits.dtype)
