"""Directions that images change along, found in a trained generator: SeFa, GANSpace, and those of a label."""

import math
from typing import NamedTuple

from tfgan_kit.generation.directions import Directions, fingerprint_of
from tfgan_kit.generation.seeds import image_seeds, labels_from_seeds, latents_from_seeds
from tfgan_kit.generation.styles import has_styles
from tfgan_kit.internals.keras import layers_of
from tfgan_kit.pixels import to_float
from tfgan_kit.ranges import check_sizes

import keras
import numpy as np
import tensorflow as tf

_BATCH = 256


def sefa(model, count=10, layers=None):
    """The directions that the first linear layers of a generator amplify most, from its weights alone.

    Of a StyleGAN, the eigenvectors of A^T A, A all the affine maps from w to styles, one below the other, each row of
    length 1. Of any other generator, the right singular vectors of its first linear layer of the latents.

    Args:
        model: a `GAN`, a `GenerativeModel`, or a generator.
        count: int >= 1, K.
        layers: (first, last + 1), the rows of w whose affine maps count and that will move; None: all. Of a StyleGAN.

    Returns:
        `Directions` of length 1, the most amplified first.

    Raises:
        ValueError: more directions than the latents are wide, layers that are not there, or no linear layer at the
            beginning.

    Example:
        >>> sefa(gan, count=2).vectors.shape
        (2, 4)

    Reference: Shen and Zhou, arXiv:2007.06600, eq. 6; rows normalised as in the authors' code.
    """
    generator = _generator_of(model)
    check_sizes(count=count)
    if has_styles(generator):
        space, moved = "w", _check_layers(layers, generator.num_ws)
        maps = [kernel for place, kernel in style_affines(generator) if moved[0] <= place < moved[1]]
        a = np.concatenate(maps, axis=1).T  # (styles, w_dim)
        a = a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-12)
    else:
        if layers is not None:
            raise ValueError(f"`layers` are of generators with styles: leave them out. Received: layers={layers}")
        space, moved, a = "z", None, _first_linear(generator).T  # (features, Z)
    _check_count(count, a.shape[1])
    values, vectors = np.linalg.eigh(a.T @ a)
    order = np.argsort(values)[::-1][:count]
    return _found(generator, vectors[:, order].T, space, moved if layers is not None else None, "sefa")


def ganspace(model, count=10, num_samples=10_000, seed=0, layers=None):
    """The principal components of w, in units of their deviations: a strength of 2 is two sigmas.

    Args:
        model: a `GAN`, a `GenerativeModel` or a generator, of a StyleGAN.
        count: int >= 1, K.
        num_samples: int >= 2, latents that are mapped to w; labels are drawn from their seeds.
        seed: int, determines them.
        layers: (first, last + 1), the rows of w that will move; None: all.

    Returns:
        `Directions` in w, the largest deviation first; their names tell their shares of the variance.

    Raises:
        ValueError: a generator without w, more directions than w is wide, or too few samples.

    Reference: Härkönen et al., arXiv:2004.02546, section 2.1.
    """
    generator = _generator_of(model)
    check_sizes(count=count)
    if not has_styles(generator):
        raise ValueError(
            "This generator has no w, and the components of its first features are, of a linear layer, what `sefa` "
            f"finds: use it (--direction_method=sefa). Received: {type(generator).__name__}"
        )
    _check_count(count, generator.w_dim)
    if num_samples < 2:
        raise ValueError(f"`num_samples` must be at least 2. Received: num_samples={num_samples}")
    moved = None if layers is None else _check_layers(layers, generator.num_ws)
    w = _codes(generator, image_seeds(seed, num_samples)).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(w, rowvar=False, bias=True).reshape(generator.w_dim, generator.w_dim))
    order = np.argsort(values)[::-1][:count]
    deviations = np.sqrt(np.maximum(values[order], 0.0))
    found = _found(generator, (vectors[:, order] * deviations).T, "w", moved, "component")
    shares = values[order] / max(values.sum(), 1e-30)
    found.names = [f"component {k + 1} ({share:.1%})" for k, share in enumerate(shares)]
    return found


class LabelDirection(NamedTuple):
    """The result of `label_direction`.

    directions: `Directions` with one direction, whose length is one deviation of the rows along it.
    strengths: floats (S,), those that were tried.
    changed: float64 (S,), the share of held-out images of other labels that have the label once moved.
    of_random: float64 (S,), the same along a random direction of the same length.
    held_out: int, the number of these images.
    """

    directions: Directions
    strengths: np.ndarray
    changed: np.ndarray
    of_random: np.ndarray
    held_out: int


