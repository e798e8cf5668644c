"""What the metrics over features see of images: a network's answers, whichever network it is."""

import hashlib
import json
import pathlib
import uuid
import zipfile
from typing import NamedTuple

from tfgan_kit import pixels
from tfgan_kit.divergences.samples import NO_REAL_NUMBERS

import keras
import numpy as np
import tensorflow as tf

KNOWN = ("domain", "inception", "lite0")  # extractors that go by a name


class Features(NamedTuple):
    """What an extractor says of N images.

    features: float32 (N, D).
    logits: float32 (N, K), of a network that is a classifier; or None.
    """

    features: np.ndarray
    logits: np.ndarray | None = None

    @property
    def classes(self):
        """int32 (N,), the likeliest class; None where there are no logits."""
        return None if self.logits is None else self.logits.argmax(axis=1).astype(np.int32)


class FeatureExtractor:
    """A network with all that decides its answers: how images are prepared, its weights, its name.

    Every batch is run at one fixed size, so an image's features depend neither on its neighbours nor
    on how many images are given at a time.

    Args:
        network: a Keras model, or a callable: prepared images (B, ...) -> features (B, D), or the
            pair (features (B, D), logits (B, K)).
        name: str, of small letters, digits and `_`; every value's name bears it.
        prepare: callable, uint8 (B, H, W, C) -> what the network takes.
        weights_hash: str, which changes with the network, its weights and `prepare`; None where it is not
            known: then nothing is cached, and no value is comparable with another object's.
        resizer: str, how `prepare` changes the size, for the protocol.
        batch_size: int >= 1.
        graph: bool, whether the network is run as a `tf.function`.

    Example:
        >>> extractor = FeatureExtractor(keras.layers.Flatten(), "pixels")
        >>> extractor(images).features.shape  # of images uint8 (32, 8, 8, 1)
        (32, 64)
    """

    def __init__(
        self, network, name, prepare=pixels.to_float, weights_hash=None, resizer="none", batch_size=64, graph=True
    ):
        if not name.replace("_", "").isalnum() or name.lower() != name:
            raise ValueError(f"An extractor's name is made of small letters, digits and `_`. Received: name={name!r}")
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1. Received: batch_size={batch_size}")
        self.network, self.name, self.prepare = network, name, prepare
        self.weights_hash, self.resizer, self.batch_size = weights_hash, resizer, batch_size
        self._identity = f"unknown {uuid.uuid4().hex[:16]}"
        self._graph = graph
        self._forward = self._made_forward()

    def _made_forward(self):
        return tf.function(self._run, reduce_retracing=True) if self._graph else self._run

    def __getstate__(self):
        """All but the traced function, so that another process can be sent an extractor."""
        return {name: value for name, value in vars(self).items() if name != "_forward"}

    def __setstate__(self, state):
        vars(self).update(state)
        self._forward = self._made_forward()

    def __call__(self, images):
        """uint8 (N, H, W, C) -> `Features`.

        Raises:
            ValueError: images that are not uint8 (N, H, W, C), or answers that are not finite (N, D).
        """
        images = np.asarray(images)
        if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
            raise ValueError(
                "An extractor takes images as uint8 (N, H, W, C) in [0, 255], N >= 1; of floats in [-1, 1] "
                "`tfgan_kit.pixels.to_uint8` makes them. "
                f"Received: {images.dtype} {images.shape}{_range_of(images)}"
            )
        size = self.batch_size
        parts = [self._padded(images[start : start + size]) for start in range(0, len(images), size)]
        return Features(*map(np.concatenate, zip(*parts, strict=True)))

    def protocol(self):
        """What decides the answers, ready for JSON."""
        return {"extractor": self.name, "extractor_hash": self.weights_hash or self._identity, "resizer": self.resizer}

    def _run(self, prepared):
        answers = self.network(prepared)
        answers = list(answers) if isinstance(answers, list | tuple) else [answers]
        if len(answers) not in (1, 2):
            raise ValueError(
                f"An extractor answers features, or (features, logits). Received: {len(answers)} of {self.name}"
            )
        return answers

    def _padded(self, images):
        batch = np.pad(images, [(0, self.batch_size - len(images)), (0, 0), (0, 0), (0, 0)])
        answers = self._forward(self.prepare(batch))
        return [self._checked(part)[: len(images)] for part in answers]

    def _checked(self, answer):
        array = np.asarray(answer)
        if array.dtype.kind in NO_REAL_NUMBERS:
            raise ValueError(
                "An extractor answers an array of real numbers, or the pair (features, logits); where a model answers "
                "a dict, make a keras.Model of the one output that is meant. "
                f"Received: {self.name} answered "
                + (f"a dict of {', '.join(map(str, answer))}" if isinstance(answer, dict) else str(array.dtype))
            )
        answer = array.astype(np.float32, copy=False)
        if answer.ndim != 2 or len(answer) != self.batch_size or not np.isfinite(answer).all():
            raise ValueError(
                "An extractor's answers are finite, (batch, D), a row an image: pool over the image, and look at "
                f"its weights. Received: {self.name} answered {answer.shape} for {self.batch_size} images, "
                f"{np.count_nonzero(~np.isfinite(answer))} values not finite"
            )
        return answer


