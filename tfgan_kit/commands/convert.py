"""A Keras network from an official checkpoint: what `python -m tfgan_kit.convert` does."""

import json
import pathlib

from tfgan_kit import command_line
from tfgan_kit.callbacks.sample_grid import grid
from tfgan_kit.convert import guess, load, read
from tfgan_kit.files import whole
from tfgan_kit.generation.generative_model import GenerativeModel

from absl import flags

from tfgan_kit_client.pictures import write_png

FLAGS = flags.FLAGS


def main(arguments):
    """Converts what the flags name.

    Args:
        arguments: dict, official arguments of the network.
    """
    command_line.import_modules(FLAGS.import_module)
    output = pathlib.Path(FLAGS.output)
    samples = pathlib.Path(FLAGS.samples) if FLAGS.samples else output.with_suffix(".png")
    for path in (output, samples):
        command_line.writable_folder(path.parent)
    state = read(FLAGS.source, FLAGS.network)
    family, player, found = guess(state, FLAGS.family)
    arguments = {**found, **arguments}
    network = load(family, state, player, **arguments)
    # Before anything is written: a generator that does not generate is no conversion.
    picture = grid(GenerativeModel.of(network)) if player == "generator" else None
    with whole(output) as temporary:
        network.save(temporary)
    print(f"Converted {family}'s {player}, {json.dumps(arguments)}, of {FLAGS.source} to {output}")
    if picture is None:
        return
    write_png(samples, picture)
    print(f"Wrote {samples}")
    print("Next:")
    print("  " + command_line.command("generate", ckpt=output, num_images=64, output="grid.png"))
    print("  " + command_line.command("export", ckpt=output, output=f"models/{output.stem}"))
