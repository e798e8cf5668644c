"""The feature extractor of a labelled data set: a small classifier trained on a part of it."""

import hashlib
import json
import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from absl import logging
from tqdm import tqdm

from tfgan_kit.data import pixels

RECIPE = 1  # raise it when anything below changes what is trained: caches of older ones are left
FEATURES = 64
STEPS = 800
BATCH_SIZE = 64
LEARNING_RATE = 3e-3
TRUSTED_ACCURACY = 0.97
MAX_TRAINING_BYTES = 2**30
MAX_HELD_OUT = 10_000
_INFERENCE_BATCH = 128


class DomainClassifier:
    """Maps images to 64 features and to a class.

    The features are the last hidden layer's. They stand for this data set only: distances over
    them are called `fd_domain` and `kid_domain`, never FID or KID, and two values can be compared
    only where `weights_hash` is the same. Every batch is run at one fixed size, so a row's
    features do not depend on its neighbours.

    Args:
        model: a Keras model, float32 [N, H, W, C] in [-1, 1] -> (features, logits), as
            `build_classifier` makes it.
        accuracy: float in [0, 1], its share of right answers on images it was not trained on.
        held_out_count: int, the number of those images.

    Example:
        >>> classifier = domain_classifier(source, indices)
        >>> features, classes = classifier(images)  # float32 [N, 64], int32 [N]
    """

    def __init__(self, model, accuracy, held_out_count):
        self.model = model
        self.accuracy = float(accuracy)
        self.held_out_count = int(held_out_count)
        self.trusted = self.accuracy >= TRUSTED_ACCURACY
        shape = (_INFERENCE_BATCH, *model.input_shape[1:])
        self._forward = tf.function(self._run, input_signature=[tf.TensorSpec(shape, tf.uint8)])

    @property
    def weights_hash(self):
        digest = hashlib.sha256()
        for weight in self.model.get_weights():
            digest.update(np.ascontiguousarray(weight).tobytes())
        return digest.hexdigest()[:16]

    def __call__(self, images):
        """uint8 [N, H, W, C] -> features, float32 [N, 64], and classes, int32 [N]."""
        images = np.asarray(images)
        parts = [
            self._padded(images[start : start + _INFERENCE_BATCH])
            for start in range(0, len(images), _INFERENCE_BATCH)
        ]
        features, classes = zip(*parts, strict=True)
        return np.concatenate(features), np.concatenate(classes)

    def _padded(self, images):
        padding = _INFERENCE_BATCH - len(images)
        batch = np.pad(images, [(0, padding), (0, 0), (0, 0), (0, 0)])
        features, classes = self._forward(batch)
        return features.numpy()[: len(images)], classes.numpy()[: len(images)]

    def _run(self, images):
        features, logits = self.model(pixels.to_float(images), training=False)
        return features, tf.argmax(logits, axis=-1, output_type=tf.int32)


def domain_classifier(source, indices, seed=0, cache=None):
    """The classifier of a labelled source, from the cache or trained now (about 15 s at 28x28).

    Cached as `.keras` with its accuracy beside it as `.json`, under a name that depends on the
    source's fingerprint, the indices, the seed and the recipe. A cache file that is damaged is
    said so and trained again.

    Args:
        source: a labelled `tfgan_kit.data` source of images of 8 to 256 pixels a side and at
            least 2 classes.
        indices: int [N], the images to train on; accuracy is measured on (at most 10,000 of) the
            others.
        seed: int >= 0.
        cache: a folder; by default `$TFGAN_KIT_CACHE`, or `~/.cache/tfgan_kit`.

    Returns:
        A `DomainClassifier`.

    Raises:
        ValueError: no labels, one class, a class without an image among `indices`, or images of
            another size.
    """
    indices = np.sort(np.asarray(indices, np.int64))
    _check_source(source, indices)
    stem = cache_folder(cache) / f"domain_classifier_{_key(source, indices, seed)}"
    classifier = _load(stem)
    if classifier is None:
        classifier = train_classifier(source, indices, seed)
        _save(classifier, stem)
    return classifier


