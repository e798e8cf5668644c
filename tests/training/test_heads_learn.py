"""AC-GAN and InfoGAN learn what they are for, on four Gaussians of which each point's own is known: slow."""

import tfgan_kit as gk
from tfgan_kit.penalties import R1, AuxiliaryClassifier, MutualInformation

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.slow
MODES, COUNT = 4, 4096
LABELS = np.random.default_rng(0).integers(0, MODES, COUNT).astype(np.int32)
NOISE = np.random.default_rng(1).normal(size=(COUNT, 2))
POINTS = np.stack([np.cos(LABELS * np.pi / 2), np.sin(LABELS * np.pi / 2)], axis=1) + 0.1 * NOISE


def mode_of(points):
    """The Gaussian that a point is nearest to."""
    return np.round(np.arctan2(points[:, 1], points[:, 0]) / (np.pi / 2)).astype(int) % MODES


def trained(generator, discriminator, penalties, *data, **arguments):
    keras.utils.set_random_seed(0)
    gan = gk.GAN(generator, discriminator, **arguments)
    rates = [keras.optimizers.Adam(1e-3, beta_1=0.5) for _ in range(2)]
    gan.compile(*rates, penalties=[*penalties, R1(gamma=1.0)])
    history = gan.fit(*data, batch_size=64, epochs=15, verbose=0).history
    return gan, {name: values[-1] for name, values in history.items()}


def judge():
    return gk.networks.MLPDiscriminator(width=64, depth=2, negative_slope=0.1)


def conditional_generator():
    latents, label = keras.Input((4,)), keras.Input((), dtype="int32")
    x = keras.layers.Concatenate()([latents, keras.layers.Embedding(MODES, 8)(label)])
    for _ in range(2):
        x = keras.layers.Dense(64, "relu")(x)
    return keras.Model([latents, label], keras.layers.Dense(2)(x))


def test_the_classes_that_acgan_is_asked_for_are_the_ones_it_generates():
    gan, logs = trained(
        conditional_generator(),
        gk.networks.ACGANDiscriminator(judge(), MODES),
        [AuxiliaryClassifier("discriminator"), AuxiliaryClassifier("generator", weight=0.1)],
        POINTS.astype(np.float32),
        LABELS,
        num_classes=MODES,
    )
    labels = np.arange(1000) % MODES
    assert np.mean(mode_of(gan.generate(1000, seed=3, labels=labels)) == labels) > 0.9  # by chance 0.25
    assert min(logs["real_class_accuracy"], logs["fake_class_accuracy"]) > 0.9


def test_each_category_of_infogan_is_a_gaussian_though_no_label_was_given():
    inner = gk.networks.MLPGenerator(latent_dim=MODES + 2, width=64, depth=2)
    gan, logs = trained(
        gk.networks.InfoGANGenerator(inner, [MODES], 0),
        gk.networks.InfoGANDiscriminator(judge(), [MODES], 0, width=32),
        [MutualInformation("discriminator"), MutualInformation("generator")],
        POINTS.astype(np.float32),
    )
    latents = np.random.default_rng(2).normal(size=(1000, MODES + 2)).astype(np.float32)
    codes = gan.generator.codes(latents).numpy()  # (N, K)
    table = codes.T @ np.eye(MODES)[mode_of(gan.predict(latents, verbose=0))] / len(latents)
    assert sorted(table.argmax(axis=1)) == list(range(MODES))  # each code has a Gaussian of its own,
    assert table.max(axis=1).sum() > 0.9  # and generates little else
    assert logs["code_accuracy"] > 0.9
    assert 0.9 * np.log(MODES) < logs["mutual_information"] <= np.log(MODES)
