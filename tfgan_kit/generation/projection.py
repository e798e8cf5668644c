"""Images found again in the w of a StyleGAN: by gradient, over a perceptual distance, from the mean of w."""

import dataclasses
import math
from typing import NamedTuple

from tfgan_kit.generation import inputs
from tfgan_kit.generation.latent_search import IMAGES_AT_ONCE, decibels
from tfgan_kit.generation.seeds import image_seeds, latents_from_seeds
from tfgan_kit.generation.styles import has_styles
from tfgan_kit.internals.keras import leave_the_sum_to_us
from tfgan_kit.pixels import to_uint8
from tfgan_kit.ranges import check_sizes

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

SPACES = ("w", "w+")
NUM_SAMPLES = 10_000  # of w, for its mean and deviation
REGULARIZATION = 1e5  # of the noise
_SMALLEST = 8  # side of the coarsest noise that is regularized
_BATCH = 500


class StyleProjection(NamedTuple):
    """The result of `project_styles`.

    ws: float32 (N, num_ws, w_dim).
    images: uint8 (N, H, W, C), generated from `ws` with the generator's own noise.
    psnr: float64 (N,), of these images against the given ones, in dB.
    distance: float64 (N,), the distance that was minimised, of these images.
    mean_psnr: float64 (N,), of the image of the mean w, from which the search began.
    """

    ws: np.ndarray
    images: np.ndarray
    psnr: np.ndarray
    distance: np.ndarray
    mean_psnr: np.ndarray


@dataclasses.dataclass(frozen=True)
class Search:
    """How w is searched; the defaults are the paper's.

    With t = step / steps from 0 to 1, the step size is

        learning_rate * (1 - cos(pi min(1, (1 - t) / 0.25))) / 2 * min(1, t / 0.05)

    and w is disturbed by N(0, s^2), s = noise * sigma_w * max(0, 1 - t / 0.75)^2, sigma_w^2 = E|w - E w|^2.

    Args:
        space: "w", one row for all layers, or "w+", a row each: closer, but further from what the generator learned.
        steps: int >= 1.
        learning_rate: float > 0, Adam's largest.
        noise: float >= 0, of w, in its deviations.
        search_noise: bool, whether the generator's noise is searched too, from N(0, 1), regularised to stay white, so
            that w need not explain it; False keeps the generator's own, for images that it made itself.
        seed: int, of all draws.

    Raises:
        ValueError: a value out of range.

    Example:
        >>> Search(steps=100).learning_rate_at(50)
        0.1

    Reference: arXiv:1912.04958, appendix D.
    """

    space: str = "w"
    steps: int = 1000
    learning_rate: float = 0.1
    noise: float = 0.05
    search_noise: bool = True
    seed: int = 0

    def __post_init__(self):
        check_sizes(steps=self.steps)
        image_seeds(self.seed, 0)  # checks the range
        if self.space not in SPACES:
            raise ValueError(f'`space` is "w" or "w+". Received: space={self.space!r}')
        if not (0 < self.learning_rate < math.inf and 0 <= self.noise < math.inf):
            raise ValueError(
                "`learning_rate` is a positive number, `noise` one of at least 0. Received: "
                f"learning_rate={self.learning_rate}, noise={self.noise}"
            )

    def learning_rate_at(self, step):
        t = step / self.steps
        ramp_down = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1.0 - t) / 0.25))
        return self.learning_rate * ramp_down * min(1.0, t / 0.05)

    def noise_at(self, step):
        """Of w, in its deviations."""
        return self.noise * max(0.0, 1.0 - step / self.steps / 0.75) ** 2


def pixels(images):
    """The features of the mean squared error: images float (N, H, W, C) themselves, weighed by their channels."""
    return [images * images.shape[-1] ** -0.5]


def distances(features, others):
    """The distance of images by their features, two lists of maps (N, h, w, c): float32 (N,).

        d = sum over maps of mean over h, w of |f - f'|^2

    With maps of unit length along c this is LPIPS without learned weights (arXiv:1801.03924, eq. 1).
    """
    terms = [
        tf.reduce_mean(tf.reduce_sum(tf.math.squared_difference(one, other), axis=-1), axis=[1, 2])
        for one, other in zip(features, others, strict=True)
    ]
    return tf.add_n(terms)


