"""Trains a GAN into a run folder, or resumes one: `python -m tfgan_kit.train`."""

from tfgan_kit import choices, command_line

from absl import flags

FLAGS = flags.FLAGS


def define_flags():
    define_recipe()
    define_data()
    define_outputs()
    define_precision_and_speed()
    define_strategy()
    define_evaluation()
    command_line.define_import_module()


def define_recipe():
    flags.DEFINE_string("preset", None, "One of: " + ", ".join(choices.PRESETS))
    flags.DEFINE_string(
        "recipe",
        None,
        "In place of --preset: a run folder whose config.json says how to make its run again, in another --run_dir, "
        "whatever has become of its preset. Flags that are not given are that run's.",
    )
    flags.DEFINE_multi_string(
        "set",
        [],
        "A value of the preset, its penalties or its networks, as generator_learning_rate=1e-4, penalties.r1.gamma=2, "
        "generator.width=64; may be given several times. --print_config shows all of them.",
    )
    flags.DEFINE_boolean("print_config", False, "Print the recipe of the run as JSON, and end before training.")
    flags.DEFINE_string(
        "init_from",
        None,
        "A .keras file or run folder of a GAN with the same networks: a new run begins with its weights.",
    )
    flags.DEFINE_integer("steps", None, "Total number of training steps.", lower_bound=1)
    flags.DEFINE_string("objective", None, "One of: " + ", ".join(choices.OBJECTIVES))
    flags.DEFINE_string(
        "augment",
        None,
        f"For little data, what the discriminator's images are changed by: one of {', '.join(choices.AUGMENTATIONS)}; "
        "default: the preset's. --set augment.target=0.5 sets its arguments.",
    )


def define_data():
    flags.DEFINE_string("dataset", None, f"One of: {', '.join(choices.SPELLINGS)}; default: the preset's.")
    flags.DEFINE_boolean("conditional", True, "Use the labels of the data set, if it has any.")
    flags.DEFINE_integer("image_size", None, "Side of the images in pixels; default: the preset's.", lower_bound=1)
    flags.DEFINE_integer("batch_size", None, "Images per step.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "Seed of weights, latents and data order.", lower_bound=0, upper_bound=2**31 - 1)


def define_outputs():
    flags.DEFINE_string("run_dir", None, "Run folder; an existing run is resumed.")
    command_line.define_ckpt_as_run_dir()
    flags.DEFINE_integer(
        "checkpoint_every", 500, "Steps between checkpoints, sample grids and log lines.", lower_bound=1
    )
    flags.DEFINE_integer("keep", 3, "Checkpoints to keep, in addition to the best.", lower_bound=1)
    flags.DEFINE_integer("num_samples", 100, "Images in a sample grid.", lower_bound=1)
    flags.DEFINE_boolean(
        "tensorboard",
        False,
        "Sample grids as images and, on one device, histograms of both networks' gradients in TensorBoard, which has "
        "the curves of all logs and metrics without it.",
    )
    flags.DEFINE_multi_string(
        "callbacks",
        [],
        "module:factory, a function without arguments that returns a Keras callback, or a list of them.",
    )


def define_precision_and_speed():
    flags.DEFINE_enum(
        "mixed_precision",
        "float32",
        ["float32", "mixed_bfloat16", "mixed_float16"],
        "Keras's dtype policy of the networks' arithmetic; weights, losses and images stay float32. On a "
        "processor without half-precision instructions it is slower: the command measures and reports it.",
    )
    flags.DEFINE_boolean("jit_compile", False, "Compile a training step with XLA.")
    flags.DEFINE_integer(
        "steps_per_execution",
        1,
        "Steps that run without checks of losses and signals between them; divides --steps and --checkpoint_every.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "gradient_accumulation_steps",
        1,
        "Parts of the batch of each update, whose gradients are summed one after the other in the memory of one.",
        lower_bound=1,
    )


def define_strategy():
    flags.DEFINE_enum(
        "strategy",
        "none",
        choices.STRATEGIES,
        "One device; all GPUs of this machine; those of "
        "all hosts in TF_CONFIG (--run_dir on a file system they share); a TPU (never run).",
    )
    flags.DEFINE_integer(
        "sigterm_exit_code",
        0,
        "Exit code of a run that SIGTERM has stopped before its last step. A launcher that takes 0 for the end, as a "
        "Kubernetes Job does, needs 75, the code after a lost worker: start all again.",
        lower_bound=0,
        upper_bound=255,
    )
    flags.DEFINE_integer(
        "logical_cpus", 1, "Logical CPU devices, for --strategy mirrored without a GPU.", lower_bound=1
    )


def define_evaluation():
    flags.DEFINE_integer(
        "evaluate_every",
        None,
        "Steps between evaluations of the averaged generator; default: none. The checkpoint of the best step is kept.",
        lower_bound=1,
    )
    flags.DEFINE_list(
        "evaluate_metrics",
        None,
        "As --metrics of tfgan_kit.evaluate; the first selects the best checkpoint. Default: all that the data allow.",
    )
    flags.DEFINE_integer(
        "evaluate_num_images", None, "Images per evaluation; default: as many as the test images.", lower_bound=4
    )
    flags.DEFINE_integer(
        "patience",
        None,
        "Evaluations without a better value after which training stops; default: never.",
        lower_bound=1,
    )


def check_flags():
    """Refuses flags that lack others, and unknown names, before TensorFlow is imported.

    Raises:
        ValueError: it says what is missing, or known.
    """
    if FLAGS.preset is None and FLAGS.recipe is None:
        raise ValueError("Give a --preset, or a --recipe. Known presets are " + ", ".join(choices.PRESETS) + ".")
    if FLAGS.run_dir is None and not FLAGS.print_config:
        raise ValueError("Give a --run_dir, the folder for checkpoints, samples and logs.")
    command_line.check_one_of("preset", choices.PRESETS)
    command_line.check_one_of("objective", choices.OBJECTIVES)
    command_line.check_one_of("augment", choices.AUGMENTATIONS)
    command_line.check_data("dataset")
    command_line.check_metrics("evaluate_metrics")
    for name in ("evaluate_metrics", "evaluate_num_images", "patience"):
        if FLAGS[name].value is not None and not FLAGS.evaluate_every:
            raise ValueError(f"--{name} needs --evaluate_every. Received: --{name}={FLAGS[name].value}")
    if FLAGS.patience and FLAGS.strategy == "multi_worker":
        raise ValueError(
            "Several workers cannot stop early: only the chief evaluates, and the others would wait for it. "
            f"Leave --patience out. Received: --patience={FLAGS.patience}"
        )


def main():
    check_flags()
    command_line.work("train")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
