"""The feature extractor of a labelled data set: a small classifier trained on a part of it."""

import hashlib
from pathlib import Path

from tfgan_kit.files import cache_path, read_json, sha256, whole, write_json
from tfgan_kit.metrics.features import domain_training
from tfgan_kit.metrics.features.extractor import FeatureExtractor, hash_of_weights
from tfgan_kit.metrics.image_set import spread

import keras
import numpy as np
from absl import logging

TRUSTED_ACCURACY = 0.97
MAX_HELD_OUT = 10_000
SIDES = (8, 256)  # pixels that it takes
_INFERENCE_BATCH = 128


class DomainClassifier(FeatureExtractor):
    """The `FeatureExtractor` that was trained on a part of the data set itself.

    Its 64 features are the last hidden layer's. They stand for this data set only: distances over
    them are called `fd_domain` and `kid_domain`, never FID or KID, and two values can be compared
    only where `weights_hash` is the same.

    Args:
        model: a Keras model, float32 (N, H, W, C) in [-1, 1] -> (features, logits), as
            `build_classifier` makes it.
        accuracy: float in [0, 1], its share of right answers on images it was not trained on.
        held_out_count: int, the number of those images.
        training_count: int, the number of those it was trained on.

    Example::

        classifier = domain_classifier(source, indices)
        classifier(images).features  # float32 (N, 64)
        classifier(images).classes  # int32 (N,)
    """

    def __init__(self, model, accuracy, held_out_count, training_count):
        super().__init__(
            lambda images: model(images, training=False),
            "domain",
            weights_hash=hash_of_weights(model),
            batch_size=_INFERENCE_BATCH,
        )
        self.model = model
        self.accuracy = float(accuracy)
        self.held_out_count, self.training_count = int(held_out_count), int(training_count)

    @property
    def trusted(self):
        """Whether at least 97 % of its answers on held-out images are right."""
        return self.accuracy >= TRUSTED_ACCURACY

    def protocol(self):
        warning = (
            f"the domain classifier is right on {self.accuracy:.1%} of held-out images, below "
            f"{TRUSTED_ACCURACY:.0%}: trust no small differences"
        )
        return super().protocol() | {
            "extractor_recipe": domain_training.RECIPE,
            "extractor_accuracy": self.accuracy,
            "extractor_trusted": self.trusted,
            "extractor_training_count": self.training_count,
            "extractor_held_out_count": self.held_out_count,
            "warnings": [] if self.trusted else [warning],
        }


def domain_classifier(source, indices, seed=0, cache=None, steps=None):
    """The classifier of a labelled source, from the cache or trained now (about 12 s at 28x28, fewer images faster).

    Cached as `.keras` with its accuracy beside it as `.json`, under a name that depends on the
    source's fingerprint, the indices, the seed, the steps and the recipe. A cache file that is damaged
    is said so and trained again.

    Args:
        source: a labelled `tfgan_kit.data` source of images of 8 to 256 pixels a side and at
            least 2 classes.
        indices: int (N,), the images to train on; accuracy is measured on (at most 10,000 of) the
            others.
        seed: int >= 0.
        cache: a folder; by default `$TFGAN_KIT_CACHE`, or `~/.cache/tfgan_kit`.
        steps: int, training steps of 64 images; None is the recipe's, `domain_training.plan`.

    Returns:
        A `DomainClassifier`.

    Raises:
        ValueError: no labels, one class, a class without an image among `indices`, or images of
            another size.
    """
    indices = np.sort(np.asarray(indices, np.int64))
    _check_source(source, indices)
    stem = cache_folder(cache) / f"domain_classifier_{_key(source, indices, seed, steps)}"
    classifier = _load(stem, len(indices))
    if classifier is None:
        model = domain_training.train_classifier(source, indices, seed, steps)
        classifier = _measured(model, source, indices)
        _save(classifier, stem)
    return classifier


def cache_folder(cache=None):
    """The folder of cached extractors: `cache`, `$TFGAN_KIT_CACHE` or `~/.cache/tfgan_kit`."""
    return Path(cache) if cache else cache_path()


