"""A Keras network, or a whole GAN, from an official checkpoint: `python -m tfgan_kit.convert`."""

import json
import pathlib
import re

from tfgan_kit import command_line
from tfgan_kit.convert.load import FAMILIES

from absl import flags

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_string(
        "source",
        None,
        "The checkpoint: .pth, .pt or .tar of torch.save, or .pkl, of TensorFlow's StyleGAN2, too. Nothing in it is "
        "run.",
        required=True,
    )
    flags.DEFINE_string("output", None, "The .keras file to write, of the network or the GAN.", required=True)
    flags.DEFINE_string(
        "network",
        None,
        "Which network of the file, such as G_ema; default: the only one, or of a StyleGAN's file all, as a GAN.",
    )
    flags.DEFINE_enum("family", None, list(FAMILIES), "Whose network it is; default: that of the parameters' names.")
    flags.DEFINE_string(
        "arguments",
        "{}",
        'Official arguments as JSON, such as {"G_ch": 96}; those that are not given are read off the file and the '
        "shapes, or have the official default.",
    )
    flags.DEFINE_string(
        "image_size",
        None,
        "Of a StyleGAN: another size, HEIGHTxWIDTH or one number; what does not fit is new, and is listed.",
    )
    flags.DEFINE_integer("channels", None, "Of a StyleGAN: other channels of images, likewise.", lower_bound=1)
    flags.DEFINE_integer(
        "num_classes", None, "Of a StyleGAN: another number of classes, 0 for none, likewise.", lower_bound=0
    )
    flags.DEFINE_integer(
        "freeze_discriminator",
        None,
        "Of a StyleGAN: how many of the discriminator's first layers do not train (freeze-D).",
        lower_bound=0,
    )
    flags.DEFINE_string("samples", None, "A .png of images of a generator; default: beside the output.")
    command_line.define_import_module()


def check_flags():
    """The official arguments and the size that is asked for; refuses what is no output, before TensorFlow is imported.

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
    return arguments, _image_size()


def _image_size():
    """The side, or [height, width], of `--image_size`; None without."""
    given = FLAGS.image_size
    if given is None:
        return None
    if not (match := re.fullmatch(r"(\d+)(?:x(\d+))?", given, re.ASCII)):
        raise ValueError(
            f"--image_size is a side or a height and a width, as 256 or 160x288. Received: image_size={given}"
        )
    return int(match[1]) if match[2] in (None, match[1]) else [int(match[1]), int(match[2])]


def main():
    command_line.work("convert", *check_flags())


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
