"""Perceptual path length: how far images move where latents move a little."""

from typing import NamedTuple

from tfgan_kit.divergences.samples import check_fits, real_numbers
from tfgan_kit.metrics.features.extractor import FeatureExtractor

import numpy as np
from tqdm import tqdm

NUM_PAIRS = 10_000
PERCENTILES = (1, 99)  # outside of them distances are left out: StyleGAN's code and torch-fidelity
MOST_ROUNDING = 1.25  # the value at epsilon over that at 4 epsilon; 16 where all is rounding
_BATCH = 64


class PerceptualPathLength(NamedTuple):
    """What `perceptual_path_length` found.

    value: the mean of the squared distances over epsilon^2, without outliers.
    std: their standard deviation.
    pairs: int, those that are no outliers; std / sqrt(pairs) is about the value's standard error.
    epsilon: float, the step along the path.
    """

    value: float
    std: float
    pairs: int
    epsilon: float


def perceptual_path_length(generate, latent_dim, extractor, num_pairs=NUM_PAIRS, epsilon=1e-4, seed=0):
    """The mean squared speed of an image's features along the path between two random latents.

        E[d(G(slerp(z1, z2; t)), G(slerp(z1, z2; t + epsilon))) / epsilon^2],    d(x, y) = |f(x) - f(y)|^2

    with z1, z2 ~ N(0, I) and t ~ U(0, 1); the lowest and the highest percent of the distances are left out.
    A low value says that the generator has no sudden changes; a generator of one image has zero.

    Values of another extractor f are not comparable, and published ones are of LPIPS: those have f as
    LPIPS does, every layer's normalised activations (H, W, C) times sqrt(w / (H W)), flattened and joined.

    Args:
        generate: callable, latents float32 (B, Z) -> images float32 (B, H, W, C) in [-1, 1]. Of a
            class-conditional generator give one class: `lambda z: gan.predict([z, np.full(len(z), 3)],
            verbose=0)`. It and the extractor must compute in float32: steps this small drown in the
            rounding of bfloat16, uint8 and, on a GPU, of TensorFloat-32, which TensorFlow uses unless told
            otherwise.
        latent_dim: int >= 2, Z. Below 4 the mean has no limit but for the outliers left out.
        extractor: callable, such images -> features (B, ...), or (features, logits).
        num_pairs: int >= 2; the paper's code has 100,000.
        epsilon: float in (0, 0.01].
        seed: int, draws z1, z2 and t.

    Returns:
        A `PerceptualPathLength`.

    Raises:
        ValueError: images that are not float32 (or float64), a step that drowns in rounding (a step of
            4 epsilon gives a value 1.25 times smaller), features that are not finite, an extractor of uint8
            images, arguments outside these ranges.

    Example:
        >>> def generate(latents):
        ...     return gan.predict(latents, verbose=0)
        >>> def extract(images):
        ...     return images.reshape(len(images), -1)
        >>> perceptual_path_length(generate, gan.latent_dim, extract, num_pairs=100, epsilon=1e-3).pairs
        100

    Reference: Karras et al., arXiv:1812.04948, section 4.1, eq. 2. There latents are
    normalised; here they keep their lengths, as generators of Gaussian latents expect, and slerp is that
    of White, arXiv:1609.04468. torch-fidelity's paths all begin at t = 0.
    """
    _check(extractor, latent_dim, num_pairs, epsilon)
    starts, ends, places = _draws(seed, num_pairs, latent_dim)
    _check_rounding(generate, extractor, starts[:_BATCH], ends[:_BATCH], places[:_BATCH], epsilon)
    distances = path_distances(generate, extractor, starts, ends, places, epsilon)
    kept = without_outliers(distances)
    return PerceptualPathLength(check_fits(np.mean(kept)), float(np.std(kept)), len(kept), epsilon)


def path_distances(generate, extractor, starts, ends, places, epsilon):
    """d(G(slerp(z1, z2; t)), G(slerp(z1, z2; t + epsilon))) / epsilon^2 of each pair: float64 (N,).

    Args:
        generate, extractor, epsilon: as `perceptual_path_length`.
        starts, ends: float (N, Z), z1 and z2.
        places: float (N,), t.
    """
    distances = []
    with tqdm(desc="path length", total=2 * len(starts), unit="image", delay=2, leave=False) as bar:
        for first in range(0, len(starts), _BATCH):
            a, b, t = (part[first : first + _BATCH] for part in (starts, ends, places[:, None]))
            latents = np.stack([slerp(a, b, t), slerp(a, b, t + epsilon)], axis=1)  # (B, 2, Z)
            features = _features(generate, extractor, latents.reshape(-1, latents.shape[2]).astype(np.float32))
            near, far = np.moveaxis(features.reshape(len(a), 2, -1), 1, 0)  # (B, D) each
            distances.append(np.sum((far - near) ** 2, axis=1) / epsilon**2)
            bar.update(2 * len(a))
    return np.concatenate(distances)


