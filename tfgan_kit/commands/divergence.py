"""The matrix of a divergence, and its heat map: what `python -m tfgan_kit.divergence` does."""

import pathlib
from collections.abc import Callable
from typing import NamedTuple

from tfgan_kit import command_line, data, metrics
from tfgan_kit.divergences import divergence_matrix, gaussian, heat_map, nearest_neighbour_kl
from tfgan_kit.files import write_json
from tfgan_kit.generation.seeds import image_seeds
from tfgan_kit.metrics.features.domain_classifier import classifiable
from tfgan_kit.metrics.image_set import gather, generated_batches, images_of, open_source_of_shape, real_batches
from tfgan_kit.runs.checkpoints import load_gan

import numpy as np
from absl import flags

FLAGS = flags.FLAGS
SMALLEST_GROUP = 4


class SampleDivergence(NamedTuple):
    """A divergence of two sample sets.

    compare: `(x, y) -> float`, float64 (N, D) and (M, D).
    symmetric: whether compare(x, y) = compare(y, x).
    """

    compare: Callable
    symmetric: bool


def gaussian_w2(x, y):
    """The Frechet distance: W2 of the Gaussians with the samples' means and covariances."""
    return gaussian.w2(metrics.gaussian_statistics(x), metrics.gaussian_statistics(y))


def gaussian_kl(x, y):
    """KL of those Gaussians, in nats."""
    if min(len(x), len(y)) <= x.shape[1]:
        raise ValueError(
            "gaussian_kl needs more images in a group than features, or a covariance is singular and "
            "the value infinite: give a larger --num_images, or use gaussian_w2. "
            f"Received: {len(x)} and {len(y)} images, {x.shape[1]} features"
        )
    return gaussian.kl(metrics.gaussian_statistics(x), metrics.gaussian_statistics(y))


def neighbour_kl(x, y):
    """KL by 5 nearest neighbours, in nats; 0 for a group and itself, which share their points."""
    return 0.0 if x is y else nearest_neighbour_kl(x, y, k=5).value


def sliced_wasserstein(x, y):
    return metrics.sliced_wasserstein(x, y).value


DIVERGENCES = {
    "gaussian_w2": SampleDivergence(gaussian_w2, symmetric=True),
    "gaussian_kl": SampleDivergence(gaussian_kl, symmetric=False),
    "nearest_neighbour_kl": SampleDivergence(neighbour_kl, symmetric=False),
    "sliced_wasserstein": SampleDivergence(sliced_wasserstein, symmetric=True),
}


def open_sources(names, gans):
    """{name: source} from {spelling: name}, of the checkpoints' shape, or all of one.

    Raises:
        ValueError: the shapes differ.
    """
    _check_shapes(gans)
    if gans:
        shape = next(iter(gans.values())).image_shape
        return {name: open_source_of_shape(spelling, shape) for spelling, name in names.items()}
    sources = {name: data.open_source(spelling) for spelling, name in names.items()}
    _check_shapes(sources)
    return sources


def _check_shapes(found):
    shapes = {name: tuple(one.image_shape) for name, one in found.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"Only images of one shape can be compared. Received: {shapes}")


def train_extractor(sources, seed):
    """(the name of the first labelled data set, its classifier), or (None, None)."""
    for name, source in sources.items():
        if classifiable(source):
            part = metrics.split_indices(source.num_images, with_classifier=True, seed=seed).classifier
            return name, metrics.domain_classifier(source, part, seed)
    return None, None


def real_images(source, num_images, seed, leave_out):
    """The `ImageSet` batches of `num_images` drawn at random; `leave_out` excludes the extractor's training half."""
    indices = np.arange(source.num_images)
    if leave_out:
        split = metrics.split_indices(source.num_images, with_classifier=True, seed=seed)
        indices = np.sort(np.concatenate([split.reference, split.test]))
    drawn = np.random.default_rng([seed, 1]).permutation(indices)[:num_images]
    return real_batches(source, np.sort(drawn))


