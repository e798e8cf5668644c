"""Anybody's generator as one of `latents`, or `[latents, labels]`, whatever order or shape it takes."""

import inspect

import keras
import tensorflow as tf

_OF_LABELS = ("label", "class")  # in the name of an input


def in_our_order(generator, latent_dim, num_classes):
    """A model that takes latents float32 (N, Z), or `[latents, labels]` with labels int32 (N,).

    The generator itself where it does so; else a model around it, which gives it its latents as
    (N, 1, 1, Z), its labels as (N, 1) or one-hot (N, K), or the two in the other order or by name.

    Args:
        generator: Keras model.
        latent_dim, num_classes: ints, or None where they are not known.

    Returns:
        `(model, latent_dim, num_classes)`, the last two None where the model does not tell.

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
            "This model takes labels, and the server must know how many there are: give "
            f"`num_classes` (--num_classes). Received: a model of {len(inputs)} inputs"
        )
    as_ours = len(latents.shape) == 2 and len(labels.shape) == 1 and "int" in labels.dtype
    if as_ours and isinstance(_structure(generator), list | tuple) and inputs[0] is latents:
        return generator, width, num_classes
    return _around(generator, latents, labels, width, num_classes), width, num_classes


def _structure(generator):
    """Its symbolic inputs as it is called with them: one, a list, or a dict."""
    return generator.inputs[0] if isinstance(generator, keras.Sequential) else generator.input


def _told_apart(inputs):
    """(latents, labels or None) of a model's symbolic inputs."""
    if len(inputs) == 1:
        return inputs[0], None
    named = [one for one in inputs if _is_label(one)]
    if len(inputs) == 2 and not named:  # two unnamed vectors of floats: by their place
        named = [one for one in inputs[1:] if one.shape[1:] in ((), (1,))]
    if len(inputs) != 2 or len(named) != 1:
        listed = ", ".join(f"{one.name} {one.dtype} {one.shape}" for one in inputs)
        raise ValueError(
            "A generator takes latents, or latents and labels; name the input of the labels "
            "'labels', or make it int32, and let all other inputs be constants inside the model. "
            f"Received: inputs {listed}"
        )
    return next(one for one in inputs if one is not named[0]), named[0]


def _is_label(tensor):
    return "int" in tensor.dtype or any(word in tensor.name.lower() for word in _OF_LABELS)


def _width(latents):
    shape = latents.shape
    if len(shape) < 2 or any(size != 1 for size in shape[1:-1]) or "int" in latents.dtype:
        raise ValueError(
            "A generator takes latents (N, Z), or (N, 1, 1, Z), and labels if any; a model of images "
            f"to images is none. Received: an input {latents.name!r} of shape {shape}, dtype {latents.dtype}"
        )
    return shape[-1]


def _classes_of_one_hot(labels):
    return labels.shape[-1] if len(labels.shape) == 2 and labels.shape[-1] != 1 else None


class _LabelsAsTaken(keras.layers.Layer):
    """Labels int32 (N,) in the shape and dtype of another model's input: (N,), (N, 1), or one-hot."""

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
    """Of a subclassed model only `call` tells whether it takes a list, or two arguments."""
    required = [
        one.name for one in inspect.signature(generator.call).parameters.values()
        if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD and one.name != "training"
    ]
    if len(required) < 2:
        return generator
    if latent_dim is None or num_classes is None:
        raise ValueError(
            "This model takes latents and labels as two arguments, and cannot tell their sizes: give "
            "`latent_dim` (--latent_dim) and `num_classes` (--num_classes). Received: "
            f"call({', '.join(required)}), latent_dim={latent_dim}, num_classes={num_classes}"
        )
    given = [keras.Input((latent_dim,), name="latents"), keras.Input((), dtype="int32", name="labels")]
    order = given if not any(word in required[0].lower() for word in _OF_LABELS) else given[::-1]
    return keras.Model(given, generator(*order), name=generator.name)
