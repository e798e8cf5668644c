"""Exports a checkpoint as a version of a served model: `python -m tfgan_kit.export`."""

from tfgan_kit import choices, command_line
from tfgan_kit.export import contract

from absl import flags

from tfgan_kit_client import connection_flags

FLAGS = flags.FLAGS


def define_flags():
    command_line.define_ckpt()
    flags.DEFINE_string("output", None, "Folder of the model, which holds its versions.")
    flags.DEFINE_integer("latent_dim", None, "Of a model without that attribute.", lower_bound=1)
    flags.DEFINE_integer("num_classes", None, "Of a conditional model without that attribute.", lower_bound=1)
    flags.DEFINE_list("output_range", ["-1", "1"], "Pixel values of black and white in the model's output.")
    flags.DEFINE_string(
        "directions", None, "A file of directions of this generator, from generate --find_directions: also export "
        "generate_edited, which moves images along them."
    )  # fmt: skip
    flags.DEFINE_boolean("discriminate", False, "Also export a GAN's discriminator, and what it recovers.")
    _define_profile_flags()
    _define_check_flags()


def _define_profile_flags():
    flags.DEFINE_string("version", "next", "'next', or the number to publish as, 1 or more.")
    flags.DEFINE_integer("keep", None, "After publishing, delete all but this many newest versions.", lower_bound=1)
    flags.DEFINE_list("signatures", None, "Signatures to export, always with serving_default; default: all.")
    flags.DEFINE_enum("precision", choices.PRECISIONS[0], choices.PRECISIONS, "What the model computes in.")
    flags.DEFINE_enum(
        "noise_mode", None, choices.NOISE_MODES, "Noise of a StyleGAN's layers, random: drawn from each image's "
        "latents; default: the generator's own."
    )  # fmt: skip
    flags.DEFINE_integer(
        "max_batch", 32, "Largest batch that a server should form, for its batching file.", lower_bound=1
    )
    flags.DEFINE_integer(
        "png_compression", -1, "zlib's level for PNG; -1: zlib's default.", lower_bound=-1, upper_bound=9
    )
    flags.DEFINE_boolean("optimized", True, "Fold what inference does not need.")
    flags.DEFINE_boolean(
        "try_kernels",
        True,
        "Before publishing, run the version in a second process with the kernels that "
        "TensorFlow uses on other processors: oneDNN on and off, XLA off.",
    )


def _define_check_flags():
    flags.DEFINE_string("check", None, "Instead of exporting, verify this version, models/NAME/3, or a model's newest.")
    flags.DEFINE_string("target", None, "With --check: also compare with the server at host:port.")
    flags.DEFINE_string("model_name", None, "With --target: the name it is served under; default: its folder's.")
    connection_flags.define_tls_flags()
    flags.DEFINE_boolean("print_contract", False, "Print export/signature.json, and do nothing else.")


def check_flags():
    """Refuses flags that lack others before TensorFlow is imported.

    Raises:
        ValueError: it says what is missing.
    """
    _check_flags_of_a_server()
    for name in ("ckpt", "output") if FLAGS.check is None else ():
        if FLAGS[name].value is None:
            raise ValueError(
                f"Give --{name}: an export needs --ckpt RUN --output models/NAME, or verify a "
                f"version by --check models/NAME/3. Received: {name}=None"
            )


def _check_flags_of_a_server():
    given = [name for name in ("target", "model_name") if FLAGS[name].value is not None]
    given += connection_flags.given_tls()
    if FLAGS.check is None and given:
        raise ValueError(
            "An export needs no server: --target and the flags of its connection go with --check "
            f"models/NAME/VERSION. Received: --{', --'.join(given)} without --check"
        )
    if FLAGS.target is None and given:
        raise ValueError(f"These flags need --target host:port. Received: --{', --'.join(given)} without --target")


def main():
    if FLAGS.print_contract:
        print(contract.contract_text(), end="")
        return
    check_flags()
    command_line.work("export")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
