"""The generative model: images from seeds, and latents from images by gradient descent."""

from tfgan_kit.generation import adapter, inputs, latent_search, styles
from tfgan_kit.generation.directions import check_strengths
from tfgan_kit.generation.sample import in_even_batches, pack, sample
from tfgan_kit.generation.seeds import image_seeds, labels_from_seeds, latents_from_seeds, uniforms_from_seeds
from tfgan_kit.generation.truncation import check_psi, truncation_of
from tfgan_kit.ranges import is_int

import keras
import numpy as np
import tensorflow as tf

GENERATE_BATCH = 64


class GenerativeModel:
    """A trained generator with its input sizes and output range; `of` makes one from any Keras model.

    Args:
        generator: Keras model, latents float32 (N, Z), or `[latents, labels]`, -> images (N, H, W, C), or points
            (N, D). For a GAN, the averaged generator.
        latent_dim: int, Z.
        num_classes: int, or None for an unconditional generator.
        image_shape: (H, W, C), or (D,).
        output_range: (low, high), the pixel values of black and white.

    Attributes: the arguments.

    Example:
        >>> model = GenerativeModel.of(keras.Sequential([keras.Input((4,)), keras.layers.Dense(64, "tanh"),
        ...                                              keras.layers.Reshape((8, 8, 1))]))
        >>> model.generate(16, seed=0).shape
        (16, 8, 8, 1)
    """

    def __init__(self, generator, latent_dim, num_classes, image_shape, output_range=(-1.0, 1.0)):
        self.generator = generator
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.image_shape = tuple(image_shape)
        self.output_range = tuple(output_range)
        self._run = adapter.in_our_range(generator, self.output_range)
        self._sample = tf.function(lambda latents, labels: sample(self._run, latents, labels), reduce_retracing=True)
        self._sample_truncated = tf.function(
            lambda *inputs: in_even_batches(self._run_truncated, inputs), reduce_retracing=True
        )
        self._sample_w = tf.function(
            lambda ws, noise_mode: sample(self._run_synthesis(noise_mode), ws), reduce_retracing=True
        )

    @classmethod
    def of(cls, generator, latent_dim=None, num_classes=None, output_range=(-1.0, 1.0)):
        """The generative model of any Keras generator of images, of this package or not.

        Args:
            generator: Keras model of latents (N, Z) or (N, 1, 1, Z), and of labels if any: (N,), (N, 1) or one-hot.
            latent_dim, num_classes: ints; None reads them from the model.
            output_range: (low, high), the pixel values of black and white; (0, 1) for a model that ends in a sigmoid.

        Raises:
            TypeError: it is not a Keras model.
            ValueError: it does not map latents to images, or its pixels lie outside `output_range`.
        """
        taken, latent_dim, num_classes, shape = adapter.check_generator(
            generator, latent_dim, num_classes, output_range
        )
        return cls(taken, latent_dim, num_classes, shape, output_range)

    @property
    def generative_model(self):
        """Itself: what takes a `GAN` or a `GenerativeModel` asks either for this."""
        return self

    def generate(self, num_images=None, seed=0, labels=None, seeds=None, truncation_psi=None):
        """Images, each determined by an int64 seed.

        Args:
            num_images: int >= 1; None: as many as `seeds` or `labels`.
            seed: int; the image seeds are `image_seeds(seed, num_images)`.
            labels: int or integers (num_images,) in [0, num_classes); None draws each from the
                image's seed. Not for an unconditional GAN.
            seeds: int64 (num_images,), instead of `seed`.
            truncation_psi: float, or one per image, where the generator's family defines truncation: BigGAN's positive,
                StyleGAN's in [-2, 2]; None: without.

        Returns:
            uint8 (num_images, H, W, C); points: float32 (num_images, D).

        Raises:
            ValueError: counts that disagree, a label out of range, or truncation where there is none.
        """
        seeds = inputs.check_seeds(num_images, seed, labels, seeds)
        labels = self._check_labels(labels, seeds)
        psi = None if truncation_psi is None else check_psi(self.generator, truncation_psi, len(seeds))

        def images_of(rows):
            given = None if labels is None else labels[rows]
            return self._images(seeds[rows], given, None if psi is None else psi[rows])

        return self._in_batches(images_of, len(seeds))

    def _images(self, seeds, labels, psi):
        """The pixels of one batch of image seeds."""
        latents = latents_from_seeds(seeds, self.latent_dim)
        if psi is None:
            return self._sample(latents, labels)
        return self._sample_truncated(pack(latents, labels), uniforms_from_seeds(seeds, self.latent_dim), psi)

    def _run_truncated(self, inputs):
        """Images in our range of `(inputs of the generator, uniforms, truncation_psi)`."""
        truncated = truncation_of(self.generator).images
        return adapter.in_our_range(lambda given, training=False: truncated(*given), self.output_range)(inputs)

    def edit(self, directions, strengths, num_images=None, seed=0, labels=None, seeds=None, truncation_psi=None):
        """The images of `generate`, moved along directions in w or in the latents.

        Args:
            directions: `Directions`, of this generator.
            strengths: floats (K',), of the first K' directions, or (num_images, K'); 0 leaves an image as it is.
            num_images, seed, labels, seeds, truncation_psi: as in `generate`.

        Returns:
            uint8 (num_images, H, W, C).

        Raises:
            ValueError: directions of another generator, strengths that are not finite or do not fit, or what `generate`
                refuses.

        Example:
            >>> from tfgan_kit.generation.directions import Directions
            >>> directions = Directions(np.eye(2, 4), "z")
            >>> gan.edit(directions, [2.0, -1.0], num_images=3).shape
            (3, 8, 8, 1)
        """
        seeds = inputs.check_seeds(num_images, seed, labels, seeds)
        labels = self._check_labels(labels, seeds)
        directions.check(self.generator)
        strengths = check_strengths(directions, strengths, len(seeds))
        psi = None if truncation_psi is None else check_psi(self.generator, truncation_psi, len(seeds))

        def moved(rows, training=False):
            return directions.images(self.generator, *rows)

        in_range = adapter.in_our_range(moved, self.output_range)
        edited = tf.function(lambda rows: in_even_batches(in_range, rows), reduce_retracing=True, autograph=False)

        def images_of(rows):
            latents = latents_from_seeds(seeds[rows], self.latent_dim)
            given = (pack(latents, None if labels is None else labels[rows]), strengths[rows])
            if psi is not None:
                given += ((uniforms_from_seeds(seeds[rows], self.latent_dim), psi[rows]),)
            return edited(given)

        return self._in_batches(images_of, len(seeds))

    def images_of_latents(self, latents, labels=None):
        """The images of given latents, as `generate` makes those of its seeds.

        Args:
            latents: float (N, Z).
            labels: int (N,), for a conditional GAN.

        Returns:
            uint8 (N, H, W, C); points: float32 (N, D).

        Raises:
            ValueError: latents of another shape, or labels that are missing or out of range.

        Example:
            >>> gan.images_of_latents(np.zeros((2, 4))).shape
            (2, 8, 8, 1)
        """
        latents = self._given_latents(latents)
        labels = self.given_labels(labels, len(latents))
        return self._in_batches(
            lambda rows: self._sample(tf.constant(latents[rows]), None if labels is None else labels[rows]),
            len(latents),
        )

    def latents_to_w(self, latents, labels=None, truncation_psi=1.0, truncation_cutoff=None):
        """The styles w of latents, one for each layer: a StyleGAN's mapping.

        Args:
            latents: float (N, Z).
            labels: int (N,), for a conditional GAN.
            truncation_psi: float in [-2, 2], or one per row: w is w_avg + psi (w - w_avg).
            truncation_cutoff: int, how many ws, from the first, are truncated; None: all.

        Returns:
            float32 (N, num_ws, w_dim), for `images_of_w`.

        Raises:
            ValueError: no StyleGAN, latents of another shape, labels that are missing or out of range, or a truncation
                out of its range.

        Example:
            >>> ws = style_model.latents_to_w(np.zeros((2, 8)), truncation_psi=0.7)
            >>> ws.shape, style_model.images_of_w(ws).shape
            ((2, 6, 8), (2, 16, 16, 3))
        """
        styles.check_styles(self.generator)
        latents = self._given_latents(latents)
        labels = self.given_labels(labels, len(latents))
        psi = check_psi(self.generator, truncation_psi, len(latents))
        if truncation_cutoff is not None and not is_int(truncation_cutoff, 0, self.generator.num_ws):
            raise ValueError(
                f"`truncation_cutoff` is an integer from 0 to {self.generator.num_ws}, or None for all ws. Received: "
                f"truncation_cutoff={truncation_cutoff}"
            )
        ws = self.generator.mapping(
            tf.constant(latents),
            None if labels is None else tf.constant(labels),
            truncation_psi=psi,
            truncation_cutoff=truncation_cutoff,
        )
        return ws.numpy()

    def images_of_w(self, ws, noise_mode=None):
        """The images of styles w: a StyleGAN's synthesis.

        Args:
            ws: float (N, num_ws, w_dim), of `latents_to_w`.
            noise_mode: "const", "none" or "random" (drawn from the bits of each row's w); None: the generator's own.

        Returns:
            uint8 (N, H, W, C).

        Raises:
            ValueError: no StyleGAN, ws of another shape, or an unknown noise mode.
        """
        styles.check_styles(self.generator)
        if noise_mode is not None:
            styles.check_noise_mode(self.generator, noise_mode)
        noise_mode = noise_mode or styles.own_noise_mode(self.generator)
        ws, shape = np.asarray(ws, np.float32), (self.generator.num_ws, self.generator.w_dim)
        if ws.ndim != 3 or ws.shape[1:] != shape or not len(ws):
            raise ValueError(
                f"ws are float (N, {shape[0]}, {shape[1]}), at least 1 row: of `latents_to_w`. Received: {ws.shape}"
            )
        return self._in_batches(lambda rows: self._sample_w(tf.constant(ws[rows]), noise_mode), len(ws))

    def _run_synthesis(self, noise_mode):
        """A model from ws to images in our range."""
        synthesis = self.generator.synthesis
        return adapter.in_our_range(lambda ws, training=False: synthesis(ws, noise_mode=noise_mode), self.output_range)

    def _in_batches(self, images_of, count):
        """The images of `count` rows, `images_of` a slice of which gives a tensor."""
        starts = range(0, count, GENERATE_BATCH)
        return np.concatenate([images_of(slice(start, start + GENERATE_BATCH)).numpy() for start in starts])

    def project(self, images, labels=None, starts=8, steps=500, seed=0):
        """The latents whose images are closest to the given ones, by gradient descent.

        A generated image is recovered; the remaining error on other images shows what the generator
        can represent. See `latent_search.project`, which also takes a learning rate.

        Args:
            images: uint8, or float in [-1, 1], (N, H, W, C).
            labels: int (N,), for a conditional GAN.
            starts: int >= 1, latents to start from for each image; the best result is kept.
            steps: int >= 1.
            seed: int, determines the latents to start from, as in `generate`.

        Returns:
            `latent_search.Projection`: latents, images, psnr in dB.

        Raises:
            ValueError: images of the wrong shape, or labels that are missing or out of range.

        Example:
            >>> found = gan.project(gan.generate(4, seed=1), starts=2, steps=5)
            >>> found.latents.shape, found.psnr.shape
            ((4, 4), (4,))
        """
        images = inputs.prepare_images(np.asarray(images), self.image_shape).numpy()
        if images.ndim != 4 or not len(images) or starts < 1 or steps < 1:
            raise ValueError(
                "`project` takes at least 1 image (N, H, W, C), at least 1 start and at least 1 "
                f"step. Received: images {images.shape}, starts={starts}, steps={steps}"
            )
        labels = self.given_labels(labels, len(images))
        seeds = image_seeds(seed, len(images) * starts)
        first = latents_from_seeds(seeds, self.latent_dim).numpy()
        first = first.reshape(len(images), starts, self.latent_dim)
        latents, errors = latent_search.project(self._run, images, first, labels, steps)
        found = self._sample(tf.constant(latents), labels).numpy()
        return latent_search.Projection(latents, found, latent_search.decibels(errors))

    def refine(self, discriminator, latents, labels=None, steps=100, step_size=0.01, seed=0):
        """Latents moved along a discriminator's gradient, to images with higher logits: see `GAN.refine`."""
        latents = np.asarray(latents, np.float32)
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim or steps < 1 or step_size <= 0:
            raise ValueError(
                f"`refine` takes latents (N, {self.latent_dim}), 1 step or more, and a positive "
                f"step_size. Received: {latents.shape}, steps={steps}, step_size={step_size}"
            )
        labels = self.given_labels(labels, len(latents))
        return latent_search.refine(self.generator, discriminator, latents, labels, steps, step_size, seed)

    def _given_latents(self, latents):
        latents = np.asarray(latents, np.float32)
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim or not len(latents):
            raise ValueError(
                f"Latents are float (N, {self.latent_dim}), at least 1 row. Received: latents of shape {latents.shape}"
            )
        return latents

    def given_labels(self, labels, count):
        """The labels of given images or latents, which cannot be drawn from a seed."""
        if self.num_classes is not None and labels is None:
            raise ValueError("A conditional GAN needs the labels: give `labels` (N,). Received: None")
        return None if labels is None else self._check_labels(labels, np.zeros(count, np.int64))

    def labels_of(self, seeds):
        """The labels that `generate` draws for int64 seeds (N,): int32 (N,), or None."""
        if self.num_classes is None:
            return None
        return labels_from_seeds(seeds, self.num_classes).numpy()

    def _check_labels(self, labels, seeds):
        if self.num_classes is None:
            if labels is not None:
                raise ValueError("This GAN is unconditional: leave `labels` out. Received: labels were given.")
            return None
        if labels is None:
            return self.labels_of(seeds)
        return inputs.check_labels(labels, len(seeds), self.num_classes)

    def predict(self, x, batch_size=32):
        """Images in [-1, 1] of latents, or [latents, labels], batch by batch: float (N, ...)."""
        rows = keras.tree.flatten(x)[0].shape[0]
        outputs = [
            self._run(
                keras.tree.map_structure(lambda v, k=k: tf.convert_to_tensor(v[k : k + batch_size]), x), training=False
            ).numpy()
            for k in range(0, rows, batch_size)
        ]
        return np.concatenate(outputs)
