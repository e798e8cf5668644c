"""Measures a checkpoint, or what a server answers, against real images: `python -m tfgan_kit.evaluate`."""

import contextlib
import io
import pathlib
from typing import NamedTuple

from tfgan_kit import command_line, files, metrics
from tfgan_kit.data.open import SPELLINGS
from tfgan_kit.export.verify.served import COMPARED, difference, images_served
from tfgan_kit.files import write_bytes, write_json
from tfgan_kit.metrics.catalogue import GROUPS, MEASURES, choose
from tfgan_kit.metrics.evaluation import LARGEST_SEED, evaluate_choice
from tfgan_kit.metrics.features.extractor import KNOWN
from tfgan_kit.metrics.features.published import open_extractor
from tfgan_kit.metrics.image_set import open_source_of_shape
from tfgan_kit.metrics.protocol import history_lines
from tfgan_kit.metrics.report import write_report
from tfgan_kit.runs.checkpoints import load_generative_model, resolve
from tfgan_kit.runs.run import Run

import numpy as np
from absl import flags

from tfgan_kit_client import GeneratorClient, ServingError, connection_flags

FLAGS = flags.FLAGS


def define_flags():
    command_line.define_ckpt(required=False)
    names = ", ".join(["fid", *GROUPS, *(name for name in MEASURES if name not in sum(GROUPS.values(), ()))])
    flags.DEFINE_list("metrics", None, f"Of {names}; default: all that the data and the extractor allow.")
    flags.DEFINE_string(
        "extractor",
        None,
        f"What features are of: {', '.join(KNOWN)}, a .keras file or the folder of a SavedModel (a program: take only "
        "one that you trust); default: domain, a classifier trained on half of the data, where it has labels.",
    )
    flags.DEFINE_string("weights", None, "File of the weights of inception or lite0; default: downloaded once.")
    flags.DEFINE_string(
        "resizer",
        None,
        "How inception's images are resized: tf1_bilinear, as FID was defined, "
        "the default; or clean, as clean-fid does.",
    )
    flags.DEFINE_string("dataset", None, f"Real images: {SPELLINGS}; default: those the run was trained on.")
    flags.DEFINE_string("test_dataset", None, "Real images for the floor; default: a part of --dataset.")
    flags.DEFINE_integer(
        "num_images",
        None,
        "Generated images; default: as many as the test images, which makes value and floor comparable.",
        lower_bound=4,
    )
    flags.DEFINE_integer("seed", 0, "Names the images and splits the data.", lower_bound=0, upper_bound=LARGEST_SEED)
    flags.DEFINE_string(
        "target",
        None,
        "host:port of a server: what it answers is measured, and compared with --ckpt where that is given.",
    )
    flags.DEFINE_string("model_name", "default", "The model's name at --target.")
    connection_flags.define_tls_flags()
    flags.DEFINE_string(
        "baseline",
        None,
        "Run folder, or metrics.json, of another evaluation: prints the change from it; refuses another protocol.",
    )
    flags.DEFINE_string(
        "output",
        None,
        "JSON file; default: metrics.json in the run folder, with --target "
        "metrics_served.json. The report, one page of HTML, is written beside it.",
    )
    flags.DEFINE_string("features", None, "A .npz file for the features of reference, test and generated images.")


class Subject(NamedTuple):
    """What is measured: its images, their shape, and where they come from."""

    images: metrics.ImageSource
    image_shape: tuple
    num_classes: int | None
    run: Run | None
    record: dict  # for metrics.json


def check_flags_of_a_server():
    given = ["model_name"] * FLAGS["model_name"].present + connection_flags.given_tls()
    if FLAGS.target is None and given:
        raise ValueError(
            f"Which server is meant? Give --target host:port, too. Received: --{', --'.join(given)} without --target"
        )


def open_subject(stack):
    """The checkpoint's generator, or the server's; `stack` closes the connection."""
    if FLAGS.ckpt is None and FLAGS.target is None:
        raise ValueError("There is nothing to measure: give --ckpt, or --target for a server.")
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
    command_line.tell_of_precision(gan.generator.dtype_policy.name)
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
    name = "metrics.json" if FLAGS.target is None else "metrics_served.json"
    output = pathlib.Path(FLAGS.output or subject.run.path / name)
    if output.suffix != ".json":
        raise ValueError(f"--output is a .json file; the report goes beside it as .html. Received: output={output}")
    command_line.writable_folder(output.parent)
    if FLAGS.features is not None:
        if pathlib.Path(FLAGS.features).suffix != ".npz":
            raise ValueError(f"--features is a .npz file. Received: features={FLAGS.features}")
        command_line.writable_folder(pathlib.Path(FLAGS.features).parent)
    return spelling, output


def choose_metrics(source, conditional):
    """The `Choice` of the flags, its extractor opened where one says how."""
    choice = choose(FLAGS.metrics, source, conditional, FLAGS.extractor)
    if FLAGS.weights or FLAGS.resizer:
        return choice._replace(extractor=open_extractor(choice.extractor, FLAGS.weights, FLAGS.resizer))
    return choice


def main():
    command_line.import_modules(FLAGS.import_module)
    check_flags_of_a_server()
    baseline = FLAGS.baseline and read_baseline()
    with contextlib.ExitStack() as stack:
        subject = open_subject(stack)
        spelling, output = output_paths(subject)
        source = open_source_of_shape(spelling, subject.image_shape)
        test = FLAGS.test_dataset and open_source_of_shape(FLAGS.test_dataset, subject.image_shape)
        choice = choose_metrics(source, subject.images.conditional)
        found = evaluate_choice(subject.images, source, choice, FLAGS.num_images, FLAGS.seed, test)
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
    write_json(output, subject.record | {"results": found.results})
    if subject.run is not None and FLAGS.target is None:
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


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
