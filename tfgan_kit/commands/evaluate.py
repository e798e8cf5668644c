"""Metrics of a checkpoint or a server, as table, JSON and page: what `python -m tfgan_kit.evaluate` does."""

import contextlib
import io
import pathlib
from typing import NamedTuple

from tfgan_kit import command_line, commands, files, metrics
from tfgan_kit.commands import generators
from tfgan_kit.export.verify.served import COMPARED, difference, images_served
from tfgan_kit.files import write_bytes, write_json
from tfgan_kit.generation import workers
from tfgan_kit.metrics import image_set
from tfgan_kit.metrics.catalogue import choose
from tfgan_kit.metrics.evaluation import evaluate_choice
from tfgan_kit.metrics.features.published import open_extractor
from tfgan_kit.metrics.image_set import open_source_of_shape
from tfgan_kit.metrics.protocol import history_lines
from tfgan_kit.metrics.report import write_report
from tfgan_kit.metrics.workers import Cluster
from tfgan_kit.runs.checkpoints import load_generative_model, resolve
from tfgan_kit.runs.run import Run

import numpy as np
from absl import flags

from tfgan_kit_client import GeneratorClient, ServingError, connection_flags

FLAGS = flags.FLAGS
QUICK_STEPS, QUICK_IMAGES = 150, 1000


class Subject(NamedTuple):
    """What is measured: its images, their shape, and where they come from."""

    images: metrics.ImageSource
    image_shape: tuple
    num_classes: int | None
    run: Run | None
    record: dict  # for metrics.json


def open_subject(stack):
    """The checkpoint's generator, or the server's; `stack` closes the connection."""
    subject = None if FLAGS.ckpt is None else of_checkpoint()
    if FLAGS.target is None:
        return subject
    try:
        return of_server(open_client(stack), subject)
    except ServingError as error:
        raise ValueError(f"The server did not answer: {error}") from error


def open_client(stack):
    """A client that stays with the version that is the newest now: no figure is of two."""
    where, tls = (FLAGS.target, FLAGS.model_name), connection_flags.tls()
    with GeneratorClient(*where, tls=tls) as client:
        version = client.metadata().version or None  # 0: the server does not tell
    return stack.enter_context(GeneratorClient(*where, tls=tls, version=version))


def of_checkpoint():
    path = resolve(FLAGS.ckpt, FLAGS.which)
    run = Run.of(path)
    gan = load_generative_model(path)
    commands.tell_of_precision(gan.generator.dtype_policy.name)
    return Subject(
        metrics.images_of(gan),
        gan.image_shape,
        gan.num_classes,
        run if path in run.checkpoints().values() else None,
        {"ckpt": str(path), "step": getattr(gan, "steps_trained", None)},
    )


def of_server(client, checkpoint):
    """The server's `Subject`; what is known of the checkpoint is said of it only where their images are alike."""
    record = {"target": FLAGS.target, "model_name": FLAGS.model_name, "version": client.metadata().version}
    images = images_served(client)
    num_classes = checkpoint and checkpoint.num_classes
    labels = np.arange(COMPARED, dtype=np.int32) % (num_classes or 1) if images.conditional else None
    first = images.generate(0, COMPARED, labels)
    served = Subject(images, first.shape[1:], num_classes, checkpoint and checkpoint.run, record)
    if checkpoint is None:
        return served
    apart = difference(first, checkpoint.images.generate(0, COMPARED, labels))
    record |= {"levels_from_ckpt": apart.largest}
    if apart.alike:
        images = images._replace(facts=checkpoint.images.facts)
        return served._replace(images=images, record=record | checkpoint.record)
    record |= {"compared_with": checkpoint.record["ckpt"]}
    return served._replace(images=images._replace(warnings=(apart.warning(),)), record=record)


def read_record(path):
    """The content of a metrics.json, whose infinities and NaN are numbers again."""
    return files.from_json(files.read_bytes(path, files.MOST_JSON_BYTES))


def read_baseline():
    path = pathlib.Path(FLAGS.baseline)
    try:
        results = read_record(path / "metrics.json" if path.is_dir() else path)["results"]
        return [{name: result[name] for name in ("metric", "value", "protocol")} for result in results]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            "--baseline is a metrics.json that this command wrote, or the run folder it is in. "
            f"Received: baseline={FLAGS.baseline} ({error})"
        ) from error


