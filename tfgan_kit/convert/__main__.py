"""A Keras network from an official checkpoint, of PyTorch: `python -m tfgan_kit.convert`."""

import json
import pathlib

from tfgan_kit import command_line
from tfgan_kit.convert.load import FAMILIES

from absl import flags

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_string(
        "source", None, "The checkpoint: .pth, .pt or .tar of torch.save, or .pkl. Nothing in it is run.", required=True
    )
    flags.DEFINE_string("output", None, "The .keras file to write, of the one network.", required=True)
    flags.DEFINE_string("network", None, "Which network of the file, such as G_ema; default: the only one.")
    flags.DEFINE_enum("family", None, list(FAMILIES), "Whose network it is; default: that of the parameters' names.")
    flags.DEFINE_string(
        "arguments",
        "{}",
        'Official arguments as JSON, such as {"G_ch": 96}; those that are not given are read off the shapes, or have '
        "the official default.",
    )
    flags.DEFINE_string("samples", None, "A .png of 64 images of a generator; default: beside the output.")
    command_line.define_import_module()


def check_flags():
    """The official arguments; refuses what is no output, before TensorFlow is imported.

    Raises:
        ValueError: it says what to give.
    """
    for name, suffix in (("output", ".keras"), ("samples", ".png")):
        value = FLAGS[name].value
        if value is not None and pathlib.Path(value).suffix != suffix:
            raise ValueError(f"--{name} is a file that ends in {suffix}. Received: {name}={value}")
    try:
        arguments = json.loads(FLAGS.arguments)
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise ValueError(
            f'--arguments must be a JSON object, such as {{"G_ch": 96}}. Received: arguments={FLAGS.arguments}'
        )
    return arguments


def main():
    command_line.work("convert", check_flags())


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
