"""Checks that any Keras model is a generator of images, and adapts its inputs."""

import inspect
import warnings

from tfgan_kit.generation.translation import takes_images

import keras
import numpy as np
import tensorflow as tf

_ROWS = 4


def check_generator(generator, latent_dim, num_classes, output_range):
    """Runs a generator once and determines the sizes that the exporter needs.

    Args:
        generator: Keras model from latents, and labels if it is conditional, to images (N, H, W, C).
        latent_dim, num_classes: ints, or None to read them from the model.
        output_range: (low, high), the pixel values of black and white.

    Returns:
        `(generator, latent_dim, num_classes, image_shape)`: a model that takes latents (N, Z), or
        `[latents, labels]` with labels int32 (N,); the given model itself if it already does.

    Raises:
        TypeError: `generator` is not a Keras model.
        ValueError: it does not map latents to images, or its pixels lie outside `output_range`.
    """
    if not isinstance(generator, keras.Model):
        raise TypeError(
            "A generator must be a Keras model; wrap a function or a layer by keras.Model(inputs, "
            f"outputs). Received: generator of type {type(generator).__name__}"
        )
    if takes_images(generator):
        raise ValueError(
            "This generator translates images, and has no latents to generate, measure or export it by: call it in "
            f"Python, or `GAN.translate`. Received: a generator of images {tuple(generator.inputs[0].shape[1:])}"
        )
    num_classes = num_classes or getattr(generator, "num_classes", None)
    latent_dim = latent_dim or getattr(generator, "latent_dim", None)
    taken, width, classes = in_our_order(generator, latent_dim, num_classes)
    latent_dim = latent_dim or width
    if latent_dim is None:
        raise ValueError(
            "The latent dimension cannot be read from the model: give `latent_dim` (--latent_dim). "
            f"Received: generator={generator.name!r}"
        )
    images = _run(taken, int(latent_dim), classes)
    _check_range(images, output_range, bounded=not getattr(generator, "ends_without_bounds", False))
    return taken, int(latent_dim), classes, images.shape[1:]


def in_our_range(generator, output_range):
    """A model of the same inputs with black at -1 and white at 1; the generator itself if it has them."""
    low, high = map(float, output_range)
    if (low, high) == (-1.0, 1.0):
        return generator

    def rescaled(inputs, training=False):
        return (tf.cast(generator(inputs, training=training), tf.float32) - low) * (2.0 / (high - low)) - 1.0

    return rescaled


def called(model, inputs):
    """A Keras model's output in inference mode, computed with XLA if a layer has no kernel on this processor.

    Raises:
        tf.errors.OpError: XLA has no kernel either, or the inputs do not match.
    """
    try:
        return model(inputs, training=False)
    except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError) as error:
        if "support" not in error.message:  # "do not yet support dilation rates larger than 1", "only supports NHWC"
            raise
        compiled = tf.function(lambda: model(inputs, training=False), jit_compile=True, autograph=False)
        try:
            return compiled()
        except (tf.errors.OpError, ValueError, TypeError):
            raise error from None


