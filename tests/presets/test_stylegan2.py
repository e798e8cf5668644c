"""StyleGAN2's presets: the authors' configurations, and rates that are corrected for lazy penalties."""

import dataclasses

import tfgan_kit as gk
from tfgan_kit.presets import stylegan2
from tfgan_kit.presets.recipe import preset_of, recipe
from tfgan_kit.presets.settings import with_settings

import keras
import numpy as np
import pytest

# The table of the authors' train.py: batch, rate, gamma, half-life in images, ramp, images in all.
AUTHORS = {
    "stylegan2_config_f": (32, 0.002, 10.0, 10_000, None, 25_000_000),
    "stylegan2_paper256": (64, 0.0025, 1.0, 20_000, None, 25_000_000),
    "stylegan2_paper512": (64, 0.0025, 0.5, 20_000, None, 25_000_000),
    "stylegan2_paper1024": (32, 0.002, 2.0, 10_000, None, 25_000_000),
    "stylegan2_cifar10": (64, 0.0025, 0.01, 500_000, 0.05, 100_000_000),
    "stylegan2_auto_256": (16, 0.0025, 0.0002 * 256**2 / 16, 5_000, 0.05, 25_000_000),
    "stylegan2_auto_1024": (4, 0.002, 0.0002 * 1024**2 / 4, 1_250, 0.05, 25_000_000),
}


def small(**changes):
    """The small preset with networks of 8 pixels."""

    def networks(shape, classes):
        shared = dict(num_classes=classes, channel_base=16, channel_max=4)
        return (
            gk.networks.StyleGAN2Generator(8, 1, latent_dim=4, w_dim=4, mapping_layers=2, style_mixing=0.9, **shared),
            gk.networks.StyleGAN2Discriminator(8, 1, mapping_layers=2, **shared),
        )

    preset = gk.presets.get("stylegan2_fashion_mnist")
    return dataclasses.replace(preset, networks=networks, batch_size=4, **changes)


@pytest.mark.parametrize("name", AUTHORS)
def test_presets_have_the_authors_values(name):
    preset, (batch, rate, gamma, half_life, ramp_up, images) = gk.presets.get(name), AUTHORS[name]
    assert (preset.batch_size, preset.steps) == (batch, images // batch)
    assert preset.generator_learning_rate == preset.discriminator_learning_rate == rate
    assert (preset.beta_1, preset.beta_2, preset.epsilon, preset.objective) == (0.0, 0.99, 1e-8, "non_saturating")
    r1, *others = preset.penalties
    assert r1.get_config() == {"gamma": pytest.approx(gamma), "interval": 16}
    with_paths = [gk.penalties.PathLength().get_config()] if name != "stylegan2_cifar10" else []
    assert [penalty.get_config() for penalty in others] == with_paths
    config = preset.ema_decay.get_config()
    assert (config["half_life"], config["batch_size"], config.get("ramp_up")) == (half_life, batch, ramp_up)


def test_an_automatic_batch_is_of_all_gpus():
    """min(32, 4096 / size) a GPU, at most 64 together; at least one each."""
    found = [stylegan2.auto(size, gpus).batch_size for size, gpus in ((64, 1), (256, 8), (1024, 2), (2048, 1))]
    assert found == [32, 64, 8, 2]


def test_optimizers_are_corrected_for_their_player_s_interval():
    gan = gk.presets.preset.build(small(last_learning_rate=0.5), (8, 8, 1))
    for optimizer, share in ((gan.generator_optimizer, 4 / 5), (gan.discriminator_optimizer, 16 / 17)):
        assert float(optimizer.learning_rate) == pytest.approx(0.0025 * share)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.0, pytest.approx(0.99**share))
    gan.step.assign(10_000)  # all of its steps
    assert float(gan.generator_optimizer.learning_rate) == pytest.approx(0.00125 * 4 / 5)


def test_another_update_rule_has_the_rates_as_they_are():
    gan = gk.presets.preset.build(small(update=gk.updates.Alternating()), (8, 8, 1))
    assert float(gan.generator_optimizer.learning_rate) == pytest.approx(0.0025)


def test_a_recipe_makes_the_preset_again_and_settings_reach_its_parts():
    again = preset_of(recipe(small(), (8, 8, 1), 3))
    assert again.ema_decay.get_config() == small().ema_decay.get_config()
    assert type(again.update) is gk.updates.LazyRegularization
    found = with_settings(again, ["penalties.path_length.weight=1", "ema_decay.ramp_up=0.1", "augment=ada"])
    assert (found.penalties[1].weight, found.ema_decay.ramp_up) == (1, 0.1)


def test_the_networks_are_those_of_their_sizes():
    preset = gk.presets.get("stylegan2_fashion_mnist")
    generator, discriminator = preset.networks((28, 28, 1), 10)
    assert generator.num_ws == 6 and generator.style_mixing == 0.9  # 7, 14 and 28 pixels
    assert generator.output_shape == (None, 28, 28, 1)
    assert discriminator.mbstd_group == 4
    cifar, judge = gk.presets.get("stylegan2_cifar10").networks((32, 32, 3), 10)
    assert (cifar.style_mixing, cifar.mapping_layers, judge.architecture, judge.mbstd_group) == (0.0, 2, "orig", 32)


@pytest.mark.parametrize("shape", [(2,), (30, 30, 1)], ids=str)
def test_data_that_the_networks_do_not_have_are_refused(shape):
    with pytest.raises(ValueError, match="Received: "):
        gk.from_preset("stylegan2_fashion_mnist", shape)


@pytest.mark.slow
@pytest.mark.thorough
def test_a_preset_trains_and_is_whole_in_a_file(tmp_path):
    gan = gk.presets.preset.build(small(), (8, 8, 1), 3)
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), np.uint8)
    history = gan.fit(images, np.arange(8) % 3, batch_size=4, verbose=0).history
    assert {"d_loss", "g_loss", "r1", "path_length", "path_length_mean"} <= history.keys()
    assert np.isfinite(list(history.values())).all()
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.get_compile_config() == gan.get_compile_config()
    np.testing.assert_array_equal(loaded.generate(4), gan.generate(4))