def label_direction(model, label, classify, num_samples=2000, seed=0, strengths=(0.5, 1.0, 1.5, 2.0, 3.0)):
    """The direction toward the images that a classifier gives one label, and how often it leads there.

    Half of the images' codes (w, or latents) are divided into those of the label and the others; the direction is the
    difference of the two means. On the other half, images that the classifier gives another label are moved along it,
    and along a random direction of the same length, and classified again.

    Args:
        model: a `GAN` or `GenerativeModel`.
        label: int.
        classify: callable or Keras model, see `classes_of`.
        num_samples: int >= 20.
        seed: int, determines them.
        strengths: floats, to try.

    Returns:
        `LabelDirection`.

    Raises:
        ValueError: a label that fewer than 5 of either half's images have, or all of them.

    Reference: White, arXiv:1609.04468, section 3.1 (attribute vectors). A classifier's normal (Shen et al.,
    arXiv:1907.10786) leads away from the codes that there are where w is far from isotropic.
    """
    model = model.generative_model
    if num_samples < 20:
        raise ValueError(f"`num_samples` must be at least 20. Received: num_samples={num_samples}")
    seeds = image_seeds(seed, num_samples)
    fitted, held_out = np.split(seeds, [num_samples // 2])
    generator = model.generator
    space = "w" if has_styles(generator) else "z"
    codes = _codes(generator, fitted, model.latent_dim).astype(np.float64)
    has = classes_of(classify, model.generate(seeds=fitted)) == label
    held_out_has = classes_of(classify, model.generate(seeds=held_out)) == label
    if min(has.sum(), (~has).sum(), (~held_out_has).sum()) < 5:
        raise ValueError(
            "A label's direction needs at least 5 images with it and 5 without it: give more samples, or another "
            f"label. Received: label={label}, which {has.sum()} of {len(has)} images have"
        )
    toward = codes[has].mean(axis=0) - codes[~has].mean(axis=0)
    toward /= np.linalg.norm(toward)
    toward *= (codes @ toward).std()
    random = np.random.default_rng(seed).standard_normal(len(toward))
    random *= np.linalg.norm(toward) / np.linalg.norm(random)
    pair = Directions(np.stack([toward, random]), space)
    changed = _shares(model, pair, strengths, held_out[~held_out_has], lambda made: classes_of(classify, made) == label)
    found = Directions(toward[None], space, [f"label {label}"], fingerprint=fingerprint_of(generator))
    return LabelDirection(found, np.asarray(strengths, np.float64), *changed, np.count_nonzero(~held_out_has))


def _shares(model, directions, strengths, seeds, is_right):
    """For each direction, the share of images that are right once moved, at each strength: float64 (K, S)."""
    grid = np.stack([strength * axis for axis in np.eye(len(directions)) for strength in strengths])  # (K S, K)
    made = model.edit(directions, np.repeat(grid, len(seeds), axis=0), seeds=np.tile(seeds, len(grid)))
    return is_right(made).reshape(len(directions), len(strengths), len(seeds)).mean(axis=-1)


def classes_of(classify, images):
    """The classes of images by any classifier: int (N,).

    Args:
        classify: a Keras model of images float32 (N, H, W, C) in [-1, 1], or a callable of uint8 images; it answers
            logits or probabilities (N, K), the last of several outputs, or classes, int (N,). With one column a
            probability above 0.5, or a logit above 0, is class 1.
        images: uint8 (N, H, W, C).

    Raises:
        ValueError: an answer of another shape.

    Example:
        >>> classes_of(lambda images: images.mean(axis=(1, 2, 3)) > 127, np.full((2, 4, 4, 1), 255, np.uint8))
        array([1, 1])
    """
    if isinstance(classify, keras.Model):
        parts = [classify(to_float(images[k : k + _BATCH]), training=False) for k in range(0, len(images), _BATCH)]
        parts = [part[-1] if isinstance(part, list | tuple) else part for part in parts]
        answers = np.concatenate([np.asarray(part) for part in parts])
    else:
        answers = np.asarray(classify(images))
    if answers.shape[:1] != (len(images),) or answers.ndim > 2 or answers.dtype.kind not in "biuf":
        raise ValueError(
            "A classifier answers logits or probabilities (N, K), or classes (N,), a row an image. Received: "
            f"{answers.dtype} {answers.shape} for {len(images)} images"
        )
    if answers.ndim == 2 and answers.shape[1] > 1:
        return answers.argmax(axis=1)
    answers = answers.reshape(-1)
    if answers.dtype.kind != "f":
        return answers.astype(np.int64)
    is_probability = answers.min() >= 0.0 and answers.max() <= 1.0
    return (answers > (0.5 if is_probability else 0.0)).astype(np.int64)


def _generator_of(model):
    return getattr(getattr(model, "generative_model", model), "generator", model)


def _codes(generator, seeds, latent_dim=None):
    """w of image seeds, before truncation, float32 (N, w_dim); of a generator without it, the latents (N, Z)."""
    codes = []
    for k in range(0, len(seeds), _BATCH):
        latents = latents_from_seeds(seeds[k : k + _BATCH], latent_dim or generator.latent_dim)
        if has_styles(generator):
            classes = getattr(generator, "num_classes", None)
            labels = [labels_from_seeds(seeds[k : k + _BATCH], classes)] if classes else []
            latents = generator.mapping(latents, *labels)[:, 0]
        codes.append(np.asarray(latents))
    return np.concatenate(codes)


def _found(generator, vectors, space, layers, name):
    names = [f"{name} {k + 1}" for k in range(len(vectors))]
    each = None if layers is None else [layers] * len(vectors)
    return Directions(_signed(vectors), space, names, each, fingerprint_of(generator))


def _signed(vectors):
    """Each vector's sign so that its largest entry is positive: eigenvectors have none of their own."""
    largest = vectors[np.arange(len(vectors)), np.abs(vectors).argmax(axis=1)]
    return vectors * np.where(largest < 0, -1.0, 1.0)[:, None]


def _check_count(count, width):
    if count > width:
        raise ValueError(f"There are at most {width} directions, the width of their space. Received: count={count}")


def _check_layers(layers, num_ws):
    first, last = (0, num_ws) if layers is None else layers
    if not 0 <= first < last <= num_ws:
        raise ValueError(
            f"`layers` are (first, last + 1) of the {num_ws} rows of w, 0 <= first < last + 1 <= {num_ws}. Received: "
            f"layers={layers}"
        )
    return int(first), int(last)


def style_affines(generator):
    """The affine maps from w to styles: a list of (row of w, kernel float64 (w_dim, styles)).

    Without those of a StyleGAN2's images, as in the authors' code.
    """
    synthesis = generator.synthesis
    styled = getattr(synthesis, "style_layers", None)
    first = 0
    if styled is None:
        styled = [layer for layer in layers_of(synthesis) if hasattr(layer, "affine")]
        first = generator.num_ws - len(styled)  # a StyleGAN3's input has the first row
    return [(first + k, np.asarray(layer.affine.kernel, np.float64)) for k, layer in enumerate(styled)]


def _first_linear(generator):
    """The first layer of a functional generator that is linear in its latents, as a matrix: float64 (Z, features)."""
    latents = generator.inputs[0] if getattr(generator, "inputs", None) else None
    if latents is None or "int" in latents.dtype:
        raise _no_linear_layer(generator)
    width = math.prod(latents.shape[1:])
    probe = np.random.default_rng(0).standard_normal((1, width))
    rows = np.concatenate([np.eye(width), probe, np.zeros((1, width))]).astype(np.float32)
    given = [tf.constant(rows.reshape(-1, *latents.shape[1:]))]
    given += [tf.zeros([len(rows), *one.shape[1:]], one.dtype) for one in generator.inputs[1:]]
    for layer in generator.layers:
        if isinstance(layer, keras.Model) and getattr(layer, "inputs", None):
            return _first_linear(layer)
        if not layer.weights:
            continue
        answer = keras.Model(generator.inputs, layer.output)(given if len(given) > 1 else given[0], training=False)
        answer = np.asarray(tf.cast(answer, tf.float64)).reshape(len(rows), -1)
        matrix, probed = answer[:width] - answer[-1], answer[width] - answer[-1]
        if not np.allclose(probe[0] @ matrix, probed, atol=1e-3 * max(np.abs(matrix).max(), 1e-30)):
            break
        if np.abs(matrix).max() > 0:  # else it sees the labels alone
            return matrix
    raise _no_linear_layer(generator)


def _no_linear_layer(generator):
    return ValueError(
        "SeFa needs a functional generator whose latents first meet a linear layer, or a generator with styles: find "
        f"directions of a label (--direction_method=label). Received: {type(generator).__name__}"
    )
