"""A trained generator as a SavedModel that TensorFlow Serving loads."""

import datetime
import importlib.metadata
import json
import pathlib

import keras
import tensorflow as tf

from tfgan_kit.export import signatures as names
from tfgan_kit.export.certificate import certify, keras_reference
from tfgan_kit.export.foreign import check_generator
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
    latent_dim, num_classes, image_shape = check_generator(
        generator, latent_dim, num_classes, output_range
    )
    module = GeneratorModule(
        generator, latent_dim, num_classes, image_shape, output_range, discriminator
    )
    in_memory = module.signatures()
    for name, function in in_memory.items():
        check_operations(name, function)
    with unpublished(output) as folder:
        _save(module, folder, in_memory)
        reloaded = dict(tf.saved_model.load(str(folder)).signatures)
        write_warmup(folder, reloaded, num_classes)
        reference = keras_reference(generator, latent_dim, num_classes, output_range)
        _write_lineage(folder, {
            "contract_version": names.CONTRACT_VERSION,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "versions": {
                "tfgan_kit": importlib.metadata.version("tfgan_kit"),
                "tensorflow": tf.__version__, "keras": keras.__version__,
            },
            "model": {
                "name": generator.name, "latent_dim": latent_dim, "num_classes": num_classes,
                "image_shape": list(image_shape), "output_range": list(output_range),
            },
            "lineage": lineage or {},
            "optimization": module.optimization,
            "certificate": certify(in_memory, reloaded, num_classes, reference),
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


def _save(module, folder, functions):
    try:
        tf.saved_model.save(module, str(folder), signatures=functions)
    except AssertionError as error:  # what a plain tf.Variable, hidden in a layer, ends in
        raise ValueError(
            "The model holds a variable or resource that Keras does not know of, and that would be "
            f"missing from the export: make it with add_weight. TensorFlow says: {str(error)[:300]}"
        ) from error
