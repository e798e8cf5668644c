"""The recipe of arXiv:2501.05441 as a preset: schedules count the images that the discriminator sees."""

import dataclasses

import tfgan_kit as gk
from tfgan_kit.presets import recipe
from tfgan_kit.presets.settings import with_settings

import keras
import numpy as np
import pytest

CIFAR_10 = gk.presets.get("r3gan_cifar10")
SMALL = dataclasses.replace(
    gk.presets.get("r3gan_fashion_mnist"),
    networks=lambda shape, classes: (
        gk.networks.R3GANGenerator(shape[:2], shape[2], 4, [(4, 1, 1), (2, 1, 1)], classes),
        gk.networks.R3GANDiscriminator(shape[:2], shape[2], [(2, 1, 1), (4, 1, 1)], classes),
    ),
)


@pytest.mark.parametrize("images, share", [(0, 0.0), (1e7, 0.5), (2e7, 1.0), (1e8, 1.0)])
def test_cifar_10_has_the_authors_values(images, share):
    """512 images of a batch of 1024 are the discriminator's, so a step is 512 images."""
    step, preset = int(images / 512), CIFAR_10
    found = [
        preset.generator_learning_rate(step), preset.discriminator_learning_rate(step), preset.beta_2(step),
        preset.penalties[0].gamma(step), preset.penalties[1].gamma(step), preset.augment.p(step),
        preset.ema_decay.half_life(step),
    ]  # fmt: skip
    ends = [(2e-4, 5e-5), (2e-4, 5e-5), (0.9, 0.99), (0.05, 0.005), (0.05, 0.005), (0, 0.55), (0, 5e6)]
    expected = [start + (end - start) * share for start, end in ends]  # a half-cosine is half-way in the middle
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    if images >= 2e7:
        np.testing.assert_allclose(preset.ema_decay(step), 0.5 ** (512 / 5e6), rtol=1e-6)
    assert (preset.beta_1, preset.epsilon, preset.objective) == (0.0, 1e-8, "relativistic_pairing")


def test_another_batch_size_leaves_the_curve_in_images():
    preset = dataclasses.replace(CIFAR_10, batch_size=64)
    assert preset.beta_2.batch_size == preset.penalties[1].gamma.batch_size == preset.augment.p.batch_size == 32
    assert preset.ema_decay.batch_size == preset.ema_decay.half_life.batch_size == 32
    assert dataclasses.replace(preset, update=None).beta_2.batch_size == 64
    assert CIFAR_10.beta_2.batch_size == 512


def test_a_recipe_holds_the_schedules_and_makes_the_preset_again():
    values = recipe.recipe(SMALL, (8, 8, 1), 3)
    again = recipe.preset_of(values)
    assert values["beta_2"]["config"] == {"start": 0.9, "end": 0.99, "num_images": 150_000, "batch_size": 32}
    assert again.ema_decay.get_config() == SMALL.ema_decay.get_config()
    assert recipe.differences(values, recipe.recipe(again, (8, 8, 1), 3)) == []
    other = recipe.recipe(dataclasses.replace(SMALL, beta_2=0.99), (8, 8, 1), 3)
    assert any("beta_2.config.end=0.99 (now nothing)" in text for text in recipe.differences(values, other))


def test_a_recipe_of_before_a_setting_existed_is_the_same():
    values = recipe.recipe(gk.presets.get("dcgan_mnist"), (28, 28, 1), 10)
    before = {name: value for name, value in values.items() if name not in ("epsilon", "augment")}
    assert recipe.differences(before, values) == []


def test_settings_reach_into_schedules():
    found = with_settings(
        SMALL,
        ["beta_2.end=0.95", "penalties.r1.gamma.start=3", "ema_decay.half_life.end=100", "ema_decay.half_life.start=1",
         "generator_learning_rate=1e-3", "penalties.r2.gamma=2", "batch_size=16"],
    )  # fmt: skip
    assert (found.beta_2.start, found.beta_2.end, found.beta_2.batch_size) == (0.9, 0.95, 16)
    assert found.penalties[0].gamma.start == 3 and found.penalties[1].gamma == 2
    assert (found.ema_decay.half_life.start, found.ema_decay.half_life.end) == (1, 100)
    assert found.generator_learning_rate == 1e-3
    assert SMALL.beta_2.end == 0.99


@pytest.mark.parametrize(
    "setting, message",
    [
        ("beta_2.last=1", "known are beta_2.start, beta_2.end, beta_2.num_images. Received: beta_2.last"),
        ("beta_2.batch_size=1", "known are beta_2.start"),  # the preset's
        ("beta_2.end=-1", "beta_2.end does not take this value.*finite number"),
        ("beta_2=2", "beta_2 must be of type float from 0 to 1"),
        ("penalties.r1.gamma.lost=1", "known are penalties.r1.gamma.start"),
        ("penalties.r1.interval.end=1", "known are penalties.r1.gamma, penalties.r1.interval"),
    ],
)
def test_a_wrong_setting_of_a_schedule_is_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        with_settings(SMALL, [setting])


def test_a_last_rate_of_a_schedule_is_refused():
    with pytest.raises(ValueError, match="schedules that end where they should.* Received: last_learning_rate=0.1"):
        dataclasses.replace(SMALL, last_learning_rate=0.1)


@pytest.mark.parametrize("shape", [(2,), (30, 30, 1)], ids=str)
def test_data_that_the_networks_do_not_have_are_refused(shape):
    with pytest.raises(ValueError, match="Received: "):
        gk.from_preset("r3gan_fashion_mnist", shape)


@pytest.mark.slow
@pytest.mark.thorough
def test_a_preset_trains_by_its_schedules_and_is_whole_in_a_file(tmp_path):
    gan = gk.presets.preset.build(dataclasses.replace(SMALL, batch_size=4), (8, 8, 1), 3)
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), np.uint8)
    history = gan.fit(images, np.arange(8) % 3, batch_size=4, verbose=0).history
    assert {"d_loss", "g_loss", "r1", "r2"} <= history.keys() and np.isfinite(list(history.values())).all()
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.get_compile_config() == gan.get_compile_config()
    np.testing.assert_array_equal(loaded.generate(4), gan.generate(4))
