"""A trained generator as a SavedModel that TensorFlow Serving loads."""

import datetime
import importlib.metadata
import json
import pathlib

import keras
import tensorflow as tf

from tfgan_kit.export import signatures as names
from tfgan_kit.export.certificate import certify
from tfgan_kit.export.module import GeneratorModule
from tfgan_kit.export.operations import check_operations
from tfgan_kit.export.publish import publish, unpublished
from tfgan_kit.export.warmup import write_warmup
from tfgan_kit.gan import GAN

__all__ = ["export_generator"]


def export_generator(
    generator, output, latent_dim=None, num_classes=None, output_range=(-1.0, 1.0),
    discriminate=False, lineage=None,
):
    """Writes the next version of a model folder: signatures, warmup, lineage, certificate.

    The version is written under a name that no server reads, loaded again, compared with the model
    in memory, and only then renamed to its integer.

    Args:
        generator: a `GAN`, whose averaged generator is exported; or any Keras model that maps
            latents float32 (N, Z), or `[latents, labels]`, to images (N, H, W, C), C 1 or 3.
        output: folder of the model; versions are its sub-folders 1, 2, ...
        latent_dim: int, Z; None reads it off the model.
        num_classes: int; None reads it off the model (attribute `num_classes`).
        output_range: (low, high), the values the model gives to black and to white; a model that
            ends in a sigmoid needs (0, 1).
        discriminate: bool, also export a `GAN`'s discriminator as the signature `discriminate`.
        lineage: JSON object to record beside the model, e.g. commit, checkpoint, metrics.

    Returns:
        The published folder, a `pathlib.Path`.

    Raises:
        ValueError: a model that is no generator of images, or that holds what a server cannot run.
        OSError: `output` cannot be written; no version appears then.

    Example:
        >>> export_generator(gan, "models/digits")
        PosixPath('models/digits/1')
    """
    discriminator = None
    if discriminate:
        discriminator = _discriminator_of(generator)
    if isinstance(generator, GAN):
        latent_dim, num_classes = generator.latent_dim, generator.num_classes
        generator = generator.ema_generator
    latent_dim, num_classes = _check_generator(generator, latent_dim, num_classes, output_range)
    module = GeneratorModule(generator, latent_dim, num_classes, output_range, discriminator)
    in_memory = module.signatures()
    for name, function in in_memory.items():
        check_operations(name, function)
    with unpublished(output) as folder:
        tf.saved_model.save(module, str(folder), signatures=in_memory)
        reloaded = dict(tf.saved_model.load(str(folder)).signatures)
        write_warmup(folder, reloaded)
        images = in_memory[names.SERVING_DEFAULT].structured_outputs[names.IMAGES]
        _write_lineage(folder, {
            "contract_version": names.CONTRACT_VERSION,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "versions": {
                "tfgan_kit": importlib.metadata.version("tfgan_kit"),
                "tensorflow": tf.__version__, "keras": keras.__version__,
            },
            "model": {
                "name": generator.name, "latent_dim": latent_dim, "num_classes": num_classes,
                "image_shape": list(images.shape[1:]), "output_range": list(output_range),
            },
            "lineage": lineage or {},
            "certificate": certify(in_memory, reloaded),
        })
        return publish(folder, output)


def read_lineage(version):
    """The lineage and certificate of a published version's folder, a dict."""
    return json.loads(_lineage_path(version).read_text())


def _write_lineage(version, value):
    _lineage_path(version).write_text(json.dumps(value, indent=2) + "\n")


def _lineage_path(version):
    return pathlib.Path(version) / names.EXTRA_ASSETS / names.LINEAGE_FILE


def _discriminator_of(model):
    if not isinstance(model, GAN):
        raise ValueError(
            "Only a tfgan_kit GAN has a discriminator to export; leave `discriminate` out. "
            f"Received: generator={type(model).__name__}"
        )
    return model.discriminator


def _check_generator(generator, latent_dim, num_classes, output_range):
    """Runs the generator once; returns its latent dimension and number of classes."""
    low, high = output_range
    if not low < high:
        raise ValueError(f"`output_range` is (low, high), low < high. Received: {output_range}")
    inputs = getattr(generator, "inputs", None) or []
    latent_dim = latent_dim or getattr(generator, "latent_dim", None) or (
        inputs[0].shape[-1] if inputs else None
    )
    num_classes = num_classes or getattr(generator, "num_classes", None)
    if latent_dim is None:
        raise ValueError(
            "Cannot read the latent dimension off this model: give `latent_dim` (--latent_dim). "
            f"Received: generator={generator.name!r}"
        )
    if len(inputs) > 1 and num_classes is None:
        raise ValueError(
            "This model takes labels, and the server must know how many there are: give "
            f"`num_classes` (--num_classes). Received: a model of {len(inputs)} inputs"
        )
    latents = tf.random.stateless_normal([4, latent_dim], [0, 0])
    labels = tf.zeros([4], tf.int32)
    try:
        images = generator([latents, labels] if num_classes else latents, training=False)
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        raise ValueError(
            f"The model does not take latents (N, {latent_dim})"
            f"{' with labels (N,)' if num_classes else ''}; is it a generator? Keras says: "
            f"{str(error)[:300]}"
        ) from error
    shape = tuple(images.shape) if hasattr(images, "shape") else ()
    if len(shape) != 4 or shape[-1] not in (1, 3) or None in shape:
        raise ValueError(
            "An exported generator makes images (N, H, W, C), C 1 or 3. Received: a model that "
            f"answers {shape or type(images).__name__} for 4 rows"
        )
    least, most = float(tf.reduce_min(images)), float(tf.reduce_max(images))
    slack = 0.01 * (high - low)
    if least < low - slack or most > high + slack:
        raise ValueError(
            f"The generator's pixels lie in [{least:.3g}, {most:.3g}], outside `output_range` "
            "(--output_range): a sigmoid's is 0,1, and tanh's -1,1. "
            f"Received: output_range={output_range}"
        )
    if low < 0 <= least:
        print(
            f"warning: all pixels lie in [{least:.3g}, {most:.3g}]; if the model ends in a sigmoid, "
            "export with output_range 0,1, or its pictures will be too bright."
        )
    return int(latent_dim), num_classes
