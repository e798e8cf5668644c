"""Films: frames on a closed path through a generator's latents or styles, generated batch by batch."""

from tfgan_kit.generation.seeds import image_seeds, latents_from_seeds, uniforms_from_seeds
from tfgan_kit.generation.styles import check_styles, has_styles
from tfgan_kit.generation.truncation import truncation_of
from tfgan_kit.ranges import check_sizes

import numpy as np
from scipy.interpolate import CubicSpline

from tfgan_kit_client.pictures import tile

_ROWS = 64  # images generated at a time
_REACH = 32  # keyframes that a frame depends on: a spline forgets by 0.268 a keyframe, 16 away by 7e-10


class Film:
    """What both films share: keyframes of `tiles` images each, and frames between them, in flat memory.

    Frame k * frames_per_keyframe shows keyframe k, whose images are those of the image seeds from
    `image_seeds(seed, n)[k * tiles]` on; after the last keyframe comes the first, so that a film can be repeated
    without a jump. Iterated, a film yields its frames, uint8 (H', W', C), always the same.
    """

    def __init__(
        self, model, keyframes=8, frames_per_keyframe=60, tiles=(1, 1), seed=0, labels=None, truncation_psi=None
    ):
        columns, rows = tiles
        check_sizes(keyframes=keyframes, frames_per_keyframe=frames_per_keyframe, columns=columns, rows=rows)
        model = model.generative_model
        if len(model.image_shape) != 3:
            raise ValueError(
                f"A film shows images, and this GAN generates points. Received: samples of shape {model.image_shape}"
            )
        if np.ndim(truncation_psi):
            raise ValueError(f"A film has one `truncation_psi`. Received: truncation_psi={truncation_psi}")
        labels = None if labels is None else np.atleast_1d(labels)
        self.model, self.seed, self.labels, self.truncation_psi = model, seed, labels, truncation_psi
        self.keyframes, self.frames_per_keyframe = keyframes, frames_per_keyframe
        self.columns, self.tiles = columns, columns * rows
        self._check()
        # An image of each label, so that a mistake is found before the first frame.
        model.generate(None if labels is not None else 1, seed, labels, truncation_psi=truncation_psi)

    def __len__(self):
        return self.keyframes * self.frames_per_keyframe

    def __iter__(self):
        kept = {}
        batch = max(1, _ROWS // self.tiles)
        for k in range(self.keyframes):
            near = [place % self.keyframes for place in self._near(k)]
            kept = {place: kept[place] if place in kept else self._keyframe(place) for place in near}
            points = np.stack([kept[place] for place in near])  # (K', T, ...)
            for first in range(0, self.frames_per_keyframe, batch):
                times = np.arange(first, min(first + batch, self.frames_per_keyframe)) / self.frames_per_keyframe
                yield from self._pictures(self._between(points, times))

    def _pictures(self, points):
        """Frames of interpolated points (F, T, ...)."""
        frames, tiles = points.shape[:2]
        rows = points.reshape(frames * tiles, *points.shape[2:])
        images = self._images(rows.astype(np.float32))
        for tiled in images.reshape(frames, tiles, *self.model.image_shape):
            yield tile(tiled, self.columns)

    def _seeds(self, k):
        """The image seeds of keyframe k, int64 (T,)."""
        return image_seeds(self.seed, self.tiles, k * self.tiles)

    def _labels(self, k):
        """The labels of keyframe k, int (T,), or None."""
        if self.labels is None:
            return self.model.labels_of(self._seeds(k))
        return self.labels[np.arange(k * self.tiles, (k + 1) * self.tiles) % len(self.labels)]


class LatentFilm(Film):
    """A film whose latents z move along great circles from keyframe to keyframe: of any generator.

        z(t) = ((1 - t) |a| + t |b|) slerp(a / |a|, b / |b|, t)

    The length of z stays that of a sample, where a straight line would pass nearer to 0, of which the generator has
    seen nothing. At a keyframe the direction of the motion jumps: a StyleGAN's `StyleFilm` is smooth there.

    Args:
        model: `GAN`, or `GenerativeModel`, of images.
        keyframes: int >= 1.
        frames_per_keyframe: int >= 1, frames from one keyframe to the next.
        tiles: (columns, rows), ints >= 1, images in a frame.
        seed: int, as of `generate`; the first frame is the grid of its first images.
        labels: integers, one for each tile, cycled over them; None draws each tile's from its first keyframe's seed. A
            tile keeps its class.
        truncation_psi: float, where the generator's family defines truncation; None: without.

    Raises:
        ValueError: a size below 1, points, more labels than tiles, or what `generate` refuses.

    Example:
        >>> film = LatentFilm(gan, keyframes=2, frames_per_keyframe=3, tiles=(2, 1))
        >>> len(film), next(iter(film)).shape
        (6, (8, 18, 1))

    Reference: White, arXiv:1609.04468, section 2.1 (spherical interpolation).
    """

    def _check(self):
        if self.labels is not None and len(self.labels) > self.tiles:
            raise ValueError(
                "In a film through the latents a tile keeps its class: give at most one label a tile. Received: "
                f"{len(self.labels)} labels for {self.tiles} tiles"
            )

    def _near(self, k):
        return [k, k + 1]

    def _keyframe(self, k):
        seeds, size = self._seeds(k), self.model.latent_dim
        latents = latents_from_seeds(seeds, size)
        if self.truncation_psi is not None and not has_styles(self.model.generator):  # of latents, not of w
            psi = np.full(self.tiles, self.truncation_psi, np.float32)
            truncation = truncation_of(self.model.generator)
            latents = truncation.latents(latents, uniforms_from_seeds(seeds, size), psi)
        return np.asarray(latents, np.float64)

    def _between(self, points, times):
        return great_circle(*points, times)

    def _images(self, rows):
        labels = self._labels(0)
        labels = None if labels is None else np.resize(labels, len(rows))
        if self.truncation_psi is None or not has_styles(self.model.generator):
            return self.model.images_of_latents(rows, labels)
        return self.model.images_of_w(self.model.latents_to_w(rows, labels, self.truncation_psi))


class StyleFilm(Film):
    """A film whose styles w move along a closed cubic spline through the keyframes': of a StyleGAN.

    Position, velocity and acceleration are continuous, at the film's end, too.

    Args:
        model: `GAN`, or `GenerativeModel`, of a StyleGAN.
        keyframes: int >= 1.
        frames_per_keyframe: int >= 1, frames from one keyframe to the next.
        tiles: (columns, rows), ints >= 1, images in a frame.
        seed: int, as of `generate`; the first frame is the grid of its first images.
        labels: integers, cycled over the keyframes' images; None draws each from its seed. A film may so go from
            class to class.
        truncation_psi: float in [-2, 2]; None: without.

    Raises:
        ValueError: a size below 1, no StyleGAN, or what `generate` refuses.

    Example:
        >>> film = StyleFilm(style_model, keyframes=2, frames_per_keyframe=3, tiles=(2, 1))
        >>> len(film), next(iter(film)).shape
        (6, (16, 34, 3))

    Reference: `gen_video.py` of the authors' arXiv:2106.12423; of more than 32 keyframes the spline at a frame is that
    of the 32 around it, which differs by less than 1e-8 of their size.
    """

    def _check(self):
        check_styles(self.model.generator)

    def _near(self, k):
        count = min(self.keyframes, _REACH)
        first = k - (count - 1) // 2
        return range(first, first + count)

    def _keyframe(self, k):
        psi = 1.0 if self.truncation_psi is None else self.truncation_psi
        latents = latents_from_seeds(self._seeds(k), self.model.latent_dim)
        return self.model.latents_to_w(latents, self._labels(k), psi)

    def _between(self, points, times):
        return closed_spline(points, (len(points) - 1) // 2 + times)

    def _images(self, rows):
        return self.model.images_of_w(rows)


def great_circle(a, b, times):
    """Points between a and b, whose directions lie on a great circle and whose lengths grow evenly.

    Args:
        a, b: float64 (..., Z).
        times: float64 (F,) in [0, 1].

    Returns:
        float64 (F, ..., Z): a at time 0, b at time 1. Between opposite points, where no circle is the shortest, a
        straight line.
    """
    lengths = [np.maximum(np.linalg.norm(point, axis=-1, keepdims=True), 1e-12) for point in (a, b)]
    a, b = a / lengths[0], b / lengths[1]
    angle = np.arccos(np.clip(np.sum(a * b, axis=-1, keepdims=True), -1.0, 1.0))
    t = np.reshape(times, (-1, *(1,) * a.ndim))  # (F, 1, ..., 1)
    flat = np.sin(angle) < 1e-6
    sine = np.where(flat, 1.0, np.sin(angle))
    shares = [np.where(flat, share, np.sin(share * angle) / sine) for share in (1.0 - t, t)]
    return ((1.0 - t) * lengths[0] + t * lengths[1]) * (shares[0] * a + shares[1] * b)


def closed_spline(points, times):
    """The periodic cubic spline through points at the times 0 to K - 1, the first one again at K.

    Args:
        points: float (K, ...), K >= 1.
        times: float64 (F,) in [0, K].

    Returns:
        float64 (F, ...).
    """
    weights = np.eye(len(points))
    weights = CubicSpline(np.arange(len(points) + 1), np.concatenate([weights, weights[:1]]), bc_type="periodic")(times)
    return np.tensordot(weights, points, axes=1)
