"""A preset's augmentation: in the GAN, in the recipe, with the preset's batch size in its schedule."""

import dataclasses

import tfgan_kit as gk
from tfgan_kit.presets import recipe
from tfgan_kit.training.schedules import HalfCosine

SHAPE = (28, 28, 1)
PRESET = dataclasses.replace(
    gk.presets.get("dcgan_mnist"),
    augment=gk.augment.ADA("r3gan", p=HalfCosine(0.0, 0.5, num_images=1000, batch_size=1)),
    batch_size=10,
)


def test_a_preset_s_augmentation_is_the_gan_s():
    gan = gk.presets.from_preset("dcgan_mnist", SHAPE, augment="diff_augment")
    assert type(gan.augment) is gk.augment.DiffAugment
    assert gk.presets.from_preset("dcgan_mnist", SHAPE).augment is None


def test_a_schedule_of_p_counts_the_preset_s_images():
    """A quarter of a cosine's way after 500 of 1,000 images: step 50 of batches of 10."""
    assert float(PRESET.augment.probability(50)) == 0.25


def test_a_recipe_holds_the_augmentation():
    values = recipe.recipe(PRESET, SHAPE, None)
    assert recipe.preset_of(values).augment.get_config() == PRESET.augment.get_config()
    other = recipe.recipe(dataclasses.replace(PRESET, augment=None), SHAPE, None)
    assert any(text.startswith("augment") for text in recipe.differences(values, other))


def test_a_recipe_of_before_there_was_augmentation_is_one_without_it():
    values = recipe.recipe(gk.presets.get("dcgan_mnist"), SHAPE, None)
    older = {name: value for name, value in values.items() if name != "augment"}
    assert recipe.preset_of(older).augment is None
    assert recipe.differences(older, values) == []
