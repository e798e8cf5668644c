"""SNGAN's presets: networks that fit the data, and the paper's recipe."""

import tfgan_kit as gk
from tfgan_kit import presets
from tfgan_kit.presets.recipe import preset_of, recipe

import numpy as np
import pytest


@pytest.mark.slow
@pytest.mark.thorough
def test_the_small_preset_takes_a_step():
    gan = presets.from_preset("sngan_fashion_mnist", (28, 28, 1), 10)
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1), np.uint8)
    history = gan.fit(images, np.arange(4), batch_size=4, verbose=0).history
    assert np.isfinite([values[-1] for values in history.values()]).all()
    assert gan.generate(2, seed=0).shape == (2, 28, 28, 1)


def test_the_papers_recipe_is_whole_and_its_rates_end_at_0():
    preset = presets.get("sngan_cifar10")
    again = preset_of(recipe(preset, (32, 32, 3), None))
    assert (preset.beta_1, preset.beta_2, preset.objective) == (0.0, 0.9, "hinge")
    for each in (preset, again):
        assert each.batch_size == 64 * each.update.discriminator_steps == 320
        rates = each.generator_learning_rate, each.discriminator_learning_rate
        ends = each.steps, each.steps * each.update.discriminator_steps
        assert [float(rate(0)) for rate in rates] == pytest.approx([2e-4, 2e-4])
        assert [float(rate(end)) for rate, end in zip(rates, ends, strict=True)] == [0.0, 0.0]


def test_a_preset_of_images_refuses_points():
    with pytest.raises(ValueError, match=r"An SNGAN is of images.*\(2,\)"):
        presets.from_preset("sngan_fashion_mnist", (2,))


def test_networks_are_sngan_s():
    generator, discriminator = presets.get("sngan_fashion_mnist").networks((28, 28, 1), 10)
    assert type(generator) is gk.networks.SNGANGenerator and type(discriminator) is gk.networks.SNGANDiscriminator
