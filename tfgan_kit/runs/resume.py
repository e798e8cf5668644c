"""Checks that a run folder holds the run that a command describes, so that training may be resumed in it.

`config.json` keeps the run's first configuration, from `describe`, the size of its networks, and an
entry in "resumed" for every time that training was resumed.
"""

import datetime
import json
import platform
import subprocess
import warnings

from tfgan_kit import processor
from tfgan_kit.distribution import strategies
from tfgan_kit.runs.checkpoints import load_gan, resolve
from tfgan_kit.runs.keras_file import CheckpointError

import keras
import tensorflow as tf

# Flags that may differ when a run is resumed: none of them changes the result, except for the rounding
# of sums over replicas. (Data are compared by their fingerprint, not by their spelling.)
FREE_ON_RESUME = (
    "steps",
    "checkpoint_every",
    "keep",
    "num_samples",
    "import_module",
    "recipe",
    "init_from",
    "print_config",
    "callbacks",
    "steps_per_execution",
    "strategy",
    "logical_cpus",
    "sigterm_exit_code",
    "tensorboard",
    "dataset",
    "evaluate_every",
    "evaluate_metrics",
    "evaluate_num_images",
    "patience",
)


def describe(flags, source, batch_size, flip):
    """The contents of `config.json`.

    Args:
        flags: dict, the value of every flag of the run.
        source: the images, a source of `tfgan_kit.data`.
        batch_size: int, images per step, from the preset or a flag.
        flip: bool, whether images are mirrored at random.
    """
    return {
        "flags": flags,
        "dataset": {
            "name": source.name,
            "fingerprint": source.fingerprint,
            "num_images": source.num_images,
            "image_shape": list(source.image_shape),
            "num_classes": source.num_classes,
            "class_names": source.class_names,
            "batch_size": batch_size,
            "flip": flip,
        },
        "versions": {"python": platform.python_version(), "tensorflow": tf.__version__, "keras": keras.__version__},
        "processor": processor.record(),
        "git_commit": git_commit(),
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def git_commit():
    """The git commit of the current folder, or None."""
    try:
        answer = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False)
    except OSError:  # no git on this machine
        return None
    return answer.stdout.strip() or None


def measures(gan):
    """The sizes that identify a preset's networks, for `config.json`."""
    return {
        "image_shape": list(gan.image_shape),
        "num_classes": gan.num_classes,
        "generator_parameters": gan.generator.count_params(),
        "discriminator_parameters": gan.discriminator.count_params(),
    }


def check_folder(run):
    """Refuses a folder that holds other files than a run's, such as the images themselves.

    Raises:
        ValueError: files, but no config.json.
    """
    # Hidden files may be left from a process that was killed just after its start.
    others = [path for path in run.path.iterdir() if not path.name.startswith(".")]
    if run.read_config() is None and others:
        raise ValueError(
            "--run_dir must be a new or empty folder, or a run's own; this one holds other files. "
            f"Received: run_dir={run.path}"
        )


def check_same_run(run, config, defaults):
    """Refuses to resume from checkpoints of other flags or other data.

    Args:
        run: a `run.Run`.
        config: the result of `describe`.
        defaults: dict, the flags' defaults, for flags that a run of an earlier version did not have.

    Raises:
        ValueError: it names the first flag that differs.
    """
    old = run.read_config()
    if old is None or not run.checkpoints():
        return
    _check_form(run, old)
    # Settings of the preset are compared by their values.
    before = _flags(old, defaults) | {"batch_size": old["dataset"]["batch_size"]}
    now = config["flags"] | {"batch_size": config["dataset"]["batch_size"]}
    for name, value in now.items():
        if name not in FREE_ON_RESUME and before[name] != value:
            give = f"leave --{name} out" if before[name] is None else "give the same"
            raise ValueError(
                f"{run.path} was made with --{name}={before[name]}; {give} to resume it, or take "
                f"another --run_dir. Received: --{name}={value}"
            )
    for name, what in (("fingerprint", "fingerprint"), ("num_images", "number of readable images")):
        if old["dataset"].get(name, config["dataset"][name]) != config["dataset"][name]:
            raise ValueError(
                f"{run.path} was made from other data of the same name (the {what} of {config['dataset']['name']} has "
                "changed); choose another --run_dir."
            )


def _check_form(run, config):
    """Refuses a config.json that holds other things than `describe` writes.

    Raises:
        CheckpointError: it names the file.
    """
    dataset = config.get("dataset")
    if not isinstance(config.get("flags"), dict) or not {"batch_size", "fingerprint"} <= set(dataset or ()):
        raise CheckpointError(
            f"{run.path / 'config.json'} does not describe a run (no flags, or no dataset): restore it, or choose "
            "another run folder."
        )


def _flags(config, defaults):
    """The flags that a run was last trained with."""
    flags = defaults | config["flags"]
    for resumed in config.get("resumed", ()):
        flags |= resumed["flags"]
    return flags


def newest_gan(run):
    """The GAN of a run's newest intact checkpoint.

    Raises:
        CheckpointError: none is intact, or it belongs to another run.
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
    print(f"Resuming {path} from step {gan.steps_trained}.", flush=True)
    return gan


def record_resume(run, step, config, defaults):
    """Records in `config.json` that training is resumed: the step, the time, the changed flags and the versions.

    Warns if the processor's instructions or oneDNN differ from before, since the last bits will differ.

    Args:
        run: a `run.Run` that has passed `check_same_run`.
        step: int, the step from which it is resumed.
        config, defaults: as for `check_same_run`; only changed flags are recorded.
    """
    old = run.read_config()
    before = _flags(old, defaults)
    changed = {name: value for name, value in config["flags"].items() if before[name] != value}
    line = {
        "step": step,
        "started": config["started"],
        "flags": changed,
        "versions": config["versions"],
        "processor": config["processor"],
        "git_commit": config["git_commit"],
    }
    last = [old, *old.get("resumed", ())][-1].get("processor")  # runs of 0.1.0 have none
    if last not in (None, config["processor"]):
        warnings.warn(
            f"This run was trained with {processor.describe(last)} and is resumed with "
            f"{processor.describe(config['processor'])}: its last bits will not be those of a run that was never "
            f"interrupted. {processor.ONEDNN} sets oneDNN.",
            stacklevel=2,
        )
    run.write_config(old | {"resumed": [*old.get("resumed", ()), line]})


def check_workers(strategy, gan, config, run):
    """Refuses to start if the workers differ.

    Raises:
        CheckpointError: other flags, data, versions or checkpoint on another worker.
    """
    alike = {name: config[name] for name in ("flags", "dataset", "versions")}
    alike["dataset"] = alike["dataset"] | {"name": None}  # a path may differ
    alike["flags"] = alike["flags"] | {"dataset": None}
    if not strategies.agree(strategy, json.dumps([alike, gan.steps_trained])):
        raise CheckpointError(
            "The workers differ in their flags, data, versions or newest checkpoint: start the same "
            "command on all, with --run_dir on a file system that all hosts share. Received: on this "
            f"worker run_dir={run.path}, step {gan.steps_trained}, {json.dumps(alike)}"
        )
