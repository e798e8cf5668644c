"""One judge for all contestants: `fd_domain` against the same real images, by the same features."""

from tfgan_kit import metrics
from tfgan_kit.metrics.image_set import gather, real_batches


class Scorer:
    """The value that `tfgan_kit.metrics.evaluate` calls `fd_domain`, its real side computed once.

    Args:
        source: a labelled `tfgan_kit.data` source.
        seed: int, of the split and of the classifier. The recipes were looked for with seed 0.

    Attributes:
        classifier: the `DomainClassifier`; `weights_hash` says whether two values compare.
        floor: float, real test images against the reference: a perfect generator's value.
    """

    def __init__(self, source, seed, num_images):
        split = metrics.split_indices(source.num_images, with_classifier=True, seed=seed)
        self.classifier = metrics.domain_classifier(source, split.classifier, seed)
        reference = gather(real_batches(source, split.reference), self.classifier, keep=0)
        self._reference = metrics.gaussian_statistics(reference.features)
        test = gather(real_batches(source, split.test), self.classifier, keep=0)
        self.floor = self._distance(test.part(num_images).features)

    def __call__(self, images):
        """fd_domain of uint8 (N, H, W, C)."""
        features, _ = self.classifier(images)
        return self._distance(features)

    def _distance(self, features):
        return metrics.frechet_distance(self._reference, metrics.gaussian_statistics(features))
