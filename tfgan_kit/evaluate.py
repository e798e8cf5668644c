"""Measures a checkpoint against real images: `python -m tfgan_kit.evaluate`."""

import pathlib

from absl import flags

from tfgan_kit import command_line, data, metrics
from tfgan_kit.checkpoint import Run, load_gan, resolve
from tfgan_kit.metrics.image_set import images_of
from tfgan_kit.whole_files import write_json

FLAGS = flags.FLAGS


def define_flags():
    command_line.define_ckpt()
    flags.DEFINE_list(
        "metrics", None, "fd_domain, kid_domain, label_agreement, swd, mode_coverage; default: what the data "
        "allow."
    )
    flags.DEFINE_string("dataset", None, "Real images; default: those the run was trained on.")
    flags.DEFINE_string("test_dataset", None, "Real images for the floor; default: a part of --dataset.")
    flags.DEFINE_integer("num_images", None, "Generated images; default: as many as the test "
                         "images, which makes value and floor comparable.", lower_bound=4)
    flags.DEFINE_integer("seed", 0, "Names the images and splits the data.", lower_bound=0)
    flags.DEFINE_string("output", None, "JSON file; default: metrics.json in the run folder.")


def main():
    command_line.import_modules(FLAGS.import_module)
    path = resolve(FLAGS.ckpt, FLAGS.which)
    run = Run(path.parent.parent)
    config = run.read_config() if path in run.checkpoints().values() else None
    spelling = FLAGS.dataset or (config and config["dataset"]["name"])
    if spelling is None:
        raise ValueError("Only a run folder knows its data; give --dataset.")
    if FLAGS.output is None and config is None:
        raise ValueError("Outside of a run folder there is no place for the figures; give --output.")
    output = pathlib.Path(FLAGS.output or run.path / "metrics.json")
    command_line.writable_folder(output.parent)
    gan = load_gan(path)
    shape = gan.image_shape
    image_size, channels = (shape[0], shape[2]) if len(shape) == 3 else (None, None)
    source = data.open_source(spelling, image_size, channels)
    test = FLAGS.test_dataset and data.open_source(FLAGS.test_dataset, image_size, channels)
    results = metrics.evaluate(
        images_of(gan), source, FLAGS.metrics, FLAGS.num_images, FLAGS.seed, test,
        conditional=gan.num_classes is not None,
    )
    write_json(output, {"ckpt": str(path), "step": gan.steps_trained, "results": results})
    if config is not None:
        run.append_metrics(
            {"step": gan.steps_trained, **{k: r[k] for k in ("metric", "value", "protocol")}}
            for r in results
        )
    print(metrics.format_table(results))
    print(f"Wrote {output}")
    if len(gan.image_shape) == 3:  # points have no signature to be served by
        print(f"Next: python -m tfgan_kit.export --ckpt {FLAGS.ckpt} --output models/NAME")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