def slerp(starts, ends, places):
    """Spherical interpolation: [sin((1 - t) omega) a + sin(t omega) b] / sin(omega), omega the angle of a and b.

    Args:
        starts, ends: float (N, Z), a and b, of different directions.
        places: float (N, 1), t.

    Returns:
        float64 (N, Z).
    """
    starts, ends = np.asarray(starts, np.float64), np.asarray(ends, np.float64)  # small angles need the digits
    lengths = np.linalg.norm(starts, axis=1) * np.linalg.norm(ends, axis=1)
    cosines = np.sum(starts * ends, axis=1) / lengths
    omega = np.arccos(np.clip(cosines, -1, 1))[:, None]
    return (np.sin((1 - places) * omega) * starts + np.sin(places * omega) * ends) / np.sin(omega)


def without_outliers(distances):
    """The distances within the 1st and the 99th percentile, both of which are distances that occur."""
    low, high = (np.percentile(distances, q, method=to) for q, to in zip(PERCENTILES, ("lower", "higher"), strict=True))
    return distances[(low <= distances) & (distances <= high)]


def _draws(seed, num_pairs, latent_dim):
    """z1 and z2, float32 (N, Z), and t, float64 (N,)."""
    random = np.random.default_rng(seed)
    starts, ends = random.standard_normal((2, num_pairs, latent_dim), np.float32)
    return starts, ends, random.random(num_pairs)


def _features(generate, extractor, latents):
    """float64 (B, ...), checked."""
    images = np.asarray(generate(latents))
    if images.dtype not in (np.float32, np.float64) or len(images) != len(latents):
        raise ValueError(
            f"`generate` must answer {len(latents)} latents with as many images of float32 [-1, 1]: a step of "
            f"epsilon vanishes in any coarser type. Received: dtype={images.dtype}, shape={images.shape}"
        )
    answers = extractor(images)
    features = real_numbers(answers[0] if isinstance(answers, list | tuple) else answers).astype(np.float64)
    if len(features) != len(images) or not np.isfinite(features).all():
        raise ValueError(
            f"`extractor` must answer {len(images)} images with as many rows of finite features: look at the "
            f"generator's weights and its own. Received: features of the shape {features.shape}, "
            f"{np.count_nonzero(~np.isfinite(features))} values not finite"
        )
    return features


def _check(extractor, latent_dim, num_pairs, epsilon):
    if isinstance(extractor, FeatureExtractor):
        raise ValueError(
            "A `FeatureExtractor` takes uint8 images, in which a step of epsilon vanishes: give a callable of "
            f"float32 images in [-1, 1], as its `network` may be. Received: extractor={extractor.name!r}"
        )
    if latent_dim < 2:
        raise ValueError(f"Latents on a line have no angle: 2 numbers or more. Received: latent_dim={latent_dim}")
    if num_pairs < 2:
        raise ValueError(f"A spread needs 2 pairs or more. Received: num_pairs={num_pairs}")
    if not 0 < epsilon <= 0.01:
        raise ValueError(f"`epsilon` must be in (0, 0.01]. Received: epsilon={epsilon}")


def _check_rounding(generate, extractor, starts, ends, places, epsilon):
    """Rounding adds a squared distance that does not shrink with the step, so over epsilon^2 it grows."""
    value, wider = (
        np.mean(path_distances(generate, extractor, starts, ends, places, step)) for step in (epsilon, 4 * epsilon)
    )
    if value > MOST_ROUNDING * wider:
        raise ValueError(
            "A step of epsilon drowns in rounding: run generator and extractor in float32 (mixed precision off, and "
            "on a GPU tf.config.experimental.enable_tensor_float_32_execution(False)), without rounding to uint8; "
            f"or take a larger step. Received: epsilon={epsilon}, of which the first pairs have the value {value:.3g}, "
            f"of 4 epsilon {wider:.3g}"
        )
