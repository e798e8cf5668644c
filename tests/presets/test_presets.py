import tfgan_kit as gk
from tfgan_kit import presets

import keras
import numpy as np
import pytest

from tests.twins import twins

SHAPE = (28, 28, 1)


@pytest.mark.thorough
@twins("num_classes", [10, None])
@twins("name", ["dcgan_mnist", "dcgan_fashion_mnist"])
def test_a_preset_is_whole_in_a_keras_file(name, num_classes, tmp_path):
    gan = presets.from_preset(name, SHAPE, num_classes, seed=3)
    images = np.random.default_rng(0).integers(0, 256, (8, *SHAPE), np.uint8)
    labels = None if num_classes is None else np.arange(8) % num_classes
    gan.fit(images, labels, batch_size=4, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    preset = presets.get(name)
    assert [p.get_config() for p in loaded.penalties] == [p.get_config() for p in preset.penalties]
    assert loaded.objective.__class__ is gk.objectives.OBJECTIVES[preset.objective]
    for optimizer, rate in (
        (loaded.generator_optimizer, preset.generator_learning_rate),
        (loaded.discriminator_optimizer, preset.discriminator_learning_rate),
    ):
        assert float(optimizer.learning_rate) == pytest.approx(rate)
        assert (optimizer.beta_1, optimizer.beta_2) == (preset.beta_1, preset.beta_2)
    np.testing.assert_array_equal(loaded.generate(4), gan.generate(4))


def test_the_demos_preset_stays_what_its_figures_were_measured_with():
    preset = presets.get("dcgan_mnist")
    assert (preset.dataset, preset.image_size, preset.batch_size, preset.steps) == ("mnist5k", 28, 64, 4000)
    assert (preset.objective, preset.update, preset.ema_decay, preset.flip) == ("non_saturating", None, 0.999, False)
    assert (preset.beta_1, preset.beta_2) == (0.5, 0.99)
    assert preset.generator_learning_rate == preset.discriminator_learning_rate == 4e-4
    (penalty,) = preset.penalties
    assert isinstance(penalty, gk.penalties.R1) and penalty.get_config() == {"gamma": 1.0, "interval": 16}
    generator, discriminator = preset.networks(SHAPE, 10)
    assert (generator.width, generator.latent_dim, discriminator.width) == (32, 64, 32)


def test_an_override_replaces_one_attribute_and_nothing_of_the_preset():
    gan = presets.from_preset("dcgan_mnist", SHAPE, objective="hinge", penalties=())
    assert isinstance(gan.objective, gk.objectives.Hinge) and gan.penalties == ()
    assert presets.get("dcgan_mnist").objective == "non_saturating"


def test_an_override_that_is_no_attribute_is_refused():
    with pytest.raises(TypeError, match="objektive"):
        presets.from_preset("dcgan_mnist", SHAPE, objektive="hinge")


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="exists already.*dcgan_mnist"):
        presets.register("dcgan_mnist", presets.Preset(networks=lambda shape, classes: None))


@pytest.mark.thorough
def test_rates_come_down_by_a_cosine_to_their_last_share_of_the_preset_s_steps():
    gan = presets.from_preset("mlp_mixture", (2,), steps=8)
    preset = presets.get("mlp_mixture")
    points = np.random.default_rng(0).normal(size=(80, 2)).astype(np.float32)
    rates = []
    for _ in range(9):
        rates.append([float(optimizer.learning_rate) for optimizer in gan.optimizer.optimizers])
        gan.fit(points[:8], batch_size=8, verbose=0)
    last = preset.last_learning_rate
    shares = last + (1 - last) * (1 + np.cos(np.pi * np.arange(9) / 8)) / 2
    starts = [preset.generator_learning_rate, preset.discriminator_learning_rate]
    np.testing.assert_allclose(rates, np.outer(shares, starts), rtol=1e-5)
