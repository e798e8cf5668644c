"""Features of real images, kept from one evaluation to the next."""

import hashlib
import io

from tfgan_kit.files import cache_path, write_cache
from tfgan_kit.metrics import image_set
from tfgan_kit.metrics.image_set import ImageSet, gather, real_batches, spread

import numpy as np
from absl import logging

_DIGEST_BYTES = 32


def real_set(source, indices, extractor=None, keep=None, gather=gather):
    """The `ImageSet` of `source[indices]`; its features from the cache where they were made before.

    An entry is named by the source's fingerprint, the indices, the extractor's name and weights;
    written under a temporary name, then renamed; and begins with the checksum of the rest: a
    damaged one is said so and made again. An extractor without a `weights_hash` is not cached.

    Args:
        source: a `tfgan_kit.data` source.
        indices: int (N,).
        extractor: a `FeatureExtractor`, or None.
        keep: int, how many samples to keep, spread evenly over the indices; or None for all.
        gather: what takes the place of `image_set.gather`, such as a cluster's.
    """
    indices = np.asarray(indices, np.int64)
    kept = indices[spread(len(indices), keep)]
    answers = {} if extractor is None else _answers(source, indices, extractor, gather)
    labels = None if source.num_classes is None else np.asarray(source.labels, np.int32)[indices]
    samples = image_set.gather(real_batches(source, kept)).samples
    return ImageSet(len(indices), samples, answers.get("features"), answers.get("logits"), labels)


def _answers(source, indices, extractor, gather):
    """The extractor's answers by name, from the cache or made now."""
    path = cache_path(f"features_{_key(source, indices, extractor)}.npz")
    stored = None if extractor.weights_hash is None else _load(path)
    if stored is None:
        found = gather(real_batches(source, indices), extractor, keep=0)
        arrays = {"features": found.features, "logits": found.logits}
        stored = {name: array for name, array in arrays.items() if array is not None}
        if extractor.weights_hash is not None and not write_cache(path, _packed(stored)):
            logging.warning(
                "Features cannot be cached at %s; set TFGAN_KIT_CACHE to a folder that can be written.", path
            )
    return stored


def _key(source, indices, extractor):
    recipe = f"{source.fingerprint} {source.image_shape} {extractor.name} {extractor.weights_hash} "
    recipe += f"{extractor.resizer} "
    return hashlib.sha256(recipe.encode() + indices.tobytes()).hexdigest()[:24]


def _packed(arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    content = file.getvalue()
    return hashlib.sha256(content).digest() + content


def _load(path):
    """The arrays of an entry, or None where there is none or it is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content[_DIGEST_BYTES:]).digest() != content[:_DIGEST_BYTES]:
        logging.warning("The cached features %s are damaged (another checksum): making them again.", path)
        return None
    with np.load(io.BytesIO(content[_DIGEST_BYTES:])) as arrays:
        return dict(arrays)
