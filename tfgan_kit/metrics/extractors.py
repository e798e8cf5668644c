"""The extractors that are known by name, and where their weights are."""

import functools

from tfgan_kit.metrics import efficientnet_lite0, inception, weight_files
from tfgan_kit.metrics.feature_extractor import FeatureExtractor, feature_extractor
from tfgan_kit.metrics.resizing import RESIZERS

# The network's module, what finds its weights, its own resizer, images at a time.
_NETWORKS = {
    "inception": (inception, weight_files.inception_weights, "tf1_bilinear", 32),
    "lite0": (efficientnet_lite0, weight_files.efficientnet_lite0_weights, "clean", 32),
}


def open_extractor(extractor, weights=None, resizer=None):
    """The `FeatureExtractor` of a name, or of a network of one's own.

    Args:
        extractor: "inception", the network of the FID (2048 features); "lite0", EfficientNet-Lite0 (1280), for
            where the former's weights are not to be had; or what `feature_extractor` takes.
        weights: path of the published file of weights; None: found in the cache, or downloaded once.
        resizer: "tf1_bilinear" or "clean"; None: the network's own, "tf1_bilinear" of inception and "clean" of lite0.
            Another one joins the extractor's name: `fd_inception_clean_10k`.

    Raises:
        ValueError: no such network, weights that are not to be had, an option of another extractor.

    Example:
        >>> extractor = open_extractor("inception", resizer="clean")
    """
    known = isinstance(extractor, str) and extractor in _NETWORKS
    if not known:
        if weights or resizer:
            raise ValueError(
                f"`weights` and `resizer` are of {' and '.join(_NETWORKS)}. "
                f"Received: extractor={extractor!r}, weights={weights!r}, resizer={resizer!r}"
            )
        return feature_extractor(extractor)
    network, find, own_resizer, batch_size = _NETWORKS[extractor]
    resizer = resizer or own_resizer
    if resizer not in RESIZERS:
        raise ValueError(f"`resizer` must be one of {', '.join(RESIZERS)}. Received: resizer={resizer!r}")
    path = find(weights)
    return FeatureExtractor(
        network.build(path), extractor if resizer == own_resizer else f"{extractor}_{resizer}",
        functools.partial(network.prepare, resizer=resizer), weight_files.sha256(path)[:16], resizer, batch_size,
    )