def noise_regularization(noise):
    """How far from white a noise (h, w) is, at every scale down to 8: a float32 scalar.

        sum over scales of mean(n roll_x(n))^2 + mean(n roll_y(n))^2

    Reference: arXiv:1912.04958, appendix D, but without the factor 2 between the scales, as in the authors' code.
    """
    total, n = 0.0, noise[None, :, :, None]
    while True:
        for axis in (1, 2):
            total += tf.square(tf.reduce_mean(n * tf.roll(n, 1, axis)))
        if min(n.shape[1:3]) <= _SMALLEST:
            return total
        n = tf.nn.avg_pool2d(n, 2, 2, "VALID")


def white(noise):
    """A noise with mean 0 and mean square 1."""
    noise = noise - tf.reduce_mean(noise)
    return noise * tf.math.rsqrt(tf.reduce_mean(tf.square(noise)))


def project_styles(model, images, labels=None, features=pixels, search=None, on_step=None):
    """The w of a StyleGAN whose image is closest to a given one, by gradient descent from the mean of w.

        w* = argmin_w sum |f(G(w)) - f(x)|^2 + 1e5 sum of noise_regularization       (Adam, see `Search`)

    `GAN.project` searches the latents instead, of any generator.

    Args:
        model: a `GAN` or `GenerativeModel` of a generator with `mapping` and `synthesis`.
        images: uint8, or float in [-1, 1], (N, H, W, C).
        labels: int (N,), for a conditional GAN.
        features: callable, images float32 (N, H, W, C) in about [-1, 1] -> list of maps (N, h, w, c), whose squared
            error is minimised; `pixels` is the mean squared error.
        search: `Search`; None: the paper's.
        on_step: callable (step, ws float32 (N, num_ws, w_dim)) before every step and at the end, for a film.

    Returns:
        `StyleProjection`.

    Raises:
        ValueError: a generator without w, images of another shape, or labels that are missing or out of range.

    Example::

        found = project_styles(gan, gan.generate(2, seed=1), search=Search(search_noise=False))
        found.ws, found.psnr

    Reference: Karras et al., arXiv:1912.04958, appendix D; w+: Abdal et al., arXiv:1904.03189.
    """
    model, search = model.generative_model, search or Search()
    generator = model.generator
    if not has_styles(generator):
        raise ValueError(
            "This generator has no w: search its latents by `project` (--space=z). Received: "
            f"{type(generator).__name__}"
        )
    images = inputs.prepare_images(np.asarray(images), model.image_shape)
    labels = model.given_labels(labels, len(images))
    mean, deviation = mean_and_deviation(generator, labels, search.seed)
    mean, deviation = (np.repeat(part, len(images) // len(part), axis=0) for part in (mean, deviation))
    at_once = 1 if search.search_noise and noises_of(generator) else IMAGES_AT_ONCE
    parts, descents = [], {}
    for first in range(0, len(images), at_once):
        rows = np.arange(first, min(first + at_once, len(images)))
        if len(rows) not in descents:
            descents[len(rows)] = _Descent(generator, len(rows), features, search)
        parts.append(descents[len(rows)].run(tf.gather(images, rows), mean[rows], deviation[rows], rows, on_step))
    return StyleProjection(*map(np.concatenate, zip(*parts, strict=True)))


def noises_of(generator):
    """The variables of a generator that hold noise, (h, w) each; none of one without (StyleGAN3)."""
    layers = getattr(generator.synthesis, "style_layers", ())
    return [layer.noise for layer in layers if getattr(layer, "noise", None) is not None]


def mean_and_deviation(generator, labels=None, seed=0, count=NUM_SAMPLES):
    """Of w: the mean float32 (N, w_dim) and the deviation (N,), for each of `labels` int32 (N,); without, of one row.

    The deviation is that of the whole vector, sqrt(E|w - E w|^2).
    """
    latents = latents_from_seeds(image_seeds(seed, count), generator.latent_dim)
    found = {}
    for label in [None] if labels is None else sorted(set(labels.tolist())):
        given = None if label is None else tf.fill([count], label)
        ws = np.concatenate(
            [
                generator.mapping(latents[k : k + _BATCH], None if given is None else given[k : k + _BATCH])[:, 0]
                for k in range(0, count, _BATCH)
            ]
        ).astype(np.float64)
        mean = ws.mean(axis=0)
        found[label] = mean.astype(np.float32), math.sqrt(np.square(ws - mean).sum() / count)
    each = [found[label] for label in ([None] if labels is None else labels.tolist())]
    return np.stack([mean for mean, _ in each]), np.array([deviation for _, deviation in each], np.float32)


class _Descent:
    """The search for a few images at a time; with `search_noise` for one, since the noise is that image's."""

    def __init__(self, generator, count, features, search):
        self.generator, self.features, self.search = generator, features, search
        rows = generator.num_ws if search.space == "w+" else 1
        self.w = keras.Variable(np.zeros((count, rows, generator.w_dim), np.float32), name="w")
        self.replaced = noises_of(generator) if search.search_noise else []
        self.noises = [
            keras.Variable(np.zeros(own.shape, np.float32), name=f"noise{k}") for k, own in enumerate(self.replaced)
        ]
        self.optimizer = leave_the_sum_to_us(keras.optimizers.Adam(search.learning_rate, epsilon=1e-8))
        self.optimizer.build([self.w, *self.noises])
        self._step = tf.function(self._traced, autograph=False)

    def run(self, images, mean, deviation, rows, on_step):
        """What `StyleProjection` has, as a tuple, of the images with the numbers `rows`."""
        targets, rows = self.features(images), tf.constant(rows, tf.int64)
        self._reset(mean, rows)
        first = self._ws(self.w.value).numpy()
        for step in tqdm(range(self.search.steps), "Projecting", unit="step", delay=2, leave=False):
            if on_step:
                on_step(step, self._ws(self.w.value).numpy())
            rates = (self.search.learning_rate_at(step), self.search.noise_at(step) * deviation)
            self._step(targets, rows, tf.constant(step, tf.int64), *(tf.constant(rate, tf.float32) for rate in rates))
        ws = self._ws(self.w.value).numpy()
        if on_step:
            on_step(self.search.steps, ws)
        made = tf.cast(self.generator.synthesis(tf.constant(ws)), tf.float32)
        begun = tf.cast(self.generator.synthesis(tf.constant(first)), tf.float32)
        distance = distances(self.features(made), targets).numpy().astype(np.float64)
        return ws, to_uint8(made).numpy(), _psnr(made, images), distance, _psnr(begun, images)

    def _reset(self, mean, rows):
        for variable in self.optimizer.variables:
            variable.assign(tf.zeros_like(variable.value))
        self.w.assign(np.broadcast_to(mean[:, None], self.w.shape))
        for k, noise in enumerate(self.noises):
            noise.assign(white(self._normal(noise.shape, rows[0], tf.constant(-1 - k, tf.int64))))

    def _normal(self, shape, row, draw):
        """N(0, 1) of (seed, row, draw) alone: the step for w, -1 - k for noise k."""
        seed = tf.stack([self.search.seed * 2**30 + row, draw])
        return tf.random.stateless_normal(shape, seed, alg="philox")

    def _ws(self, w):
        return tf.repeat(w, self.generator.num_ws, axis=1) if self.search.space == "w" else tf.convert_to_tensor(w)

    def _made(self, ws):
        """Images with the noise that is searched, in place of the generator's."""
        pairs = [(old, tf.convert_to_tensor(new.value)) for old, new in zip(self.replaced, self.noises, strict=True)]
        with keras.StatelessScope(state_mapping=pairs):
            return tf.cast(self.generator.synthesis(ws, noise_mode="const"), tf.float32)

    def _traced(self, targets, rows, step, learning_rate, noise):
        variables = [self.w, *self.noises]
        values = [variable.value for variable in variables]
        drawn = tf.stack([self._normal(self.w.shape[1:], row, step) for row in tf.unstack(rows)])
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            ws = self._ws(tf.convert_to_tensor(self.w.value) + noise[:, None, None] * drawn)
            loss = tf.reduce_sum(distances(self.features(self._made(ws)), targets))
            for one in self.noises:
                loss += REGULARIZATION * noise_regularization(tf.convert_to_tensor(one.value))
        self.optimizer.learning_rate = learning_rate
        gradients = tape.gradient(loss, values, unconnected_gradients="zero")
        self.optimizer.apply(gradients, variables)
        for one in self.noises:
            one.assign(white(one.value))


def _psnr(made, images):
    error = tf.math.squared_difference(tf.clip_by_value(made, -1.0, 1.0), images)
    return decibels(tf.reduce_mean(error, axis=[1, 2, 3]).numpy().astype(np.float64))