def cache_folder(cache=None):
    """The folder of cached extractors: `cache`, `$TFGAN_KIT_CACHE` or `~/.cache/tfgan_kit`."""
    return Path(cache or os.environ.get("TFGAN_KIT_CACHE") or Path.home() / ".cache" / "tfgan_kit")


def build_classifier(image_shape, num_classes, seed=0):
    """A small convolutional classifier for any image size from 8 to 256 pixels.

    Conv-BatchNorm-ReLU stages of 16, 32, 64, then 128 channels, each pooled to half until the
    side is at most 4; above 64 pixels a strided convolution comes first; then 64 features.

    Returns:
        A Keras model: float32 [N, H, W, C] -> (features [N, 64] >= 0, logits [N, num_classes]).
    """
    seeds = iter(range(seed * 1000, seed * 1000 + 1000))
    inputs = x = keras.Input(image_shape)
    stride = -(-min(image_shape[:2]) // 64)
    if stride > 1:
        x = _normalised_relu(keras.layers.Conv2D(
            16, 2 * stride, stride, "same", use_bias=False, kernel_initializer=_he(seeds))(x))
    stage = 0
    while stage < 2 or min(x.shape[1:3]) > 4:
        width = (16, 32, 64, 128)[min(stage, 3)]
        x = _normalised_relu(keras.layers.Conv2D(
            width, 3, padding="same", use_bias=False, kernel_initializer=_he(seeds))(x))
        if min(x.shape[1:3]) > 4:
            x = keras.layers.MaxPooling2D()(x)
        stage += 1
    x = keras.layers.Flatten()(x)
    features = _normalised_relu(
        keras.layers.Dense(FEATURES, use_bias=False, kernel_initializer=_he(seeds))(x))
    logits = keras.layers.Dense(num_classes, kernel_initializer=_he(seeds))(features)
    return keras.Model(inputs, [features, logits])


def train_classifier(source, indices, seed=0):
    """Trains a classifier on `source[indices]` and measures it on the other images.

    800 steps of 64 images whatever the source (20 epochs of 2,500 images), shifted at random by
    up to a twelfth of the side; AdamW, a cosine learning rate, label smoothing 0.1. On two cores
    13 s and 98.8 % on the held-out half of MNIST 5k. At most 1 GiB of images is used.

    Returns:
        A `DomainClassifier`.
    """
    most = max(1, MAX_TRAINING_BYTES // int(np.prod(source.image_shape)))
    random = np.random.default_rng(seed)
    if len(indices) > most:
        indices = np.sort(random.choice(indices, most, replace=False))
    images, labels = read(source, indices)
    model = build_classifier(source.image_shape, source.num_classes, seed)
    step = _training_step(model, source.num_classes)
    order = _batches(len(images), random)
    for _ in tqdm(range(STEPS), f"training the domain classifier of {source.name}",
                  unit="step", delay=2, leave=False):
        chosen = next(order)
        step(shifted(images[chosen], random), labels[chosen])
    return _measured(model, source, indices)


def read(source, indices):
    """The images and int32 labels of `source[indices]`, in this order, as two arrays."""
    batches = [(images.numpy(), labels.numpy()) for images, labels in
               source.ordered(_INFERENCE_BATCH, indices=indices)]
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels).astype(np.int32)


def shifted(images, random):
    """Each image moved by up to a twelfth of its sides, its edge repeated: [N, H, W, C], same."""
    count, height, width, _ = images.shape
    rows = _shifted_index(count, height, random)
    columns = _shifted_index(count, width, random)
    return images[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def _shifted_index(count, side, random):
    most = max(1, side // 12)
    shifts = random.integers(-most, most + 1, (count, 1))
    return np.clip(np.arange(side) + shifts, 0, side - 1)  # (N, side)


def _batches(count, random):
    """Batches of indices for ever, each image once an epoch."""
    waiting = np.empty(0, np.int64)
    while True:
        while len(waiting) < BATCH_SIZE:
            waiting = np.concatenate([waiting, random.permutation(count)])
        yield waiting[:BATCH_SIZE]
        waiting = waiting[BATCH_SIZE:]


def _training_step(model, num_classes):
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, STEPS)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-3)
    optimizer.build(model.trainable_variables)
    loss_of = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)

    @tf.function
    def step(images, labels):
        with tf.GradientTape() as tape:
            _, logits = model(pixels.to_float(images), training=True)
            loss = loss_of(tf.one_hot(labels, num_classes), logits)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)

    return lambda images, labels: step(tf.constant(images), tf.constant(labels))