def _measured(model, source, indices):
    """The classifier with its accuracy on (at most 10,000 of) the images that are not `indices`."""
    held_out = np.setdiff1d(np.arange(source.num_images), indices)
    held_out = held_out[spread(len(held_out), MAX_HELD_OUT)]
    classifier = DomainClassifier(model, 0.0, len(held_out), len(indices))
    right = 0
    for images, labels in source.ordered(_INFERENCE_BATCH, indices=held_out):
        right += np.sum(classifier(images.numpy()).classes == labels.numpy())
    classifier.accuracy = float(right / len(held_out))
    return classifier


def classifiable(source):
    """Whether a domain classifier can be trained on a source."""
    return (
        source.num_classes is not None
        and source.num_classes >= 2
        and _has_its_size(source.image_shape)
        and not empty_classes(source)
    )


def empty_classes(source):
    """The classes of a source that no image has: a list of ints."""
    return [] if source.num_classes is None else sorted(set(range(source.num_classes)) - set(source.labels.tolist()))


def _has_its_size(shape):
    return len(shape) == 3 and SIDES[0] <= min(shape[:2]) <= max(shape[:2]) <= SIDES[1]


def _check_source(source, indices):
    if source.num_classes is None or (source.num_classes or 0) < 2:
        raise ValueError(
            "A domain classifier needs labels of at least 2 classes; for other sets measure "
            f"`swd`. Received: source={source.name!r}, num_classes={source.num_classes}"
        )
    if not _has_its_size(source.image_shape):
        raise ValueError(
            f"A domain classifier takes images of {SIDES[0]} to {SIDES[1]} pixels a side: resize them where the "
            f"source is opened. Received: source={source.name!r}, image_shape={source.image_shape}"
        )
    counts = np.bincount(np.asarray(source.labels)[indices], minlength=source.num_classes)
    if not counts.all() or len(indices) >= source.num_images:
        raise ValueError(
            "A domain classifier needs an image of every class to train on, and others to be "
            "measured on: use a larger source, or drop the rare classes. "
            f"Received: {len(indices)} of {source.num_images} images of {source.name!r}, "
            f"classes without one: {np.flatnonzero(counts == 0).tolist()}"
        )


def _key(source, indices, seed, steps):
    recipe = f"{source.fingerprint} recipe {domain_training.RECIPE} seed {seed} "
    planned = domain_training.plan(len(indices), steps)
    if steps:
        recipe += f"steps {steps} "
    elif planned != (domain_training.STEPS, domain_training.BATCH_SIZE):
        recipe += "at most steps {} of {} ".format(*planned)
    return hashlib.sha256(recipe.encode() + indices.tobytes()).hexdigest()[:24]


def _load(stem, training_count):
    """The cached classifier, or None where there is none or it is damaged."""
    weights, record = stem.with_suffix(".keras"), stem.with_suffix(".json")
    if not weights.exists():
        return None
    try:
        stored = read_json(record)
        if sha256(weights) != stored["sha256"]:
            raise ValueError("its checksum is not the recorded one")
        model = keras.saving.load_model(weights, compile=False)
        return DomainClassifier(model, stored["accuracy"], stored["held_out_count"], training_count)
    except (OSError, ValueError, KeyError, TypeError) as error:
        logging.warning("The cached domain classifier %s is damaged (%s): training it again.", weights, error)
        return None


def _save(classifier, stem):
    """Writes both files, each whole or not at all."""
    weights, record = stem.with_suffix(".keras"), stem.with_suffix(".json")
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        with whole(weights) as temporary:
            classifier.model.save(temporary)
            found = sha256(temporary)
        facts = {"accuracy": classifier.accuracy, "held_out_count": classifier.held_out_count}
        write_json(record, {"sha256": found} | facts)
    except OSError as error:
        logging.warning(
            "The domain classifier cannot be cached in %s (%s): it is trained again next time; "
            "set TFGAN_KIT_CACHE to a folder that can be written.",
            stem.parent,
            error,
        )
