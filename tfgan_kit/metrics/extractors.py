"""The extractors that are known by name."""

from tfgan_kit.metrics.feature_extractor import feature_extractor


def open_extractor(extractor):
    """The `FeatureExtractor` of a name, "inception" or "lite0", or of a network of one's own."""
    return feature_extractor(extractor)
