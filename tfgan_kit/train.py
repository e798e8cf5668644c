"""Trains a GAN into a run folder, or goes on with one: `python -m tfgan_kit.train`."""

import datetime
import json
import platform
import shlex
import signal
import subprocess
import sys

import keras
import tensorflow as tf
from absl import flags

from tfgan_kit import command_line, data, distribution, objectives, presets
from tfgan_kit.callbacks import (
    NonFiniteGuard,
    RunRecorder,
    SampleGrid,
    StepTensorBoard,
    StopOnSignal,
)
from tfgan_kit.checkpoint import CheckpointError, Run, load_gan, resolve
from tfgan_kit.updates import Alternating

FLAGS = flags.FLAGS

# What may differ between two calls on one run folder: none of it changes what is learnt, but for the
# rounding of sums over replicas. (Data are compared by their fingerprint, not by their spelling.)
FREE_ON_RESUME = (
    "steps", "checkpoint_every", "keep", "num_samples", "import_module", "steps_per_execution",
    "strategy", "logical_cpus", "dataset",
)


def define_flags():
    flags.DEFINE_string("preset", None, "One of: " + ", ".join(presets.PRESETS), required=True)
    flags.DEFINE_string("run_dir", None, "Run folder; an existing one is gone on with.", required=True)
    flags.DEFINE_string(
        "dataset", None, "tfds:NAME[/CONFIG][:SPLIT], folder:PATH, npz:PATH, idx:PATH, mnist5k, "
        "grid25 or ring8; default: the preset's."
    )
    flags.DEFINE_boolean("conditional", True, "Use the labels of the data set, if it has any.")
    flags.DEFINE_integer("image_size", None, "Pixels a side; default: the preset's.", lower_bound=1)
    flags.DEFINE_integer("steps", None, "Training steps in all.", lower_bound=1)
    flags.DEFINE_integer("batch_size", None, "Images a step.", lower_bound=1)
    flags.DEFINE_string("objective", None, "One of: " + ", ".join(objectives.OBJECTIVES))
    flags.DEFINE_integer(
        "seed", 0, "Of weights, latents and data order.", lower_bound=0, upper_bound=2**31 - 1
    )
    flags.DEFINE_integer(
        "checkpoint_every", 500, "Steps from one checkpoint, sample grid and log line to the next.",
        lower_bound=1,
    )
    flags.DEFINE_integer("keep", 3, "Checkpoints to keep, beside the best.", lower_bound=1)
    flags.DEFINE_integer("num_samples", 100, "Images in a sample grid.", lower_bound=1)
    flags.DEFINE_enum(
        "mixed_precision", "float32", ["float32", "mixed_bfloat16", "mixed_float16"],
        "Keras's dtype policy of the networks' arithmetic; weights, losses and images stay float32."
    )
    flags.DEFINE_boolean("jit_compile", False, "Compile a training step with XLA.")
    flags.DEFINE_integer(
        "steps_per_execution", 1, "Steps that run without a look at losses or signals between them; "
        "divides --steps and --checkpoint_every.", lower_bound=1,
    )
    flags.DEFINE_integer(
        "gradient_accumulation_steps", 1, "Parts of a batch that each move's gradient is summed over, "
        "one after the other, in the memory of one.", lower_bound=1,
    )
    flags.DEFINE_enum(
        "strategy", "none", distribution.STRATEGIES, "One device; all GPUs of this machine; those of "
        "all hosts in TF_CONFIG (--run_dir on a file system they share); a TPU (never run)."
    )
    flags.DEFINE_integer(
        "logical_cpus", 1, "CPU devices to pretend to have, for --strategy mirrored without a GPU.",
        lower_bound=1,
    )
    command_line.define_import_module()


def build(source, preset_name):
    """The preset's GAN for a source, with the flags' overrides."""
    overrides = {"objective": FLAGS.objective} if FLAGS.objective else {}
    if FLAGS.gradient_accumulation_steps > 1:
        rule = presets.get(preset_name).update or Alternating()
        overrides["update"] = Alternating(
            rule.discriminator_steps, rule.generator_steps, FLAGS.gradient_accumulation_steps
        )
    keras.utils.set_random_seed(FLAGS.seed)
    return presets.from_preset(
        preset_name, source.image_shape, source.num_classes if FLAGS.conditional else None,
        seed=FLAGS.seed, **overrides,
    )


