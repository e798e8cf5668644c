"""One judge for all contestants: `metrics.evaluate` against the same real images, with the same features."""

from tfgan_kit import metrics
from tfgan_kit.metrics.image_set import real_batches, split_indices

import numpy as np


class Scorer:
    """The values of `tfgan_kit.metrics.evaluate`, whose features of real images are computed once.

    Args:
        source: a `tfgan_kit.data` source, of images that no contestant was trained on, or all of them.
        names: metrics, such as "fd_domain" and "fd_lite0".
        seed: int, of the split and of the classifier. The recipes were looked for with seed 0.
        num_images: int, generated images a score; test images of the floor.

    Attributes:
        floors: dict, what a perfect generator reaches: real test images against the reference.
        hashes: dict, of the weights of each metric's features; they say whether two values compare.
    """

    def __init__(self, source, names, seed, num_images):
        self._source, self._names, self._seed = source, names, seed
        self.floors, self.hashes = {}, {}
        self(_test_images(source, seed, num_images))

    def __call__(self, images):
        """A value a metric, dict, of uint8 (N, H, W, C)."""
        return {name: self._score(name, images) for name in self._names}

    def _score(self, name, images):
        def generate(start, count, labels):
            del labels
            first = start % 2**32  # `evaluate` counts its images from seed * 2^32
            return images[first : first + count]

        (result,) = metrics.evaluate(generate, self._source, [name], len(images), self._seed)
        self.floors[name] = result["floor"]
        self.hashes[name] = result["protocol"].get("extractor_hash")
        return result["value"]


def _test_images(source, seed, num_images):
    split = split_indices(source.num_images, with_classifier=source.labels is not None, seed=seed)
    indices = np.resize(split.test, num_images)
    return np.concatenate([images for images, _ in real_batches(source, indices)])