def _run(generator, latent_dim, num_classes):
    """The generator's images for a few latents, float64 (N, H, W, C)."""
    latents = tf.random.stateless_normal([_ROWS, latent_dim], [0, 0], alg="philox")
    labels = None if num_classes is None else tf.constant([0, num_classes - 1] * (_ROWS // 2), tf.int32)
    try:
        images = called(generator, [latents, labels] if num_classes else latents)
    except (ValueError, TypeError, tf.errors.OpError) as error:
        then = f", then labels (N,) from 0 to {num_classes - 1}" if num_classes else ""
        raise ValueError(
            f"The model does not accept latents (N, {latent_dim}){then}; is it a generator? Keras says: "
            f"{str(error)[:300]}"
        ) from error
    _check_images(images)
    return tf.cast(images, tf.float64).numpy()


def _check_images(images):
    if isinstance(images, dict | list | tuple):
        raise ValueError(
            "An exported generator has one output, its images: make a model with that output alone, "
            f"keras.Model(model.inputs, model.outputs[k]). Received: {len(images)} outputs"
        )
    shape = tuple(images.shape)
    if len(shape) == 4 and shape[1] in (1, 3) and shape[-1] not in (1, 3):
        raise ValueError(
            "Exported images have their channels last, (N, H, W, C): add a layer "
            "keras.layers.Permute((2, 3, 1)) at the end of a channels_first model. Received: an output "
            f"of shape {shape} for {_ROWS} rows"
        )
    if len(shape) != 4 or shape[0] != _ROWS or shape[-1] not in (1, 3):
        raise ValueError(
            "An exported generator makes images (N, H, W, C), C 1 or 3. Received: an output "
            f"of shape {shape} for {_ROWS} rows"
        )


def _check_range(images, output_range, bounded):
    low, high = output_range
    if not (low < high and np.isfinite(high - low)):
        raise ValueError(
            "`output_range` (--output_range) must be (low, high), finite numbers with low < high. "
            f"Received: output_range={output_range}"
        )
    if not np.isfinite(images).all():
        raise ValueError(
            "The generator's pixels are not finite: its weights hold NaN or infinity. Export an "
            f"earlier checkpoint. Received: {np.isnan(images).sum()} NaN in {images.size} pixels"
        )
    if not bounded:  # they are clipped, whatever the range
        return
    least, most = images.min(), images.max()
    slack = 0.01 * (high - low)
    if least < low - slack or most > high + slack:
        raise ValueError(
            f"The generator's pixels lie in [{least:.3g}, {most:.3g}], outside `output_range` "
            "(--output_range): for a sigmoid give 0,1, for tanh -1,1. "
            f"Received: output_range={output_range}"
        )
    if low < 0 <= least:
        warnings.warn(
            f"All pixels lie in [{least:.3g}, {most:.3g}]; if the model ends in a sigmoid, export "
            "with output_range 0,1, or the images will be too bright.",
            stacklevel=4,
        )


_OF_LABELS = ("label", "class")  # words in the name of an input for labels


def in_our_order(generator, latent_dim, num_classes):
    """A model that takes latents float32 (N, Z), or `[latents, labels]` with labels int32 (N,).

    That is the generator itself if it already does. Otherwise it is a model around it, which passes the
    latents as (N, 1, 1, Z), the labels as (N, 1) or one-hot (N, K), or both in the other order or by name.

    Args:
        generator: Keras model.
        latent_dim, num_classes: ints, or None if unknown.

    Returns:
        `(model, latent_dim, num_classes)`, the last two None if they cannot be read from the model.

    Raises:
        ValueError: inputs that are not latents and labels.
    """
    inputs = getattr(generator, "inputs", None)
    if not inputs:
        return _subclassed(generator, latent_dim, num_classes), None, num_classes
    latents, labels = _told_apart(inputs)
    width = _width(latents)
    if labels is None:
        if len(latents.shape) == 2 and not isinstance(_structure(generator), dict):
            return generator, width, num_classes
        return _around(generator, latents, None, width, None), width, num_classes
    num_classes = num_classes or _classes_of_one_hot(labels)
    if num_classes is None:
        raise ValueError(
            "This model takes labels, and the server must know the number of classes: give "
            f"`num_classes` (--num_classes). Received: a model of {len(inputs)} inputs"
        )
    as_ours = len(latents.shape) == 2 and len(labels.shape) == 1 and "int" in labels.dtype
    if as_ours and isinstance(_structure(generator), list | tuple) and inputs[0] is latents:
        return generator, width, num_classes
    return _around(generator, latents, labels, width, num_classes), width, num_classes


def _structure(generator):
    """The generator's symbolic inputs in the structure of its call: one, a list, or a dict."""
    return generator.inputs[0] if isinstance(generator, keras.Sequential) else generator.input


def _told_apart(inputs):
    """A model's symbolic inputs as (latents, labels or None)."""
    if len(inputs) == 1:
        return inputs[0], None
    named = [one for one in inputs if _is_label(one)]
    if len(inputs) == 2 and not named:  # two float inputs without such a name: by position
        named = [one for one in inputs[1:] if one.shape[1:] in ((), (1,))]
    if len(inputs) != 2 or len(named) != 1:
        listed = ", ".join(f"{one.name} {one.dtype} {one.shape}" for one in inputs)
        raise ValueError(
            "A generator takes latents, or latents and labels; name the input for labels "
            "'labels', or make it int32, and make all other inputs constants inside the model. "
            f"Received: inputs {listed}"
        )
    return next(one for one in inputs if one is not named[0]), named[0]


def _is_label(tensor):
    return "int" in tensor.dtype or any(word in tensor.name.lower() for word in _OF_LABELS)


def _width(latents):
    shape = latents.shape
    if len(shape) < 2 or any(size != 1 for size in shape[1:-1]) or "int" in latents.dtype:
        raise ValueError(
            "A generator takes latents (N, Z) or (N, 1, 1, Z), and maybe labels; a model from images "
            f"to images is not a generator. Received: an input {latents.name!r} of shape {shape}, dtype {latents.dtype}"
        )
    return shape[-1]


def _classes_of_one_hot(labels):
    return labels.shape[-1] if len(labels.shape) == 2 and labels.shape[-1] != 1 else None


class _LabelsAsTaken(keras.layers.Layer):
    """Labels int32 (N,) converted to the shape and dtype of a model's input: (N,), (N, 1), or one-hot."""

    def __init__(self, classes, width, dtype):
        super().__init__(dtype=dtype if "float" in dtype else "float32")
        self.classes, self.width, self.taken = classes, width, dtype

    def call(self, labels):
        if self.width is None:
            return tf.cast(labels, self.taken)
        if self.width == 1:
            return tf.cast(labels[:, None], self.taken)
        return tf.one_hot(labels, self.classes, dtype=self.taken)


def _around(generator, latents, labels, width, num_classes):
    given = keras.Input((width,), name="latents")
    values = {id(latents): keras.layers.Reshape(latents.shape[1:])(given)}
    asked = given
    if labels is not None:
        asked = [given, keras.Input((), dtype="int32", name="labels")]
        columns = labels.shape[-1] if len(labels.shape) == 2 else None
        values[id(labels)] = _LabelsAsTaken(num_classes, columns, labels.dtype)(asked[1])
    taken = keras.tree.map_structure(lambda tensor: values[id(tensor)], _structure(generator))
    return keras.Model(asked, generator(taken), name=generator.name)


def _subclassed(generator, latent_dim, num_classes):
    """A subclassed model: only the signature of `call` shows whether it takes a list or two arguments."""
    required = [
        one.name
        for one in inspect.signature(generator.call).parameters.values()
        if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD and one.name != "training"
    ]
    if len(required) < 2:
        return generator
    if latent_dim is None or num_classes is None:
        raise ValueError(
            "This model takes latents and labels as two arguments of unknown sizes: give "
            "`latent_dim` (--latent_dim) and `num_classes` (--num_classes). Received: "
            f"call({', '.join(required)}), latent_dim={latent_dim}, num_classes={num_classes}"
        )
    given = [keras.Input((latent_dim,), name="latents"), keras.Input((), dtype="int32", name="labels")]
    order = given if not any(word in required[0].lower() for word in _OF_LABELS) else given[::-1]
    return keras.Model(given, generator(*order), name=generator.name)