def describe(source, batch_size):
    """What `config.json` records."""
    names = [
        "preset", "dataset", "conditional", "image_size", "steps", "batch_size", "objective", "seed",
        "checkpoint_every", "keep", "num_samples", "mixed_precision", "jit_compile",
        "steps_per_execution", "gradient_accumulation_steps", "strategy", "logical_cpus",
        "import_module",
    ]
    return {
        "flags": {name: FLAGS[name].value for name in names},
        "dataset": {
            "name": source.name, "fingerprint": source.fingerprint,
            "num_images": source.num_images, "image_shape": list(source.image_shape),
            "num_classes": source.num_classes, "batch_size": batch_size,
            "flip": presets.get(FLAGS.preset).flip,
        },
        "versions": {
            "python": platform.python_version(), "tensorflow": tf.__version__,
            "keras": keras.__version__,
        },
        "git_commit": git_commit(),
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def git_commit():
    """The commit of the folder this was started in, or None."""
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False
        )
    except OSError:  # no git on this machine
        return None
    return answer.stdout.strip() or None


def check_folder(run):
    """Refuses a folder that holds something else than a run, such as the images themselves.

    Raises:
        ValueError: files, but no config.json.
    """
    # Names that begin with a dot may be left from a process that was killed in its first moment.
    others = [path for path in run.path.iterdir() if not path.name.startswith(".")]
    if run.read_config() is None and others:
        raise ValueError(
            "--run_dir must be a new or empty folder, or a run's own; this one holds other files. "
            f"Received: run_dir={run.path}"
        )


def check_same_run(run, config):
    """Refuses to go on with checkpoints that other flags, or other data, have made.

    Raises:
        ValueError: naming the first flag that differs.
    """
    old = run.read_config()
    if old is None or not run.checkpoints():
        return
    # A run of an earlier version, without a flag, did what is now the default; what the preset
    # decides is compared as it was decided.
    before = {name: old["flags"].get(name, FLAGS[name].default) for name in config["flags"]}
    before["batch_size"] = old["dataset"]["batch_size"]
    now = config["flags"] | {"batch_size": config["dataset"]["batch_size"]}
    for name, value in now.items():
        if name not in FREE_ON_RESUME and before[name] != value:
            give = f"leave --{name} out" if before[name] is None else "give the same"
            raise ValueError(
                f"{run.path} was made with --{name}={before[name]}; {give} to go on with it, or take "
                f"another --run_dir. Received: --{name}={value}"
            )
    if old["dataset"]["fingerprint"] != config["dataset"]["fingerprint"]:
        raise ValueError(
            f"{run.path} was made from other data of the same name (the fingerprint of "
            f"{config['dataset']['name']} has changed); choose another --run_dir."
        )


def measures(gan):
    """What tells one preset's networks from another's, for `config.json`."""
    return {
        "image_shape": list(gan.image_shape), "num_classes": gan.num_classes,
        "generator_parameters": gan.generator.count_params(),
        "discriminator_parameters": gan.discriminator.count_params(),
    }


def go_on(run):
    """The GAN of a run's newest whole checkpoint.

    Raises:
        CheckpointError: none is whole, or it is another run's.
    """
    path = resolve(run.path)
    gan = load_gan(path)
    expected, found = run.read_config().get("networks"), measures(gan)
    differing = [name for name in found if expected and found[name] != expected[name]]
    if differing or run.checkpoints().get(gan.steps_trained) != path:
        name = differing[0] if differing else "step"
        raise CheckpointError(
            f"{path} is not this run's (another preset's, or renamed): take it out of the folder. "
            f"Received: {name}={found.get(name, gan.steps_trained)}"
            + (f" where this run has {expected[name]}" if differing else "")
        )
    print(f"Going on with {path} from step {gan.steps_trained}.", flush=True)
    return gan


def check_executions(steps, first_step=0):
    """Refuses settings under which an execution would run past a checkpoint.

    Raises:
        ValueError: not multiples of `--steps_per_execution`.
    """
    size = FLAGS.steps_per_execution
    numbers = {"steps": steps, "checkpoint_every": FLAGS.checkpoint_every, "first step": first_step}
    for name, number in numbers.items():
        if number % size:
            raise ValueError(
                "--steps, --checkpoint_every and the step to go on from are multiples of "
                f"--steps_per_execution. Received: steps_per_execution={size}, {name}={number}"
            )


def writing_callbacks(run, dataset, num_samples):
    """All that write into the run folder: for the one worker that does."""
    yield RunRecorder(run)  # first: the rest may fail
    if len(dataset.source.image_shape) == 3:
        yield SampleGrid(run.samples_dir, num_samples)
    yield StepTensorBoard(run.logs_dir, write_graph=False)


def train(gan, dataset, run, steps, checkpoint_every, num_samples, stop):
    """Trains to `steps` in all, or until `stop` receives a signal.

    A checkpoint is written every `checkpoint_every` steps and at the end.
    """
    callbacks = [NonFiniteGuard(run), stop]
    if run.writes:
        callbacks += writing_callbacks(run, dataset, num_samples)
    while (done := gan.steps_trained) < steps and not stop.received:
        epoch = done // checkpoint_every
        length = min(checkpoint_every - done % checkpoint_every, steps - done)
        epochs = (steps - done) // length if length == checkpoint_every else 1
        gan.fit(
            dataset, callbacks=callbacks, steps_per_epoch=length,
            initial_epoch=epoch, epochs=epoch + epochs,
        )


