"""The network of the domain classifier, and how it is trained."""

from tfgan_kit import pixels
from tfgan_kit.metrics.features.extractor import in_float32

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

RECIPE = 1  # raise it when anything below changes what is trained: older caches are left alone
FEATURES = 64
STEPS = 600
BATCH_SIZE = 64
LEARNING_RATE = 3e-3
MAX_TRAINING_BYTES = 2**30


def train_classifier(source, indices, seed=0, steps=None):
    """Trains a classifier on `source[indices]`.

    600 steps, unless told otherwise, of 64 images, whatever the source (15 epochs of 2,500 images),
    shifted at random by up to a twelfth of the side; AdamW, a cosine learning rate, label smoothing 0.1. On two cores
    11 s and 98.5 % on the held-out half of MNIST 5k. At most 1 GiB of images is used.

    Returns:
        A Keras model, as `build_classifier` makes it.
    """
    most = max(1, MAX_TRAINING_BYTES // int(np.prod(source.image_shape)))
    random = np.random.default_rng(seed)
    if len(indices) > most:
        indices = np.sort(random.choice(indices, most, replace=False))
    images, labels = read(source, indices)
    model = build_classifier(source.image_shape, source.num_classes, seed)
    steps = steps or STEPS
    step = _training_step(model, source.num_classes, steps)
    order = _batches(len(images), random)
    for _ in tqdm(range(steps), f"training the domain classifier of {source.name}", unit="step", delay=2, leave=False):
        chosen = next(order)
        step(shifted(images[chosen], random), labels[chosen])
    return model


def read(source, indices):
    """The images and int32 labels of `source[indices]`, in this order, as two arrays."""
    batches = [(images.numpy(), labels.numpy()) for images, labels in source.ordered(BATCH_SIZE, indices=indices)]
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels).astype(np.int32)


def shifted(images, random):
    """Each image moved by up to a twelfth of its sides, its edge repeated: (N, H, W, C), same."""
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


def _training_step(model, num_classes, steps):
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
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


@in_float32()
def build_classifier(image_shape, num_classes, seed=0):
    """A small convolutional classifier for any image size from 8 to 256 pixels.

    Conv-BatchNorm-ReLU stages of 16, 32, 64, then 128 channels, each pooled to half until the
    side is at most 4; above 64 pixels a strided convolution comes first; then 64 features.

    Returns:
        A Keras model: float32 (N, H, W, C) -> (features (N, 64) >= 0, logits (N, num_classes)).
    """
    seeds = iter(range(seed * 1000, seed * 1000 + 1000))
    inputs = x = keras.Input(image_shape)
    stride = -(-min(image_shape[:2]) // 64)
    if stride > 1:
        x = _normalised_relu(
            keras.layers.Conv2D(16, 2 * stride, stride, "same", use_bias=False, kernel_initializer=_he(seeds))(x)
        )
    stage = 0
    while stage < 2 or min(x.shape[1:3]) > 4:
        width = (16, 32, 64, 128)[min(stage, 3)]
        x = _normalised_relu(
            keras.layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer=_he(seeds))(x)
        )
        if min(x.shape[1:3]) > 4:
            x = keras.layers.MaxPooling2D()(x)
        stage += 1
    x = keras.layers.Flatten()(x)
    features = _normalised_relu(keras.layers.Dense(FEATURES, use_bias=False, kernel_initializer=_he(seeds))(x))
    logits = keras.layers.Dense(num_classes, kernel_initializer=_he(seeds))(features)
    return keras.Model(inputs, [features, logits])


def _normalised_relu(x):
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))


def _he(seeds):
    return keras.initializers.HeNormal(seed=next(seeds))
