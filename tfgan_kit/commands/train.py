"""Training into a run folder, or on from its newest checkpoint: what `python -m tfgan_kit.train` does."""

import dataclasses
import os
import shlex
import signal
import sys
import typing

from tfgan_kit import command_line, commands, data, files, objectives, presets
from tfgan_kit.callbacks import Evaluate, NonFiniteGuard, RunRecorder, SampleGrid, StepTensorBoard, StopOnSignal
from tfgan_kit.distribution import strategies
from tfgan_kit.metrics.catalogue import choose
from tfgan_kit.presets import recipe as recipes
from tfgan_kit.presets.preset import build
from tfgan_kit.presets.settings import with_settings
from tfgan_kit.runs import resume
from tfgan_kit.runs.checkpoints import load_gan
from tfgan_kit.runs.run import Run
from tfgan_kit.training.updates import Alternating

import keras
from absl import flags

FLAGS = flags.FLAGS


def recorded(of):
    """`of(flag)` of every flag of this command but `--run_dir`, by name: for `config.json`."""
    module = FLAGS.find_module_defining_flag("preset")
    names = [flag.name for flag in FLAGS.flags_by_module_dict()[module] if flag.name != "run_dir"]
    return {name: of(FLAGS[name]) for name in [*names, "import_module"]}


def defaults():
    """The default of every flag, for flags that a run of an earlier version did not have."""
    return recorded(lambda flag: flag.default)


def take_recipe():
    """The preset of `--recipe`, whose run's flags become those that are not given; None without `--recipe`.

    Raises:
        ValueError: a folder without a recipe, or a --preset beside it.
    """
    if not FLAGS.recipe:
        return None
    config = Run(FLAGS.recipe).read_config() or {}
    if "recipe" not in config or FLAGS["preset"].present:
        raise ValueError(
            "--recipe is the folder of a run of release 0.2 or later, and takes the place of --preset. Received: "
            f"recipe={FLAGS.recipe}" + (f", preset={FLAGS.preset}" if FLAGS["preset"].present else "")
        )
    for name, value in config["flags"].items():
        if name in FLAGS and name not in ("recipe", "run_dir") and not FLAGS[name].present:
            FLAGS[name].value = value
    return recipes.preset_of(config["recipe"])


def resolve(preset):
    """A preset with the flags' overrides."""
    named = ("objective", "augment", "steps", "batch_size", "image_size")
    overrides = {name: FLAGS[name].value for name in named if FLAGS[name].value}
    if FLAGS.gradient_accumulation_steps > 1:
        rule = preset.update or Alternating()
        overrides["update"] = type(rule)(
            rule.discriminator_steps, rule.generator_steps, FLAGS.gradient_accumulation_steps
        )
    return with_settings(dataclasses.replace(preset, **overrides), FLAGS.set)


def check_executions(steps, first_step=0):
    """Refuses settings under which an execution would run past a checkpoint.

    Raises:
        ValueError: a number of steps that is not a multiple of `--steps_per_execution`.
    """
    size = FLAGS.steps_per_execution
    numbers = {"steps": steps, "checkpoint_every": FLAGS.checkpoint_every, "first step": first_step}
    for name, number in numbers.items():
        if number % size:
            raise ValueError(
                "--steps, --checkpoint_every and the step to resume from are multiples of "
                f"--steps_per_execution. Received: steps_per_execution={size}, {name}={number}"
            )


def check_evaluation(source):
    """Refuses settings of the evaluation before anything is written.

    Raises:
        ValueError: metrics that the source does not allow.
    """
    if FLAGS.evaluate_every:
        choose(FLAGS.evaluate_metrics, source, bool(classes_of(source)))


def make_evaluation(run, source):
    """The `Evaluate` that the flags describe, or None; only the worker that writes evaluates."""
    if not (FLAGS.evaluate_every and run.writes):
        return None
    return Evaluate(
        source, run, FLAGS.evaluate_metrics, FLAGS.evaluate_every, FLAGS.evaluate_num_images, patience=FLAGS.patience
    )


def writing_callbacks(run, dataset, num_samples, evaluation, replicas=1):
    """The callbacks that write into the run folder, for the worker that does."""
    yield RunRecorder(run)  # first, since the others may fail
    if evaluation:
        yield evaluation
    if len(dataset.source.image_shape) == 3:
        yield SampleGrid(run.samples_dir, num_samples)
    yield tensor_board(run, dataset, num_samples, replicas)


def tensor_board(run, dataset, num_samples, replicas):
    """The curves, and by `--tensorboard` the samples and, on one device, gradients, in the run folder."""
    if not FLAGS.tensorboard:
        return StepTensorBoard(run.logs_dir, write_graph=False)
    source = dataset.source
    rows = source.ordered(min(64, source.num_images)).take(1)
    batch = next(iter(rows)) if FLAGS.conditional else next(iter(rows.map(lambda images, *labels: images)))
    if replicas > 1:
        batch = None
    images = num_samples if len(source.image_shape) == 3 else 0
    return StepTensorBoard(run.logs_dir, write_graph=False, num_images=images, batch=batch)


