"""Directions of a checkpoint, found and applied: `python -m tfgan_kit.generate --find_directions`, `--directions`."""

import pathlib

from tfgan_kit import command_line
from tfgan_kit.commands.generate import class_names
from tfgan_kit.generation.direction_finders import ganspace, label_direction, sefa
from tfgan_kit.generation.directions import Directions, check_strengths
from tfgan_kit.generation.seeds import image_seeds
from tfgan_kit.metrics.features.domain_classifier import domain_classifier
from tfgan_kit.metrics.features.extractor import feature_extractor
from tfgan_kit.metrics.image_set import open_source_of_shape, split_indices
from tfgan_kit.runs.checkpoints import load_generative_model, resolve
from tfgan_kit.runs.run import Run

import numpy as np
from absl import flags

from tfgan_kit_client.class_names import parse_labels
from tfgan_kit_client.pictures import tile, write_png

FLAGS = flags.FLAGS
STRIP = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)  # strengths of a page


def main():
    command_line.import_modules(FLAGS.import_module)
    if FLAGS.find_directions:
        find(pathlib.Path(FLAGS.find_directions))
    else:
        apply(pathlib.Path(FLAGS.output))


def find(path):
    """Writes the directions, a page of strips beside them, and says how to go on."""
    command_line.writable_folder(path.parent)
    model = load_generative_model(FLAGS.ckpt, FLAGS.which)
    directions = _found(model.generative_model)
    directions.save(path)
    page = path.with_suffix(".png")
    write_png(page, strips(model, directions))
    print("\n".join(f"{k + 1:3d}  {name}" for k, name in enumerate(directions.names)))
    print(f"Wrote {path}, and {page}: a row a direction, strengths {STRIP[0]:g} to {STRIP[-1]:g}")
    line = command_line.command("generate", ckpt=FLAGS.ckpt, directions=path, strengths="2", output="edited.png")
    print(f"Next: {line}")


def _found(model):
    layers = FLAGS.direction_layers and (FLAGS.direction_layers[0], FLAGS.direction_layers[-1] + 1)
    if FLAGS.direction_method == "sefa":
        return sefa(model, FLAGS.num_directions, layers)
    if FLAGS.direction_method == "ganspace":
        return ganspace(model, FLAGS.num_directions, seed=FLAGS.seed, layers=layers)
    (label,) = parse_labels([FLAGS.direction_label], class_names(FLAGS.ckpt, FLAGS.which))
    found = label_direction(model, int(label), _classifier(model), FLAGS.direction_samples, FLAGS.seed)
    print(f"Of {found.held_out} held-out images of other labels, moved, the classifier gives label {label}:")
    print("strength   along the direction   along a random one")
    for row in zip(found.strengths, found.changed, found.of_random, strict=True):
        print("{:8g} {:21.1%} {:20.1%}".format(*row))
    return found.directions


def _classifier(model):
    """uint8 images -> logits: of --classifier, or of the classifier of the data that the run was trained on."""
    if FLAGS.classifier:
        extractor = feature_extractor(FLAGS.classifier)
    else:
        config = Run.of(resolve(FLAGS.ckpt, FLAGS.which)).read_config() or {}
        spelling = config.get("dataset", {}).get("name")
        if spelling is None:
            raise ValueError(
                "Only a run folder knows its data, on which a classifier is trained: give --classifier. Received: "
                f"ckpt={FLAGS.ckpt}"
            )
        source = open_source_of_shape(spelling, model.image_shape)
        extractor = domain_classifier(source, split_indices(source.num_images, with_classifier=True).classifier)

    def answers(images):
        features = extractor(images)
        return features.features if features.logits is None else features.logits

    return answers


def strips(model, directions):
    """A row for each direction, the image of --seed moved along it: uint8 (H', W', C)."""
    rows = np.concatenate([np.outer(STRIP, axis) for axis in np.eye(len(directions))])
    seeds = np.repeat(image_seeds(FLAGS.seed, 1), len(rows))
    images = model.edit(directions, rows, seeds=seeds, truncation_psi=FLAGS.truncation_psi)
    return tile(images, columns=len(STRIP))


def apply(output):
    """Writes a grid of images that were moved along the directions of a file."""
    directions = Directions.load(FLAGS.directions)
    strengths = _numbers(FLAGS.strengths)
    check_strengths(directions, strengths, FLAGS.num_images)  # before the checkpoint is loaded
    names = FLAGS.labels and class_names(FLAGS.ckpt, FLAGS.which)
    labels = np.resize(parse_labels(FLAGS.labels, names), FLAGS.num_images) if FLAGS.labels else None
    command_line.writable_folder(output.parent)
    model = load_generative_model(FLAGS.ckpt, FLAGS.which)
    images = model.edit(
        directions, strengths, FLAGS.num_images, FLAGS.seed, labels, truncation_psi=FLAGS.truncation_psi
    )
    write_png(output, tile(images))
    told = ", ".join(f"{name} {s:g}" for name, s in zip(directions.names, strengths, strict=False) if s)
    print(f"Wrote {output}: {told or 'no direction has a strength'}")


def _numbers(texts):
    try:
        return np.array([float(text) for text in texts])
    except ValueError as error:
        raise ValueError(f"--strengths are numbers, such as 2,0,-1. Received: {','.join(texts)}") from error