def feature_extractor(model, name=None):
    """The `FeatureExtractor` of a network of one's own.

    | `model` | is given | and answers |
    | --- | --- | --- |
    | a Keras model, or a `.keras` file | float32 (B, H, W, C) in [-1, 1] | features, or (features, logits) |
    | the folder of a SavedModel | the same, or uint8 where its signature says so | its first output by name |
    | a callable | uint8 (B, H, W, C), as NumPy array | the same, as arrays |

    A network of a fixed image size gets images resized to it, bilinear and antialiased; one of three
    channels gets grey images threefold. A SavedModel is a program, which is run: take only one that you trust.

    Args:
        model: one of these, or a `FeatureExtractor`, which is returned as it is.
        name: str; default: the file's, the model's or the function's name.

    Raises:
        ValueError: a path that holds no network, a network that does not take images.
    """
    if isinstance(model, FeatureExtractor):
        return model
    if isinstance(model, str | pathlib.Path):
        return _of_path(pathlib.Path(model), name)
    if isinstance(model, keras.Model):
        return _of_model(model, name or model.name)
    if callable(model):
        name = name or getattr(model, "__name__", type(model).__name__)
        return FeatureExtractor(model, _plain(name), prepare=np.asarray, graph=False)
    raise ValueError(
        "An extractor is a Keras model, a callable, the path of a .keras file or of a SavedModel. "
        f"Received: {type(model).__name__}"
    )


def hash_of_weights(model):
    """16 hex digits of the SHA-256 of a Keras model: its layers, but for their names, and its weights.

    None of a model whose class takes arguments and has no `get_config`: what it computes is not known.
    """
    architecture = _architecture(model)
    if architecture is None:
        return None
    digest = hashlib.sha256(architecture.encode())
    for weight in model.weights:
        digest.update(f"{weight.shape}".encode() + weight.value.numpy().tobytes())
    return digest.hexdigest()[:16]


def _architecture(model):
    try:
        text = model.to_json()
    except NotImplementedError:  # of a class that does not say what it is made of
        return None
    for number, layer in enumerate([model, *model._flatten_layers()]):
        text = text.replace(json.dumps(layer.name), str(number))
    return text


def _of_path(path, name):
    name = name or path.name.removesuffix(".keras")
    if not path.exists():
        raise ValueError(
            f"There is no such extractor, and no such file: give one of {', '.join(KNOWN)}, or the path of a .keras "
            f"file or of a SavedModel's folder. Received: extractor={str(path)!r}"
        )
    try:
        if path.is_dir():
            return _of_saved_model(path, name)
        # Keras would say of a damaged file that it is not found, and of others how to write a layer.
        if path.suffix not in (".h5", ".hdf5") and not (path.suffix == ".keras" and zipfile.is_zipfile(path)):
            raise ValueError("this is no .keras file, or a damaged one")
        return _of_model(keras.saving.load_model(path, compile=False), name)
    except (OSError, TypeError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"An extractor is one of {', '.join(KNOWN)}, or the path of a .keras file or of a SavedModel's folder. "
            f"Received: {path} ({str(error).splitlines()[0]})"
        ) from error


def _of_model(model, name):
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise ValueError(
            f"An extractor is built, and takes one batch of images, (B, H, W, C). Received: {name} with "
            f"input_shape={shape}"
        )
    prepare, resizer = _fitted(shape[1:], tf.float32)
    return FeatureExtractor(
        lambda images: model(images, training=False), _plain(name), prepare, hash_of_weights(model), resizer
    )


def _of_saved_model(path, name):
    loaded = tf.saved_model.load(path)
    signature = loaded.signatures.get("serving_default")
    inputs = [] if signature is None else list(signature.structured_input_signature[1].values())
    if len(inputs) != 1 or inputs[0].shape.rank != 4:
        raise ValueError(
            "The SavedModel of an extractor has a signature `serving_default` with one input, images "
            f"(B, H, W, C). Received: {path} with {[(i.name, i.shape, i.dtype.name) for i in inputs]}"
        )
    prepare, resizer = _fitted(inputs[0].shape[1:], inputs[0].dtype)
    digest = hashlib.sha256()
    for file in sorted(part for part in path.rglob("*") if part.is_file()):
        digest.update(file.read_bytes())

    def network(images):
        answers = signature(**{inputs[0].name: images})
        return answers[min(answers)]

    network.loaded = loaded  # its variables live as long as it does
    return FeatureExtractor(network, _plain(name), prepare, digest.hexdigest()[:16], resizer)


def _fitted(shape, dtype):
    """How images are prepared for a network's input shape (H, W, C), and the resizer's name."""
    height, width, channels = shape

    def prepare(images):
        images = tf.convert_to_tensor(images)
        if channels == 3 and images.shape[-1] == 1:
            images = tf.repeat(images, 3, axis=-1)
        if channels not in (None, images.shape[-1]):
            raise ValueError(
                f"This extractor takes images of {channels} channels. Received: images of {images.shape[-1]}"
            )
        if height and width and (images.shape[1], images.shape[2]) != (height, width):
            images = tf.image.resize(images, (height, width), antialias=True)  # float32 [0, 255]
        if dtype == tf.uint8:
            return tf.cast(tf.round(images), tf.uint8)
        return pixels.to_float(images)

    return prepare, f"bilinear_antialiased_{height}x{width}" if height and width else "none"


def _plain(name):
    """A name as it may stand in a value's, and never that of one of ours."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in name.lower())
    return f"own_{plain}" if plain.startswith(KNOWN) else plain


def _range_of(images):
    return f" in [{images.min():.3g}, {images.max():.3g}]" if images.size and images.dtype.kind in "fiu" else ""