def _measured(model, source, indices):
    held_out = np.setdiff1d(np.arange(source.num_images), indices)
    held_out = held_out[np.linspace(0, len(held_out) - 1, min(len(held_out), MAX_HELD_OUT), dtype=int)]
    classifier = DomainClassifier(model, 0.0, len(held_out))
    right = 0
    for images, labels in source.ordered(_INFERENCE_BATCH, indices=held_out):
        right += np.sum(classifier(images)[1] == labels.numpy())
    return DomainClassifier(model, right / len(held_out), len(held_out))


def _normalised_relu(x):
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))


def _he(seeds):
    return keras.initializers.HeNormal(seed=next(seeds))


def _check_source(source, indices):
    if source.labels is None or (source.num_classes or 0) < 2:
        raise ValueError(
            "A domain classifier needs labels of at least 2 classes; for other sets measure "
            f"`swd`. Received: source={source.name!r}, num_classes={source.num_classes}"
        )
    shape = source.image_shape
    if len(shape) != 3 or not 8 <= min(shape[:2]) <= max(shape[:2]) <= 256:
        raise ValueError(
            "A domain classifier takes images of 8 to 256 pixels a side: resize them where the "
            f"source is opened. Received: source={source.name!r}, image_shape={shape}"
        )
    counts = np.bincount(np.asarray(source.labels)[indices], minlength=source.num_classes)
    if not counts.all() or len(indices) >= source.num_images:
        raise ValueError(
            "A domain classifier needs an image of every class to train on, and others to be "
            "measured on: use a larger source, or drop the rare classes. "
            f"Received: {len(indices)} of {source.num_images} images of {source.name!r}, "
            f"classes without one: {np.flatnonzero(counts == 0).tolist()}"
        )


def _key(source, indices, seed):
    parts = f"{source.fingerprint} recipe {RECIPE} seed {seed} ".encode() + indices.tobytes()
    return hashlib.sha256(parts).hexdigest()[:24]


def _load(stem):
    """The cached classifier, or None where there is none or it is damaged."""
    weights, record = stem.with_suffix(".keras"), stem.with_suffix(".json")
    if not weights.exists():
        return None
    try:
        stored = json.loads(record.read_text())
        if hashlib.sha256(weights.read_bytes()).hexdigest() != stored["sha256"]:
            raise ValueError("its checksum is not the recorded one")
        model = keras.saving.load_model(weights, compile=False)
        return DomainClassifier(model, stored["accuracy"], stored["held_out_count"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        logging.warning(
            "The cached domain classifier %s is damaged (%s): training it again.", weights, error)
        return None


def _save(classifier, stem):
    """Writes both files under temporary names, then renames them."""
    weights, record = stem.with_suffix(".keras"), stem.with_suffix(".json")
    temporary = stem.with_name(f"{stem.name}.{os.getpid()}.tmp.keras")
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        classifier.model.save(temporary)
        stored = {
            "sha256": hashlib.sha256(temporary.read_bytes()).hexdigest(),
            "accuracy": classifier.accuracy,
            "held_out_count": classifier.held_out_count,
        }
        os.replace(temporary, weights)
        temporary.write_text(json.dumps(stored))
        os.replace(temporary, record)
    except OSError as error:
        logging.warning(
            "The domain classifier cannot be cached in %s (%s): it is trained again next time; "
            "set TFGAN_KIT_CACHE to a folder that can be written.", stem.parent, error)
    finally:
        temporary.unlink(missing_ok=True)