def generated_images(gan, num_images, seed):
    """The `ImageSet` batches of the images of `image_seeds(seed, num_images)`, with labels drawn from the seeds."""
    labels = gan.labels_of(image_seeds(seed, num_images))
    return generated_batches(images_of(gan).generate, num_images, gan.image_shape, seed, labels)


def feature_groups(image_sets, by):
    """{name: float64 (N, D)}, one per set or one per class of each set.

    Raises:
        ValueError: there are no labels to group by.
    """
    groups = {}
    for name, images in image_sets.items():
        features = images.samples if images.features is None else images.features
        features = np.asarray(features, np.float64).reshape(images.count, -1)
        labels = images.classes if images.labels is None else images.labels
        if by == "source":
            groups[name] = features
            continue
        if labels is None:
            raise ValueError(
                f"--by class needs labels, and {name} has none: give a labelled --dataset, whose "
                "extractor then predicts the classes. Received: by=class"
            )
        groups |= {f"{name} {label}": features[labels == label] for label in np.unique(labels)}
    return groups


def short_names(spellings):
    """{spelling: the last part of its path}, or the whole spelling if two parts are the same."""
    names = {text: pathlib.Path(text).resolve().name.removesuffix(".keras") for text in spellings}
    return names if len(set(names.values())) == len(names) else {text: text for text in spellings}


def format_matrix(matrix):
    """The matrix as aligned plain text, one row per group."""
    rows = [("", *matrix.names)]
    rows += [
        (name, *(f"{value:.4g}" for value in values)) for name, values in zip(matrix.names, matrix.values, strict=True)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows))]
    return "\n".join("  ".join(map(str.rjust, row, widths)) for row in rows)


def main():
    command_line.import_modules(FLAGS.import_module)
    ckpts, spellings = list(dict.fromkeys(FLAGS.ckpt)), list(dict.fromkeys(FLAGS.dataset))
    output = pathlib.Path(FLAGS.output)
    command_line.writable_folder(output.parent)
    names = short_names(ckpts + spellings)
    gans = {names[ckpt]: load_gan(ckpt, FLAGS.which) for ckpt in ckpts}
    sources = open_sources({spelling: names[spelling] for spelling in spellings}, gans)
    extractor_source, extractor = train_extractor(sources, FLAGS.seed)
    keep = None if extractor is None else 0
    image_sets = {
        name: gather(generated_images(gan, FLAGS.num_images, FLAGS.seed), extractor, keep) for name, gan in gans.items()
    } | {
        name: gather(real_images(source, FLAGS.num_images, FLAGS.seed, name == extractor_source), extractor, keep)
        for name, source in sources.items()
    }
    groups = feature_groups(image_sets, FLAGS.by)
    small = {name: len(rows) for name, rows in groups.items() if len(rows) < SMALLEST_GROUP}
    groups = {name: rows for name, rows in groups.items() if name not in small}
    chosen = DIVERGENCES[FLAGS.divergence]
    matrix = divergence_matrix(groups, chosen.compare, chosen.symmetric)
    features = "pixels" if extractor is None else f"features of {extractor_source}'s domain classifier"
    heat_map(matrix, output, f"{FLAGS.divergence} of {features}, row from column")
    record = output.with_suffix(".json")
    write_json(
        record,
        {
            "divergence": FLAGS.divergence,
            "features": features,
            "by": FLAGS.by,
            "seed": FLAGS.seed,
            "extractor_hash": None if extractor is None else extractor.weights_hash,
            "ckpts": ckpts,
            "datasets": {name: source.fingerprint for name, source in sources.items()},
            "names": matrix.names,
            "counts": [len(rows) for rows in groups.values()],
            "values": matrix.values.tolist(),
        },
    )
    print(f"{FLAGS.divergence} of {features}, row from column:")
    print(format_matrix(matrix))
    if small:
        print(f"Left out, with fewer than {SMALLEST_GROUP} images each (give a larger --num_images): {small}")
    print(f"Wrote {output} and {record}")
    if ckpts:
        print(f"Next: {command_line.command('evaluate', ckpt=ckpts[0])}")
