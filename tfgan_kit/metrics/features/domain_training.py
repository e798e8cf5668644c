"""The network of the domain classifier, and how it is trained."""

from tfgan_kit import pixels
from tfgan_kit.internals.keras import leave_the_sum_to_us
from tfgan_kit.networks.network import precision

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

RECIPE = 1  # raise it when anything below changes what is trained: older caches are left alone
FEATURES = 64
STEPS, BATCH_SIZE = 600, 64  # of 2,500 images or more
MANY = 2500
FEWEST_STEPS, SMALL_BATCH = 150, 32
EPOCHS_ALL_RIGHT = 2  # after which a training on fewer than MANY images stops
LEARNING_RATE = 3e-3
MAX_TRAINING_BYTES = 2**30


def train_classifier(source, indices, seed=0, steps=None):
    """Trains a classifier on `source[indices]`.

    As many steps as `plan` says, unless told otherwise, of images shifted at random by up to a twelfth of the side;
    AdamW, a cosine learning rate, label smoothing 0.1. On two cores 11 s and 98.5 % on the held-out half of MNIST 5k;
    of 60 photos of 64 pixels at most 9 s: of fewer than 2,500 images it stops after two epochs in which every answer
    was right. At most 1 GiB of images is used.

    Returns:
        A Keras model, as `build_classifier` makes it.
    """
    most = max(1, MAX_TRAINING_BYTES // int(np.prod(source.image_shape)))
    random = np.random.default_rng(seed)
    if len(indices) > most:
        indices = np.sort(random.choice(indices, most, replace=False))
    images, labels = read(source, indices)
    model = build_classifier(source.image_shape, source.num_classes, seed)
    steps, batch_size = plan(len(images), steps)
    step = _training_step(model, source.num_classes, steps)
    order = _batches(len(images), batch_size, random)
    name = f"training the domain classifier of {source.name}, once"
    right_in_a_row = 0
    for _ in tqdm(range(steps), name, unit="step", delay=2, leave=False):
        chosen = next(order)
        right = int(step(shifted(images[chosen], random), labels[chosen]))
        right_in_a_row = right_in_a_row + right if right == len(chosen) else 0
        if len(images) < MANY and right_in_a_row >= EPOCHS_ALL_RIGHT * len(images):
            break
    return model


def plan(count, steps=None):
    """(steps, batch size) of a training on `count` images: 600 of 64 from 2,500 images on.

    That is 15 epochs; fewer images have as many, and at least 150 steps of 32: 60 digits and 200 digits then lose 1 %
    against 600 steps of 64, in an eighth of the time. Steps that are asked for are of 64.
    """
    if steps:
        return steps, BATCH_SIZE
    steps = STEPS * min(count, MANY) // MANY
    return (steps, BATCH_SIZE) if steps >= FEWEST_STEPS else (min(FEWEST_STEPS, STEPS), SMALL_BATCH)


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


def _batches(count, batch_size, random):
    """Batches of indices for ever, each image once an epoch."""
    waiting = np.empty(0, np.int64)
    while True:
        while len(waiting) < batch_size:
            waiting = np.concatenate([waiting, random.permutation(count)])
        yield waiting[:batch_size]
        waiting = waiting[batch_size:]


def _training_step(model, num_classes, steps):
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    optimizer = leave_the_sum_to_us(keras.optimizers.AdamW(schedule, weight_decay=1e-3))
    optimizer.build(model.trainable_variables)
    loss_of = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)

    @tf.function
    def step(images, labels):
        with tf.GradientTape() as tape:
            _, logits = model(pixels.to_float(images), training=True)
            loss = loss_of(tf.one_hot(labels, num_classes), logits)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return tf.math.count_nonzero(tf.argmax(logits, axis=-1, output_type=labels.dtype) == labels)

    return lambda images, labels: step(tf.constant(images), tf.constant(labels))


@precision("float32")  # whatever Keras is set to: a known name stands for one network
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
