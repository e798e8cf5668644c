"""Trains a GAN into a run folder, or goes on with one: `python -m tfgan_kit.train`."""

import datetime
import platform
import subprocess

import keras
import tensorflow as tf
from absl import flags

from tfgan_kit import command_line, data, objectives, presets
from tfgan_kit.callbacks import NonFiniteGuard, RunRecorder, SampleGrid
from tfgan_kit.checkpoint import Run, load_gan

FLAGS = flags.FLAGS

# What may differ between two calls on one run folder: none of it changes what is learnt.
FREE_ON_RESUME = ("steps", "checkpoint_every", "keep", "num_samples", "import_module")


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
    command_line.define_import_module()


def build(source, preset_name):
    """The preset's GAN for a source, with the flags' overrides."""
    overrides = {"objective": FLAGS.objective} if FLAGS.objective else {}
    keras.utils.set_random_seed(FLAGS.seed)
    return presets.from_preset(
        preset_name, source.image_shape, source.num_classes if FLAGS.conditional else None,
        seed=FLAGS.seed, **overrides,
    )


def describe(source, batch_size):
    """What `config.json` records."""
    names = [
        "preset", "dataset", "conditional", "image_size", "steps", "batch_size", "objective", "seed",
        "checkpoint_every", "keep", "num_samples", "import_module",
    ]
    return {
        "flags": {name: FLAGS[name].value for name in names},
        "dataset": {
            "name": source.name, "fingerprint": source.fingerprint,
            "num_images": source.num_images, "image_shape": list(source.image_shape),
            "num_classes": source.num_classes, "batch_size": batch_size,
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
    if run.read_config() is None and any(run.path.iterdir()):
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
    if old is None or run.newest() is None:
        return
    for name, value in config["flags"].items():
        if name not in FREE_ON_RESUME and old["flags"].get(name) != value:
            raise ValueError(
                f"{run.path} was made with --{name}={old['flags'].get(name)}; give the same to go "
                f"on with it, or another --run_dir. Received: --{name}={value}"
            )
    if old["dataset"]["fingerprint"] != config["dataset"]["fingerprint"]:
        raise ValueError(
            f"{run.path} was made from other data of the same name (the fingerprint of "
            f"{config['dataset']['name']} has changed); choose another --run_dir."
        )


def train(gan, dataset, run, steps, checkpoint_every, num_samples):
    """Trains to `steps` in all, with a checkpoint every `checkpoint_every` and at the end."""
    callbacks = [NonFiniteGuard(run), RunRecorder(run)]
    if len(dataset.source.image_shape) == 3:
        callbacks.append(SampleGrid(run.samples_dir, num_samples))
    callbacks.append(keras.callbacks.TensorBoard(run.logs_dir, write_graph=False))
    while (done := int(gan.step)) < steps:
        epoch = done // checkpoint_every
        length = min(checkpoint_every - done % checkpoint_every, steps - done)
        epochs = (steps - done) // length if length == checkpoint_every else 1
        gan.fit(
            dataset, callbacks=callbacks, steps_per_epoch=length,
            initial_epoch=epoch, epochs=epoch + epochs,
        )


def main():
    command_line.import_modules(FLAGS.import_module)
    preset = presets.get(FLAGS.preset)
    if FLAGS.objective:
        objectives.get(FLAGS.objective)
    spelling = FLAGS.dataset or preset.dataset
    if spelling is None:
        raise ValueError(f"The preset {FLAGS.preset} has no data of its own: give --dataset.")
    command_line.writable_folder(FLAGS.run_dir)
    run = Run(FLAGS.run_dir, FLAGS.keep)
    check_folder(run)
    source = data.open_source(spelling, FLAGS.image_size or preset.image_size)
    batch_size, steps = FLAGS.batch_size or preset.batch_size, FLAGS.steps or preset.steps
    dataset = data.training_dataset(source, batch_size, FLAGS.seed, preset.flip)
    config = describe(source, batch_size)
    check_same_run(run, config)
    if run.newest():
        gan = load_gan(run.newest())
        print(f"Going on with {run.newest()} from step {int(gan.step)}.")
    else:
        gan = build(source, FLAGS.preset)
        run.write_config(config)
    run.forget_metrics_after(int(gan.step))
    device = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    print(f"{source.name}: {source.num_images} images {source.image_shape}, on the {device}.")
    train(gan, dataset, run, steps, FLAGS.checkpoint_every, FLAGS.num_samples)
    print(
        f"Trained to step {int(gan.step)}: {run.newest()}\n"
        f"Samples: {run.samples_dir}\n"
        f"Curves:  tensorboard --logdir {run.logs_dir}\n"
        f"Next:    python -m tfgan_kit.evaluate --ckpt {run.path}"
    )
    if len(gan.image_shape) == 3:  # points have no signature to be served by
        print(f"         python -m tfgan_kit.export --ckpt {run.path} --output models/{run.path.name}")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