def train(gan, dataset, run, steps, stop, evaluation=None):
    """Trains to step `steps`, or until `stop` receives a signal or `evaluation` is out of patience.

    A checkpoint is written every `--checkpoint_every` steps and at the end.
    """
    callbacks = [NonFiniteGuard(run), stop, *own_callbacks()]
    if run.writes:
        callbacks += writing_callbacks(
            run, dataset, FLAGS.num_samples, evaluation, gan.distribute_strategy.num_replicas_in_sync
        )
    if evaluation and evaluation.out_of_patience:  # a run that had stopped early
        print(evaluation.reason(), flush=True)
    if gan.steps_trained == steps:  # `fit` does not begin, so a grid that a killed process left out is written here
        for callback in callbacks:
            if isinstance(callback, SampleGrid):
                callback.set_model(gan)
                callback.on_train_begin()
    checkpoint_every = FLAGS.checkpoint_every
    while (done := gan.steps_trained) < steps and not stop.received:
        if evaluation and evaluation.out_of_patience:
            return
        epoch = done // checkpoint_every
        length = min(checkpoint_every - done % checkpoint_every, steps - done)
        epochs = (steps - done) // length if length == checkpoint_every else 1
        gan.fit(
            dataset, callbacks=callbacks, steps_per_epoch=length, initial_epoch=epoch, epochs=epoch + epochs,
            verbose=command_line.verbosity(),
        )  # fmt: skip


def classes_of(source):
    """The number of classes that the networks are asked for; None without labels, or with --noconditional."""
    return source.num_classes if FLAGS.conditional else None


def start(run, source, preset, config):
    """The run's GAN: the newest checkpoint's, or a new one."""
    recipe = recipes.recipe(preset, source.image_shape, classes_of(source))
    resume.check_same_run(run, config, defaults())
    if run.checkpoints():
        check_same_recipe(run, recipe)
        gan = resume.newest_gan(run)
    else:
        keras.utils.set_random_seed(FLAGS.seed)
        gan = build(preset, source.image_shape, classes_of(source), FLAGS.seed)
        if FLAGS.init_from:
            take_weights(gan, load_gan(FLAGS.init_from))
        run.write_config(config | {"recipe": recipe, "networks": resume.measures(gan)})
    # Keras reads both when it creates the training function, at the next `fit`.
    gan.jit_compile, gan.steps_per_execution = FLAGS.jit_compile, FLAGS.steps_per_execution
    return gan


def take_weights(gan, other):
    """Begins with the weights and the average of another GAN.

    Raises:
        ValueError: its networks have weights of other shapes.
    """
    for name in ("generator", "discriminator", "ema_generator"):
        network, theirs = getattr(gan, name), getattr(other, name)
        shapes, found = ([weight.shape for weight in each.weights] for each in (network, theirs))
        if shapes != found:
            place = next((k for k, pair in enumerate(zip(shapes, found, strict=False)) if pair[0] != pair[1]), None)
            which = f"{len(found)} weights" if place is None else f"{theirs.weights[place].path} of {found[place]}"
            raise ValueError(
                f"--init_from holds another {name} than this run's: give the preset, --set, --image_size and labels "
                f"that it was trained with. Received: {which}, where this run has "
                + (f"{len(shapes)}" if place is None else f"{shapes[place]}")
            )
        network.set_weights(theirs.get_weights())


def own_callbacks():
    """The callbacks of `--callbacks`.

    Raises:
        ValueError: a spelling without a module, one that cannot be imported, or what is no callback.
    """
    found = []
    for spelling in FLAGS.callbacks:
        module, _, factory = spelling.partition(":")
        command_line.import_modules([module])
        made = getattr(sys.modules.get(module), factory, None)
        made = keras.tree.flatten(made() if callable(made) else made)
        if not all(isinstance(each, keras.callbacks.Callback) for each in made) or not made:
            raise ValueError(
                "--callbacks is module:factory, where factory() returns a keras.callbacks.Callback or a list of them. "
                f"Received: callbacks={spelling}"
            )
        found += made
    return found


def check_same_recipe(run, recipe):
    """Refuses to continue a run whose preset has been edited, which its checkpoints would not follow.

    Raises:
        ValueError: it names every difference.
    """
    before = run.read_config().get("recipe")  # runs of 0.1.0 have none
    if before and (changed := recipes.differences(before, recipe)):
        raise ValueError(
            f"{run.path} was made with another recipe: {', '.join(changed)}. A checkpoint continues with its own "
            "values: restore the preset to resume this run, or take another --run_dir for the new one."
        )


