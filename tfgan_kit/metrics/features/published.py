"""The extractors that are known by name, and where their weights are."""

import functools
from types import ModuleType
from typing import NamedTuple

from tfgan_kit.metrics.features import efficientnet_lite0, inception
from tfgan_kit.metrics.features.extractor import FeatureExtractor, feature_extractor
from tfgan_kit.metrics.features.resizing import RESIZERS
from tfgan_kit.metrics.features.weight_files import EFFICIENTNET_LITE0, INCEPTION, WeightFile, find

BATCH_SIZE = 32


class _Network(NamedTuple):
    """A known network: its module, the file of its weights, its own resizer."""

    module: ModuleType
    weights: WeightFile
    resizer: str


_NETWORKS = {
    "inception": _Network(inception, INCEPTION, "tf1_bilinear"),
    "lite0": _Network(efficientnet_lite0, EFFICIENTNET_LITE0, "clean"),
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

    Example::

        extractor = open_extractor("inception", resizer="clean")
    """
    known = isinstance(extractor, str) and extractor in _NETWORKS
    if not known:
        if weights or resizer:
            raise ValueError(
                f"`weights` and `resizer` are of {' and '.join(_NETWORKS)}. "
                f"Received: extractor={extractor!r}, weights={weights!r}, resizer={resizer!r}"
            )
        return feature_extractor(extractor)
    network = _NETWORKS[extractor]
    resizer = resizer or network.resizer
    if resizer not in RESIZERS:
        raise ValueError(f"`resizer` must be one of {', '.join(RESIZERS)}. Received: resizer={resizer!r}")
    return FeatureExtractor(
        network.module.build(find(network.weights, weights)),
        extractor if resizer == network.resizer else f"{extractor}_{resizer}",
        functools.partial(network.module.prepare, resizer=resizer),
        network.weights.sha256[:16],
        resizer,
        BATCH_SIZE,
    )