def output_paths(subject):
    """(the data's spelling, the output's path); the run folder knows both."""
    config = subject.run and subject.run.read_config()
    spelling = FLAGS.dataset or (config and config["dataset"]["name"])
    if spelling is None:
        raise ValueError("Only a run folder knows its data; give --dataset.")
    if FLAGS.output is None and config is None:
        raise ValueError("Outside of a run folder there is no place for the figures; give --output.")
    name = "metrics_quick.json" if FLAGS.quick else "metrics.json" if FLAGS.target is None else "metrics_served.json"
    output = pathlib.Path(FLAGS.output or subject.run.path / name)
    command_line.writable_folder(output.parent)
    if FLAGS.features is not None:
        command_line.writable_folder(pathlib.Path(FLAGS.features).parent)
    return spelling, output


def choose_metrics(source, conditional):
    """The `Choice` of the flags, its extractor opened where one says how."""
    choice = choose(FLAGS.metrics, source, conditional, FLAGS.extractor)
    choice = choice._replace(classifier_steps=QUICK_STEPS if FLAGS.quick else None)
    if FLAGS.weights or FLAGS.resizer:
        return choice._replace(extractor=open_extractor(choice.extractor, FLAGS.weights, FLAGS.resizer))
    return choice


def num_images(source):
    """The number of images to generate; None: as many as there are test images, a quarter of the source."""
    quick = FLAGS.quick and source.num_images >= 4 * QUICK_IMAGES
    return FLAGS.num_images or (QUICK_IMAGES if quick else None)


def measuring_place(stack, subject):
    """Where images are made and looked at: this process, or a cluster until `stack` ends."""
    if FLAGS.ray is None:
        return image_set
    ray = stack.enter_context(workers.cluster(FLAGS.ray))
    if FLAGS.target is None:
        return Cluster(ray, generators.of_checkpoint())
    return Cluster(ray, generators.of_server(subject.record["version"]))


def main():
    command_line.import_modules(FLAGS.import_module)
    baseline = FLAGS.baseline and read_baseline()
    with contextlib.ExitStack() as stack:
        subject = open_subject(stack)
        spelling, output = output_paths(subject)
        source = open_source_of_shape(spelling, subject.image_shape)
        test = FLAGS.test_dataset and open_source_of_shape(FLAGS.test_dataset, subject.image_shape)
        choice = choose_metrics(source, subject.images.conditional)
        place = measuring_place(stack, subject)
        found = evaluate_choice(subject.images, source, choice, num_images(source), FLAGS.seed, test, place)
    write(found, subject, source, output)
    try:
        print(metrics.format_table(found.results, baseline and metrics.compare(found.results, baseline)))
    except ValueError:  # the baseline's protocol: the values are good without it
        print(metrics.format_table(found.results))
        raise
    print(f"Wrote {output} and {output.with_suffix('.html')}")
    if FLAGS.ckpt and len(subject.image_shape) == 3:  # points have no signature to be served by
        print(f"Next: {command_line.command('export', ckpt=FLAGS.ckpt, output='models/NAME')}")


def write(found, subject, source, output):
    """Writes metrics.json, the lines of the run's history, the features, and the report."""
    keep_another_step(output, subject.record.get("step"))
    names = {"class_names": source.class_names} if source.class_names else {}
    write_json(output, subject.record | names | {"results": found.results})
    if subject.run is not None and FLAGS.target is None and not FLAGS.quick:
        subject.run.append_metrics(history_lines(found.results, subject.record["step"]))
    if FLAGS.features:
        write_features(FLAGS.features, found)
    title = f"Evaluation of {subject.record.get('target') or subject.record['ckpt']}"
    facts = [f"{name}: {value}" for name, value in subject.record.items()]
    history = subject.run.read_metrics() if subject.run is not None else ()
    write_report(output.with_suffix(".html"), found, source, title, facts, history)


def keep_another_step(output, step):
    """Renames the figures and the report of another step to `metrics-step-00001000.json` and `.html`."""
    try:
        before = read_record(output).get("step")
    except (OSError, ValueError, AttributeError):
        return
    if isinstance(before, int) and before != step:
        for path in (output, output.with_suffix(".html")):
            if path.exists():
                path.rename(path.with_stem(f"{path.stem}-step-{before:08d}"))


def write_features(path, found):
    """Features, logits and labels of each set, the real ones' indices, and the results: all to compute them again."""
    if found.extractor is None:
        print("warning: none of these metrics has features, so there are none to write")
        return
    arrays = {"results": files.to_json(found.results)}
    for name, indices in (("reference", found.split.reference), ("test", found.split.test), ("generated", None)):
        part = getattr(found, name)
        parts = {"": part.features, "_logits": part.logits, "_labels": part.labels, "_indices": indices}
        arrays |= {name + suffix: values for suffix, values in parts.items() if values is not None}
    file = io.BytesIO()
    np.savez(file, **arrays)
    write_bytes(path, file.getvalue())
