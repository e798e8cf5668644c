"""Exports a checkpoint as the next version of a served model: `python -m tfgan_kit.export`."""

import hashlib
import pathlib

from absl import flags

from tfgan_kit import command_line
from tfgan_kit.checkpoint import Run, load_model, resolve
from tfgan_kit.export import export_generator, read_lineage
from tfgan_kit.export.publish import tensorflow_serving_lines

FLAGS = flags.FLAGS


def define_flags():
    command_line.define_ckpt()
    flags.DEFINE_string("output", None, "Folder of the model; versions go into it.", required=True)
    flags.DEFINE_integer(
        "latent_dim", None, "Of a model that does not tell; a GAN does.", lower_bound=1
    )
    flags.DEFINE_integer(
        "num_classes", None, "Of a conditional model that does not tell; a GAN does.", lower_bound=1
    )
    flags.DEFINE_list(
        "output_range", ["-1", "1"], "Pixel values of black and white in the model's output."
    )
    flags.DEFINE_boolean("discriminate", False, "Also export a GAN's discriminator.")


def lineage(path):
    """Where a checkpoint comes from: its hash and, in a run folder, the run and what was measured."""
    known = {
        "checkpoint": str(path.resolve()),
        "checkpoint_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    run = Run(path.parent.parent)
    config = run.read_config()
    steps = {file: step for step, file in run.checkpoints().items()}
    if config is None or path not in steps:
        return known
    step = steps[path]
    return known | {
        "step": step,
        "git_commit": config["git_commit"],
        "dataset": config["dataset"],
        "preset": config["flags"]["preset"],
        "metrics": [line for line in run.read_metrics() if line["step"] == step],
    }


def main():
    command_line.import_modules(FLAGS.import_module)
    try:
        low, high = (float(value) for value in FLAGS.output_range)
    except ValueError:
        raise ValueError(
            f"--output_range is low,high, two numbers. Received: {','.join(FLAGS.output_range)}"
        ) from None
    output = command_line.writable_folder(FLAGS.output)
    path = resolve(FLAGS.ckpt, FLAGS.which)
    version = export_generator(
        load_model(path), output, FLAGS.latent_dim, FLAGS.num_classes, (low, high),
        FLAGS.discriminate, lineage(path),
    )
    print(describe(version, path))


def describe(version, checkpoint):
    """What was written, how it differs from the model in memory, and how to serve it."""
    base = pathlib.Path(version).resolve().parent
    certificate = read_lineage(version)["certificate"]
    lines = [f"Exported {checkpoint} to {version}", "signature, largest difference:"]
    lines += [
        f"  {name:22} reloaded {row['reloaded_max_difference']:g}, "
        f"batched {row['batched_max_difference']:g}"
        for name, row in certificate.items()
    ]
    return "\n".join([
        *lines,
        "Serve it here:",
        f"  python -m tfgan_kit.serving --model_name {base.name} --model_base_path {base} --port 8500",
        "or from TensorFlow Serving:",
        *tensorflow_serving_lines(base),
        "and ask it for images:",
        f"  python -m tfgan_kit_client --target localhost:8500 --model_name {base.name} "
        "--num_images 16 --seed 0 --output served.png",
    ])


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