def start(run, source, preset, config):
    """The run's GAN: the newest checkpoint's, or a new one."""
    check_same_run(run, config)
    if run.checkpoints():
        gan = go_on(run)
    else:
        gan = build(source, preset)
        run.write_config(config | {"networks": measures(gan)})
    # Keras reads both when it makes the training function, at the next `fit`.
    gan.jit_compile, gan.steps_per_execution = FLAGS.jit_compile, FLAGS.steps_per_execution
    return gan


def report(gan, run):
    """Where everything lies, and what to do next."""
    lines = [
        f"Trained to step {gan.steps_trained}: {run.newest()}",
        f"Samples: {run.samples_dir}",
        f"Curves:  tensorboard --logdir {run.logs_dir}",
        f"Next:    python -m tfgan_kit.evaluate --ckpt {run.path}",
    ]
    if len(gan.image_shape) == 3:  # points have no signature to be served by
        lines.append(
            f"         python -m tfgan_kit.export --ckpt {run.path} --output models/{run.path.name}"
        )
    return "\n".join(lines)


def farewell(run, received):
    """Says what is kept and the command that goes on; a preempted machine's job has not failed."""
    kept = run.newest()
    print(
        f"Stopped by {received.name}: {kept or 'no step was finished, so there is nothing to keep'}\n"
        f"Go on:   python -m tfgan_kit.train {shlex.join(sys.argv[1:])}",
        flush=True,
    )
    sys.exit(0 if received == signal.SIGTERM else 128 + received)


def check_workers(strategy, gan, config, run):
    """Refuses to begin where the workers do not do the same.

    Raises:
        CheckpointError: other flags, data, versions or checkpoint on another worker.
    """
    alike = {name: config[name] for name in ("flags", "dataset", "versions")}
    alike["dataset"] = alike["dataset"] | {"name": None}  # a path may differ
    alike["flags"] = alike["flags"] | {"dataset": None}
    if not distribution.agree(strategy, json.dumps([alike, gan.steps_trained])):
        raise CheckpointError(
            "The workers differ in their flags, data, versions or newest checkpoint: start the same "
            "command on all, with --run_dir on a file system that all hosts share. Received: on this "
            f"worker run_dir={run.path}, step {gan.steps_trained}, {json.dumps(alike)}"
        )


def main():
    command_line.import_modules(FLAGS.import_module)
    preset = presets.get(FLAGS.preset)
    if FLAGS.objective:
        objectives.get(FLAGS.objective)
    spelling = FLAGS.dataset or preset.dataset
    if spelling is None:
        raise ValueError(f"The preset {FLAGS.preset} has no data of its own: give --dataset.")
    batch_size, steps = FLAGS.batch_size or preset.batch_size, FLAGS.steps or preset.steps
    check_executions(steps)
    keras.config.set_dtype_policy(FLAGS.mixed_precision)
    distribution.split_cpu(FLAGS.logical_cpus)
    if FLAGS.strategy == "multi_worker":
        print("Waiting for all workers of TF_CONFIG.", flush=True)
    strategy = distribution.get(FLAGS.strategy)
    run = Run(
        command_line.writable_folder(FLAGS.run_dir), FLAGS.keep, distribution.is_chief(strategy)
    )
    check_folder(run)
    # A worker that stopped alone would leave the others waiting: there the signal ends the process.
    signals = () if FLAGS.strategy == "multi_worker" else (signal.SIGTERM, signal.SIGINT)
    with StopOnSignal(signals) as stop, distribution.worker_errors(strategy):
        source = data.open_source(spelling, FLAGS.image_size or preset.image_size)
        dataset = data.training_dataset(source, batch_size, FLAGS.seed, preset.flip)
        config = describe(source, batch_size)
        with run.alone():
            with strategy.scope():
                gan = start(run, source, FLAGS.preset, config)
            check_workers(strategy, gan, config, run)
            run.forget_metrics_after(gan.steps_trained)
            check_executions(steps, gan.steps_trained)
            print(
                f"{source.name}: {source.num_images} images {source.image_shape}, on "
                f"{distribution.describe(strategy)}."
            )
            train(gan, dataset, run, steps, FLAGS.checkpoint_every, FLAGS.num_samples, stop)
            distribution.agree(strategy, "done")  # no worker leaves before the chief has saved
    if stop.received:
        farewell(run, stop.received)
    if run.writes:
        print(report(gan, run))


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