def report(gan, run):
    """The output files, and the next commands."""
    lines = [
        f"Trained to step {gan.steps_trained}: {run.newest()}",
        *([f"Best:    {best}"] if (best := run.best()) else []),
        f"Samples: {run.samples_dir}",
        f"Curves:  tensorboard --logdir {shlex.quote(str(run.logs_dir))}",
        f"Next:    {command_line.command('evaluate', ckpt=run.path)}",
    ]
    if len(gan.image_shape) == 3:  # points have no serving signature
        lines.append(f"         {command_line.command('export', ckpt=run.path, output=f'models/{run.path.name}')}")
    return "\n".join(lines)


def report_interruption(run, received):
    """Prints which checkpoint is kept and the command that resumes; after SIGTERM exits with `--sigterm_exit_code`."""
    kept = run.newest()
    print(
        f"Stopped by {received.name}: {kept or 'no step was finished, so there is nothing to keep'}\n"
        f"Resume:  python -m tfgan_kit.train {shlex.join(sys.argv[1:])}",
        flush=True,
    )
    sys.exit(FLAGS.sigterm_exit_code if received == signal.SIGTERM else 128 + received)


class Plan(typing.NamedTuple):
    """The settings of a run from the flags and the preset, before any file is opened.

    Attributes:
        preset: `Preset`, with the flags' overrides.
        spelling: of the source.
    """

    preset: presets.Preset
    spelling: str


def plan():
    """The `Plan` of the flags.

    Raises:
        ValueError: flags that contradict each other, or no `--dataset` for a preset without a default one.
    """
    preset = take_recipe()
    if preset is None:
        preset = presets.get(FLAGS.preset)
    if FLAGS.objective:
        objectives.get(FLAGS.objective)
    preset = resolve(preset)
    spelling = FLAGS.dataset or preset.dataset
    if spelling is None:
        raise ValueError(f"The preset {FLAGS.preset} has no default data set: give --dataset.")
    check_executions(preset.steps)
    return Plan(preset, spelling)


def open_strategy():
    """The strategy of the flags; with several workers it waits for all of them."""
    strategies.split_cpu(FLAGS.logical_cpus)
    if FLAGS.strategy == "multi_worker":
        print("Waiting for all workers of TF_CONFIG.", flush=True)
    return strategies.get(FLAGS.strategy)


def train_or_resume(planned, run, strategy, stop):
    """Trains the run to its last step, or until `stop` receives a signal."""
    preset = planned.preset
    source = data.open_source(planned.spelling, preset.image_size)
    check_evaluation(source)
    dataset = source.training(preset.batch_size, FLAGS.seed, preset.flip)
    config = resume.describe(recorded(lambda flag: flag.value), source, preset.batch_size, preset.flip)
    with run.alone():
        with strategy.scope():
            gan = start(run, source, preset, config)
        resume.check_workers(strategy, gan, config, run)
        check_executions(preset.steps, gan.steps_trained)
        run.forget_metrics_after(gan.steps_trained)
        if 0 < gan.steps_trained < preset.steps:
            resume.record_resume(run, gan.steps_trained, config, defaults())
        print(f"{source.name}: {source.num_images} images {source.image_shape}, on {strategies.describe(strategy)}.")
        commands.tell_of_precision(FLAGS.mixed_precision)
        train(gan, dataset, run, preset.steps, stop, make_evaluation(run, source))
        strategies.agree(strategy, "done")  # no worker leaves before the chief has saved
    return gan


def print_recipe(planned):
    """Prints what the flags and the preset resolve to for the images, as JSON."""
    source = data.open_source(planned.spelling, planned.preset.image_size)
    print(files.to_json(recipes.recipe(planned.preset, source.image_shape, classes_of(source)), indent=2))


def run_to_the_end(planned):
    """Trains or resumes the run of the flags, and reports its files or what stopped it.

    Raises:
        WorkerLostError: another worker was lost.
    """
    strategy = open_strategy()
    run = Run(command_line.writable_folder(FLAGS.run_dir), FLAGS.keep, strategies.is_chief(strategy))
    resume.check_folder(run)
    with StopOnSignal(strategy=strategy) as stop, strategies.worker_errors(strategy):
        gan = train_or_resume(planned, run, strategy, stop)
    if stop.received:
        report_interruption(run, stop.received)
    if run.writes:
        print(report(gan, run))


def main():
    command_line.import_modules(FLAGS.import_module)
    planned = plan()
    if FLAGS.print_config:
        return print_recipe(planned)
    keras.config.set_dtype_policy(FLAGS.mixed_precision)
    try:
        run_to_the_end(planned)
    except strategies.WorkerLostError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(os.EX_TEMPFAIL)  # which asks the launcher to start this worker again
