"""Games that are played alike on one device and on several; run in processes of their own too."""

import tfgan_kit as gk

import keras
import numpy as np

LATENT_DIM, CLASSES = 5, 3
_random = np.random.default_rng(0)
# Batches of 8 leave a last one of 5, of which replica 0 gets 2 and replica 1 gets 3 rows.
IMAGES = _random.integers(0, 256, (21, 4, 4, 1), np.uint8)
LABELS = (np.arange(21) % CLASSES).astype(np.int32)
BATCH = 8


def networks(normalization=False, dtype="float32"):
    """A conditional pair with convolutions, an embedding and, if asked for, synchronized statistics."""
    keras.utils.set_random_seed(0)

    def normalize(x):
        if not normalization:
            return x
        return keras.layers.BatchNormalization(synchronized=True, momentum=0.9, dtype=dtype)(x)

    latents, label = keras.Input((LATENT_DIM,)), keras.Input((), dtype="int32")
    x = keras.layers.Embedding(CLASSES, 2, dtype=dtype)(label)
    x = keras.layers.Concatenate(dtype=dtype)([latents, x])
    x = keras.layers.ReLU(dtype=dtype)(normalize(keras.layers.Dense(16, dtype=dtype)(x)))
    x = keras.layers.Reshape((2, 2, 4), dtype=dtype)(x)
    x = keras.layers.Conv2DTranspose(1, 4, strides=2, padding="same", dtype=dtype)(x)
    images = keras.layers.Activation("tanh", dtype="float32")(x)
    generator = keras.Model([latents, label], images)

    images, label = keras.Input((4, 4, 1)), keras.Input((), dtype="int32")
    x = keras.layers.Conv2D(6, 3, strides=2, padding="same", dtype=dtype)(images)
    x = keras.layers.Flatten(dtype=dtype)(keras.layers.LeakyReLU(0.2, dtype=dtype)(normalize(x)))
    x = keras.layers.Concatenate(dtype=dtype)([x, keras.layers.Embedding(CLASSES, 2, dtype=dtype)(label)])
    logits = keras.layers.Dense(1, dtype=dtype)(x)
    return generator, keras.Model([images, label], logits)


def sgd(**arguments):
    return keras.optimizers.SGD(0.05, **arguments)


# What `compile` is given; functions, since optimizers belong to the scope they are made in.
CASES = {
    "plain": lambda: {},
    "discriminator_steps": lambda: {"update": gk.updates.Alternating(2, 1)},
    "generator_steps": lambda: {"update": gk.updates.Alternating(1, 2)},
    "accumulation": lambda: {"update": gk.updates.Alternating(gradient_accumulation_steps=2)},
    "gradient_penalty": lambda: {"objective": "wasserstein", "penalties": [gk.penalties.GradientPenalty(0.1)]},
    "lazy_r1": lambda: {"penalties": [gk.penalties.R1(0.1, interval=3)]},
    "lazy_updates": lambda: {
        "penalties": [gk.penalties.R1(0.1, interval=3), gk.penalties.R2(0.1, interval=3)],
        "update": gk.updates.LazyRegularization(),
    },
    "pairs": lambda: {"objective": "relativistic_pairing", "penalties": [gk.penalties.R1(0.1), gk.penalties.R2(0.1)]},
    "clipping": lambda: {
        "generator_optimizer": sgd(global_clipnorm=0.05),
        "discriminator_optimizer": sgd(global_clipnorm=0.05),
    },
    "regularizer": lambda: {},
    "lecam": lambda: {"penalties": [gk.penalties.LeCam(start=2)]},
    "ada": lambda: {
        "augment": gk.augment.ADA("bgcfnc", target=-0.5, interval=2, speed=0.1),
        "penalties": [gk.penalties.R1(0.1)],
    },
    "apa": lambda: {"augment": gk.augment.APA(target=-0.5, interval=2, speed=0.1)},
    "diff_augment": lambda: {
        "augment": "diff_augment",
        "update": gk.updates.Alternating(gradient_accumulation_steps=2),
    },
    "schedule": lambda: {
        "discriminator_optimizer": keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.05, 10)),
        "update": gk.updates.Alternating(2, 1),
    },
    "extragradient": lambda: {"update": gk.updates.Extragradient(), "penalties": [gk.penalties.R1(0.1, interval=3)]},
    "consensus": lambda: {"update": gk.updates.Consensus(0.3), "penalties": [gk.penalties.R1(0.1)]},
}


def make(strategy, case="plain", normalization=False, dtype="float32"):
    """A compiled GAN under `strategy`; the same weights each time."""
    with strategy.scope():
        generator, discriminator = networks(normalization, dtype)
        if case == "regularizer":
            discriminator.layers[-1].kernel.regularizer = keras.regularizers.L2(0.1)
        gan = gk.GAN(generator, discriminator, num_classes=CLASSES, ema_decay=0.5)
        optimizers = {"generator_optimizer": sgd(), "discriminator_optimizer": sgd()}
        gan.compile(**{**optimizers, **CASES[case]()})
    return gan


def play(gan, epochs=4):
    """12 steps, 4 of them with an uneven batch; the logs of each epoch and of an evaluation."""
    arguments = {"x": IMAGES, "y": LABELS, "batch_size": BATCH, "verbose": 0}
    history = gan.fit(epochs=epochs, shuffle=False, **arguments).history
    return history, gan.evaluate(return_dict=True, **arguments)


def weights_of(gan):
    """All numbers of both networks and the average, one vector."""
    variables = [*gan.generator.weights, *gan.discriminator.weights, *gan.ema_generator.weights]
    return np.concatenate([np.ravel(v.numpy()) for v in variables])
