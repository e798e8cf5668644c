"""A Keras network or a GAN from an official checkpoint: what `python -m tfgan_kit.convert` does."""

import dataclasses
import json
import pathlib
import typing

from tfgan_kit import command_line
from tfgan_kit.callbacks.sample_grid import grid
from tfgan_kit.convert import load
from tfgan_kit.convert.checkpoint import named, read_networks
from tfgan_kit.convert.file_arguments import CHANNELS, CLASSES, RESOLUTION, STYLEGANS, guess_with_arguments, merged
from tfgan_kit.convert.load import arguments_of
from tfgan_kit.convert.transfer import transfer
from tfgan_kit.files import whole
from tfgan_kit.generation.generative_model import GenerativeModel
from tfgan_kit.generation.seeds import image_seeds
from tfgan_kit.penalties import R1
from tfgan_kit.presets import stylegan2
from tfgan_kit.presets.preset import build

import numpy as np
from absl import flags

from tfgan_kit_client.pictures import tile, write_png

FLAGS = flags.FLAGS

PLAYERS = ("G", "D", "G_ema")  # of a StyleGAN's file
TRANSLATORS = ("cyclegan", "pix2pix")  # whose generators take images
_LARGE = 256
LICENCE = (
    "Licence: NVIDIA's files of StyleGAN2, StyleGAN2-ADA and StyleGAN3 are under its Source Code License, for "
    "non-commercial use; what this file does not say of its own is yours to find out."
)


class Converted(typing.NamedTuple):
    """A Keras network, and what it is."""

    network: typing.Any
    family: str
    player: str
    arguments: dict

    def __str__(self):
        return f"{self.family}'s {self.player}, {json.dumps(self.arguments)}"


def main(arguments, image_size):
    """Converts what the flags name.

    Args:
        arguments: dict, official arguments of the network, or of the networks.
        image_size: int, [height, width], or None for the file's.
    """
    command_line.import_modules(FLAGS.import_module)
    output = pathlib.Path(FLAGS.output)
    samples = pathlib.Path(FLAGS.samples) if FLAGS.samples else output.with_suffix(".png")
    for path in (output, samples):
        command_line.writable_folder(path.parent)
    official = read_networks(FLAGS.source, None if FLAGS.network is None else [FLAGS.network])
    changes = {RESOLUTION: image_size, CHANNELS: FLAGS.channels, CLASSES: FLAGS.num_classes}
    changes = {name: value for name, value in changes.items() if value is not None}
    if _is_gan(official):
        converted = _players(official, arguments, changes)
        model, generator = _gan(*converted.values())
        converted = {name: each._replace(network=None) for name, each in converted.items()}  # free what was copied
    else:
        one = _converted(named(official, FLAGS.source, FLAGS.network), arguments, changes)
        converted, model = {FLAGS.network: one}, one.network
        generates = one.player == "generator" and one.family not in TRANSLATORS
        generator = GenerativeModel.of(model) if generates else None
    # Before anything is written: a generator that does not generate is no conversion.
    picture = None if generator is None else _picture(generator)
    with whole(output) as temporary:
        model.save(temporary)
    _tell(converted, output)
    if picture is not None:
        write_png(samples, picture)
        print(f"Wrote {samples}")
        print("Next:")
        print("  " + command_line.command("generate", ckpt=output, num_images=64, output="grid.png"))
        print("  " + command_line.command("export", ckpt=output, output=f"models/{output.stem}"))


def _is_gan(official):
    if not set(PLAYERS) <= set(official):
        return False
    return guess_with_arguments(official["G_ema"], FLAGS.family).family in STYLEGANS


