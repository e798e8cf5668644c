"""A version from a checkpoint, or a version's check: what `python -m tfgan_kit.export` does."""

import json
import pathlib

from tfgan_kit import command_line, processor
from tfgan_kit.export.exporter import export_generator, removed_meanwhile
from tfgan_kit.export.lineage import SEAL, read_lineage
from tfgan_kit.export.profile import ExportProfile
from tfgan_kit.export.publish import tensorflow_serving_lines, versions
from tfgan_kit.export.verify.check import check_version
from tfgan_kit.export.verify.served import check_served
from tfgan_kit.files import sha256
from tfgan_kit.generation.directions import Directions
from tfgan_kit.runs.checkpoints import load_model, resolve
from tfgan_kit.runs.run import Run
from tfgan_kit.training import half_precision

from absl import flags

from tfgan_kit_client import connection_flags
from tfgan_kit_client.command_line import command

FLAGS = flags.FLAGS


def lineage(path):
    """Where a checkpoint comes from: its hash and, in a run folder, the run's configuration and metrics."""
    known = {"checkpoint": str(path.resolve()), "checkpoint_sha256": sha256(path)}
    run = Run.of(path)
    config = run.read_config()
    steps = {file: step for step, file in run.checkpoints().items()}
    if config is None or path not in steps:
        return known
    step = steps[path]
    try:
        recorded = {
            "git_commit": config["git_commit"],
            "dataset": config["dataset"],
            "preset": config["flags"]["preset"],
        }
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{run.path / 'config.json'} is not what training writes: restore it, or export a copy of the checkpoint "
            f"that lies elsewhere. Received: {str(config)[:80]}"
        ) from error
    return {
        **known, "step": step, **recorded, "metrics": [line for line in run.read_metrics() if line["step"] == step]
    }  # fmt: skip


def main():
    if FLAGS.check is not None:
        print(check(FLAGS.check, FLAGS.target, FLAGS.model_name, connection_flags.tls()))
    else:
        export()


def export():
    """Exports the checkpoint that the flags name and prints the result."""
    command_line.import_modules(FLAGS.import_module)
    output_range, chosen = _output_range(FLAGS.output_range), profile()
    directions = None if FLAGS.directions is None else Directions.load(FLAGS.directions)
    output = command_line.writable_folder(FLAGS.output)
    path = resolve(FLAGS.ckpt, FLAGS.which)
    before = versions(output)
    version = export_generator(
        load_model(path),
        output,
        FLAGS.latent_dim,
        FLAGS.num_classes,
        output_range,
        FLAGS.discriminate,
        lineage(path),
        chosen,
        directions,
    )
    try:
        print(describe(version, path))
    except FileNotFoundError as error:
        raise removed_meanwhile(version, chosen.keep) from error
    if removed := sorted(set(before) - set(versions(output))):
        print(f"Removed from {output}: {', '.join(map(str, removed))}")


def _output_range(texts):
    try:
        low, high = (float(value) for value in texts)
    except ValueError:
        raise ValueError(f"--output_range must be two numbers, low,high. Received: {','.join(texts)}") from None
    return low, high


def profile():
    """The `ExportProfile` that the flags describe."""
    version = FLAGS.version
    return ExportProfile(
        int(version) if version.isascii() and version.isdigit() else version,
        FLAGS.keep,
        tuple(FLAGS.signatures) if FLAGS.signatures is not None else None,
        FLAGS.precision,
        FLAGS.max_batch,
        FLAGS.png_compression,
        FLAGS.optimized,
        FLAGS.try_kernels,
        FLAGS.noise_mode,
    )


def check(folder, target=None, model_name=None, tls=None):
    """Verifies a published version, and a server of it if `target` is given; returns the report, a text."""
    checked = check_version(folder)
    found = {
        name: f"{count} answers, {equal} of them equal byte for byte, largest difference {apart:g}"
        for name, (count, equal, apart) in checked.answers.items()
    }
    count = len(checked.lineage["files"])
    lines = [f"{checked.version} holds the {count} files that its record of the export lists, and answers as then:"]
    lines += [f"  {name:22} {text}" for name, text in found.items()]
    if target is not None:
        served = check_served(checked, target, model_name, tls=tls)
        lines += [f"{target} gives the same answers, alone and batched:"]
        lines += [f"  {name:22} {rows} rows, largest difference {apart:g}" for name, (rows, apart) in served.items()]
    lines += _other_kernels(checked.lineage.get("processor"))
    lines += [f"Sha256 of the record: {checked.sha256}. If it is not what the export printed, somebody wrote another."]
    told = {key: value for key, value in checked.lineage.items() if key != "files"}
    return "\n".join([*lines, json.dumps(told, indent=2)])


def _other_kernels(made_with):
    """A line if the version was exported with other kernels than it was checked with: bits may differ."""
    if made_with in (None, processor.record()):
        return []
    here, there = processor.describe(processor.record()), processor.describe(made_with)
    return [f"It was exported with {there} and checked with {here}: answers may be a level apart."]


def _tried(lineage):
    """The kernels with which a version was run before it was published."""
    if not lineage["kernels"]:
        return ["not run with the kernels of other processors (--notry_kernels)"]
    lines = [
        f"  {processor.describe(run) + ', XLA off':26} {max(run['max_difference'].values()):g} in "
        f"{run['requests']} requests"
        for run in lineage["kernels"]
    ]
    return ["run with the kernels of, largest difference:", *lines]


def describe(version, checkpoint):
    """What was written, how it differs from the model in memory, and how to serve it."""
    base = pathlib.Path(version).resolve().parent
    server = {"target": "localhost:8500", "model_name": base.name}
    lineage = read_lineage(version)
    lines = [f"Exported {checkpoint} to {version}", "signature, largest difference:"]
    lines += [
        f"  {name:22} reloaded {row['reloaded_max_difference']:g}, batched {row['batched_max_difference']:g}"
        for name, row in lineage["certificate"].items()
    ]
    lines += _tried(lineage)
    if "bfloat16" in lineage:
        lines += [half_precision.in_words(lineage["bfloat16"], "bfloat16")]
    return "\n".join(
        [
            *lines,
            "Serve it here:",
            "  " + command("tfgan_kit.serving", model_name=base.name, model_base_path=base, port=8500),
            "or from TensorFlow Serving:",
            *tensorflow_serving_lines(base),
            "and ask it for images:",
            "  " + command("tfgan_kit_client", **server, num_images=16, seed=0, output="served.png"),
            f"Later, is it still what was exported? (Sha256 of its record: {lineage[SEAL]})",
            "  " + command("tfgan_kit.export", check=version),
            "and does a server answer alike?",
            "  " + command("tfgan_kit.export", check=version, **server),
        ]
    )
