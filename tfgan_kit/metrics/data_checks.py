"""What is odd about the images that are measured, before a value of them is believed."""

from tfgan_kit.metrics.features.domain_classifier import empty_classes

import numpy as np

_BRIGHT = 120  # of 255: images in [0, 1] that were taken for [-1, 1] are hardly darker, whatever their noise
_DARK = 100
_LEAST_CONTRAST = (
    0.25  # of the others': images in [0, 1] have half of it, those of a barely trained generator hardly any
)


def check_real(source, real, extractor=None):
    """Refuses real images of which no value tells anything.

    Args:
        source: the `tfgan_kit.data` source that they are of.
        real: the `ImageSet`.
        extractor: what made its features, or None.

    Raises:
        ValueError: samples, or features, that are all the same.
    """
    if len(real.samples) > 1 and (real.samples == real.samples[0]).all():
        raise ValueError(
            f"The {len(real.samples)} real samples that were looked at are all the same, so no value would tell "
            f"generators apart: look at the data. Received: source={source.name!r}"
        )
    if real.features is not None and real.count > 1 and (real.features == real.features[0]).all():
        raise ValueError(
            "The extractor answers the same for every real image, so no value would tell generators apart: look at "
            f"its weights and its input range, or take another. Received: extractor={extractor.name!r}"
        )


def suspicions(source, generated, reference):
    """What is odd about the kept samples of generated and real images beside each other, as warnings."""
    empty = empty_classes(source)
    found = []
    if empty:
        found.append(f"classes {empty} of {source.name} have no image: the domain classifier needs some of every class")
    images, real = generated.samples, reference.samples
    if images.ndim != 4 or not len(images):
        return found
    if (images == images[0]).all() and len(images) > 1:
        return [*found, f"the first {len(images)} generated images are all the same: the generator has collapsed"]
    return [*found, *_of_range("generated", images, real), *_of_range("real", real, images)]


def _of_range(which, images, others):
    """Whether these images look as if they were in another range than [0, 255], and the others do not."""
    darkest, brightest = np.transpose([np.quantile(some, [0.01, 0.99]) for some in (images, others)])
    contrast = brightest - darkest
    if images.max() <= 1 < others.max():
        return [f"every {which} pixel is 0 or 1 of 255: images in [0, 1] were made uint8 without scaling"]
    if darkest[0] >= _BRIGHT and darkest[1] < _DARK and contrast[0] >= _LEAST_CONTRAST * contrast[1]:
        return [
            f"hardly any {which} pixel is darker than {_BRIGHT} of 255, unlike the others: are they of images in "
            "[0, 1], where [-1, 1] is expected?"
        ]
    return []
