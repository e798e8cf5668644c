"""Settings by name replace one value each, or are refused with what is known and allowed."""

import dataclasses

import tfgan_kit as gk
from tfgan_kit.presets.settings import with_settings

import pytest

PRESET = dataclasses.replace(gk.presets.get("dcgan_mnist"), update=gk.updates.Alternating(2))
SHAPE = (28, 28, 1)


def test_every_kind_of_value_is_replaced_and_nothing_else():
    found = with_settings(
        PRESET,
        [
            "generator_learning_rate=1e-4", "batch_size=16", "flip=true", "objective=hinge", "penalties.r1.gamma=2",
            "update.discriminator_steps=3", "generator.width=8", "discriminator.width=4", "dataset=folder:x=y",
        ],
    )  # fmt: skip
    assert (found.generator_learning_rate, found.batch_size, found.flip) == (1e-4, 16, True)
    assert (found.objective, found.dataset) == ("hinge", "folder:x=y")
    assert found.penalties[0].get_config() == {"gamma": 2, "interval": 16}
    assert found.update.get_config() == PRESET.update.get_config() | {"discriminator_steps": 3}
    generator, discriminator = found.networks(SHAPE, 10)
    assert (generator.width, generator.num_classes, discriminator.width) == (8, 10, 4)
    kept = {"discriminator_learning_rate", "beta_1", "beta_2", "ema_decay", "steps", "image_size", "last_learning_rate"}
    assert all(getattr(found, name) == getattr(PRESET, name) for name in kept)


def test_an_augmentation_is_set_by_its_name_and_its_arguments_by_theirs():
    found = with_settings(PRESET, ["augment=ada", "augment.target=0.5", 'augment.transformations={"xflip": 0.5}'])
    assert type(found.augment) is gk.augment.ADA
    assert found.augment.get_config() == gk.augment.ADA({"xflip": 0.5}, target=0.5).get_config()
    assert with_settings(found, ["augment=null"]).augment is None


@pytest.mark.parametrize(
    "settings, message",
    [
        (["augment=aga"], "known are ada, apa, diff_augment"),
        (["augment=3"], "augment must be of type str"),
        (["augment.p=0.5"], "no such setting.*augment"),
        (["augment=ada", "augment.q=1"], "known are augment.transformations, augment.p, "),
        (["augment=ada", "augment.p=2"], r"does not take this value: .*\[0, 1\].*Received: augment.p=2"),
    ],
)
def test_a_wrong_augmentation_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        with_settings(PRESET, settings)


@pytest.mark.parametrize(
    "setting, message",
    [
        ("generator_learning_rate", "NAME=VALUE"),
        ("learning_rate=1", "known are dataset, image_size, .*generator_learning_rate.*penalties.r1.gamma"),
        ("penalties.r2.gamma=1", "known are penalties.r1. Received: penalties.r2.gamma"),
        ("penalties.r1.weight=1", "known are penalties.r1.gamma, penalties.r1.interval"),
        ("penalties.r1.interval=0", "does not take this value.*interval"),
        ("beta_1=1.5", "beta_1 must be of type float from 0 to 1"),
        ("batch_size=0", "type int from 1"),
        ("batch_size=2.5", "type int from 1"),
        ("flip=1", "flip must be of type bool"),
        ("steps=many", "steps must be of type int"),
        ("penalties=[]", "no such setting"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_is_known(setting, message):
    with pytest.raises(ValueError, match=message):
        with_settings(PRESET, [setting])


def test_an_unknown_argument_of_a_network_is_refused_when_it_is_made():
    with pytest.raises(ValueError, match="known are .*generator.width.* Received: generator.depth"):
        with_settings(PRESET, ["generator.depth=3"]).networks(SHAPE, None)
