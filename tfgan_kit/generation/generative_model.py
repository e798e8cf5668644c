"""The generative model: any number of images from seeds, and latents by gradient from images."""

from tfgan_kit.generation import inputs, latent_search
from tfgan_kit.generation.seeds import image_seeds, labels_from_seeds, latents_from_seeds

import keras
import numpy as np
import tensorflow as tf

GENERATE_BATCH = 64


class GenerativeModel(keras.Model):
    """What `generate`, `predict`, `project`, `refine` and the exporter speak of: `ema_generator`.

    A subclass sets `ema_generator`, `discriminator`, `latent_dim`, `num_classes`, `image_shape`, and
    `_sampler`, latents and labels to images as they leave.
    """

    def call(self, inputs, training=False):
        return self.ema_generator(inputs, training=False)

    def generate(self, num_images=None, seed=0, labels=None, seeds=None):
        """Images of the averaged generator, each named by an int64 seed.

        Args:
            num_images: int >= 1; None: as many as `seeds` or `labels`.
            seed: int, names the images `seeds.image_seeds(seed, num_images)`.
            labels: int or integers (num_images,) in [0, num_classes); None draws each from the
                image's seed. Not for an unconditional GAN.
            seeds: int64 (num_images,), instead of `seed`.

        Returns:
            uint8 (num_images, H, W, C); points: float32 (num_images, D).

        Raises:
            ValueError: counts that disagree, or a label out of range.
        """
        seeds = inputs.check_seeds(num_images, seed, labels, seeds)
        labels = self._check_labels(labels, seeds)
        images = []
        for start in range(0, len(seeds), GENERATE_BATCH):
            rows = slice(start, start + GENERATE_BATCH)
            latents = latents_from_seeds(seeds[rows], self.latent_dim)
            images.append(self._sampler(latents, None if labels is None else labels[rows]).numpy())
        return np.concatenate(images)

    def project(self, images, labels=None, starts=8, steps=500, seed=0):
        """The latents whose images come nearest to given ones, by gradient descent.

        An image that the averaged generator made is found again; how near it comes to others says
        what it can express. See `latent_search.project`, which also takes another learning rate.

        Args:
            images: uint8, or float in [-1, 1], (N, H, W, C).
            labels: int (N,), of a conditional GAN.
            starts: int >= 1, latents to descend from for each image; the best end counts.
            steps: int >= 1.
            seed: int, names the latents to start from, as in `generate`.

        Returns:
            `latent_search.Projection`: latents, images, psnr in dB.

        Raises:
            ValueError: images of another shape, labels that are missing or out of range.

        Example:
            >>> gan.project(gan.generate(4, seed=1)).psnr.min() > 30
            True
        """
        images = inputs.prepare_images(np.asarray(images), self.image_shape).numpy()
        if images.ndim != 4 or not len(images) or starts < 1 or steps < 1:
            raise ValueError(
                "`project` looks for 1 or more images (N, H, W, C), from 1 start or more, in 1 step or "
                f"more. Received: images {images.shape}, starts={starts}, steps={steps}"
            )
        labels = self._given_labels(labels, len(images))
        seeds = image_seeds(seed, len(images) * starts)
        first = latents_from_seeds(seeds, self.latent_dim).numpy()
        first = first.reshape(len(images), starts, self.latent_dim)
        latents, errors = latent_search.project(self.ema_generator, images, first, labels, steps)
        found = self._sampler(tf.constant(latents), labels).numpy()
        return latent_search.Projection(latents, found, latent_search.decibels(errors))

    def refine(self, latents, labels=None, steps=100, step_size=0.01, seed=0):
        """Latents moved along the discriminator's gradient, to images that it finds more real.

        Args:
            latents: float (N, Z).
            labels: int (N,), of a conditional GAN.
            steps, step_size, seed: see `latent_search.refine`.

        Returns:
            float32 (N, Z), for `predict`.

        Raises:
            ValueError: latents of another shape, labels that are missing or out of range.

        Example:
            >>> images = gan.predict(gan.refine(latents))
        """
        latents = np.asarray(latents, np.float32)
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim or steps < 1 or step_size <= 0:
            raise ValueError(
                f"`refine` takes latents (N, {self.latent_dim}), 1 step or more, and a positive "
                f"step_size. Received: {latents.shape}, steps={steps}, step_size={step_size}"
            )
        labels = self._given_labels(labels, len(latents))
        return latent_search.refine(self.ema_generator, self.discriminator, latents, labels, steps, step_size, seed)

    def _given_labels(self, labels, count):
        """Labels that go with given images or latents, which no seed draws."""
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

    def predict(self, x, batch_size=None, **kwargs):
        """`keras.Model.predict` of the averaged generator; under a strategy on one device."""
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return super().predict(x, batch_size, **kwargs)
        rows, size = keras.tree.flatten(x)[0].shape[0], batch_size or 32
        outputs = [
            self.ema_generator(
                keras.tree.map_structure(lambda v, k=k: tf.convert_to_tensor(v[k : k + size]), x)
            ).numpy()
            for k in range(0, rows, size)
        ]
        return np.concatenate(outputs)