def _converted(official, given, changes, base=()):
    """One network: the arguments of the file, then `base`, those of `--arguments`, and what is asked of the size."""
    family, player, arguments = guess_with_arguments(official, FLAGS.family)
    arguments = merged(merged(arguments, dict(base)), given)
    if player == "discriminator" and FLAGS.freeze_discriminator is not None:
        arguments = merged(arguments, {"block_kwargs": {"freeze_layers": FLAGS.freeze_discriminator}})
    elif FLAGS.freeze_discriminator is not None and FLAGS.network is not None:
        raise ValueError(f"--freeze_discriminator is of a discriminator. Received: network={FLAGS.network}")
    asked = bool(changes) or FLAGS.freeze_discriminator is not None
    if asked and family not in STYLEGANS:
        raise ValueError(
            "--image_size, --channels, --num_classes and --freeze_discriminator are of the families "
            f"{', '.join(STYLEGANS)}. Received: a network of the family {family}"
        )
    if not changes:
        return Converted(load(family, official.state, player, **arguments), family, player, arguments)
    arguments = {**arguments, **changes}
    network, new, left = transfer(family, official.state, player, **arguments)
    for what, layers in (("New", new), ("Not taken", left)):
        if layers:
            print(f"{what} in {family}'s {player}, which does not fit: {', '.join(layers)}")
    return Converted(network, family, player, arguments)


def _players(official, given, changes):
    """The networks of a GAN by their names in the file; each has those of the given arguments that it knows."""
    resolution = guess_with_arguments(official["G_ema"], FLAGS.family).arguments[RESOLUTION]
    known, converted = set(), {}
    for name in PLAYERS:
        network = official.pop(name)  # its arrays are not needed any more
        names = arguments_of(*guess_with_arguments(network, FLAGS.family)[:2])
        known.update(names)
        its = {argument: value for argument, value in given.items() if argument in names}
        converted[name] = _converted(network, its, changes, base={RESOLUTION: resolution})
    if unknown := [name for name in given if name not in known]:
        raise ValueError(f"The official arguments of this GAN are {', '.join(known)}. Received: {', '.join(unknown)}")
    return converted


def _gan(generator, discriminator, average):
    """The compiled GAN, and the model of its EMA."""
    image_shape = generator.network.output_shape[1:]
    if generator.family == "stylegan2":
        generator.network.style_mixing = 0.9  # as its authors train
    recipe = _recipe(generator.family, image_shape)
    recipe = dataclasses.replace(recipe, networks=lambda *_: (generator.network, discriminator.network))
    gan = build(recipe, image_shape, generator.network.num_classes)
    gan.ema_generator.set_weights(average.network.get_weights())
    return gan, gan.generative_model


def _recipe(family, image_shape):
    """The authors' `--cfg=auto` for a size, on one GPU; StyleGAN3's has no path length and another rate."""
    recipe = stylegan2.auto(min(image_shape[:2]))
    if family == "stylegan3":
        r1 = tuple(penalty for penalty in recipe.penalties if isinstance(penalty, R1))
        recipe = dataclasses.replace(recipe, penalties=r1, discriminator_learning_rate=0.002)
    try:
        recipe.augment.check(image_shape)
    except ValueError as error:
        print(f"Without augmentation: {error}")
        recipe = dataclasses.replace(recipe, augment=None)
    return recipe


def _picture(model):
    """A grid of 64 images; from `_LARGE` pixels on of 4, made one after the other, since they take long and memory."""
    if max(model.image_shape[:2]) < _LARGE:
        return grid(model)
    return tile(np.concatenate([model.generate(seeds=[seed]) for seed in image_seeds(0, 4)]))


def _tell(converted, output):
    """Says what was made, and of a StyleGAN what does not stand in its file."""
    for name, each in converted.items():
        if len(converted) > 1:
            print(f"Converted {name}: {each}")
        else:
            print(f"Converted {each}, of {FLAGS.source} to {output}")
    if len(converted) > 1:
        print(f"Wrote {output}, a GAN whose EMA is G_ema; its optimizers begin anew, since the file holds none.")
    if any(each.family in STYLEGANS for each in converted.values()):
        print("All is computed in float32, also what its authors compute in float16 (num_fp16_res).")
        print(LICENCE)
