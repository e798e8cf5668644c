"""A trained generator as a SavedModel that TensorFlow Serving loads."""

import dataclasses
import datetime
import functools
import importlib.metadata
import warnings

from tfgan_kit import files, processor
from tfgan_kit.export import contract as names
from tfgan_kit.export.batching import batching_text
from tfgan_kit.export.graph.operations import check_operations
from tfgan_kit.export.judge import Judge
from tfgan_kit.export.lineage import check_files, check_size, checksums, read_lineage, write_lineage
from tfgan_kit.export.module import GeneratorModule
from tfgan_kit.export.profile import NEXT, ExportProfile
from tfgan_kit.export.publish import check_version_is_free, publish, remove_old, unpublished, versions
from tfgan_kit.export.stages import noise_mode_of, signatures_of
from tfgan_kit.export.verify.answers import write_answers
from tfgan_kit.export.verify.certificate import certify, keras_reference
from tfgan_kit.export.verify.contract_checks import check_batch_rule, check_batches, check_dtypes
from tfgan_kit.export.verify.kernels import try_kernels
from tfgan_kit.export.verify.program import check_program
from tfgan_kit.export.warmup import example_inputs, write_warmup
from tfgan_kit.generation.adapter import check_generator
from tfgan_kit.generation.generative_model import GenerativeModel
from tfgan_kit.training import half_precision
from tfgan_kit.training.gan import GAN

import keras
import tensorflow as tf

__all__ = ["ExportProfile", "export_generator", "read_lineage"]


def export_generator(
    generator,
    output,
    latent_dim=None,
    num_classes=None,
    output_range=(-1.0, 1.0),
    discriminate=False,
    lineage=None,
    profile=None,
    directions=None,
):
    """Writes a version of a model folder: signatures, warmup, batching, lineage, certificate.

    The version is written under a name that no server reads, loaded again, compared with the model in
    memory, run with the kernels of other processors in a second process (about 10 s), and only then renamed
    to its number. After that, older versions beyond `profile.keep` are deleted.

    Args:
        generator: a `GAN`, whose EMA generator is exported; a `GenerativeModel`; or any Keras model that maps
            latents float32 (N, Z), or latents and labels, to images (N, H, W, C), C 1 or 3.
        output: path of the model's folder; versions are its sub-folders 1, 2, ...
        latent_dim: int, Z; None: read from the model.
        num_classes: int; None: read from the model (attribute `num_classes`, or a one-hot input).
        output_range: (low, high), the model's values of black and white; (0, 1) for a model that ends in
            a sigmoid.
        discriminate: bool, also export a `GAN`'s discriminator as the signature `discriminate`, and as `recover_labels`
            or `recover_codes` if it recovers these.
        lineage: JSON object to record beside the model, e.g. commit, checkpoint, metrics.
        profile: `ExportProfile`; None: the next version, in float32, with all signatures.
        directions: `Directions` of the generator, for the signature `generate_edited`; None: without.

    Returns:
        The published folder, a `pathlib.Path`.

    Raises:
        TypeError: `generator` is not a Keras model.
        ValueError: the model is not a generator of images, or cannot be served on this or another
            processor; the version exists already; the model does not have a signature; directions of another
            generator.
        OSError: `output` cannot be written; no version is published then.

    Example:
        >>> export_generator(gan, "models/digits", profile=ExportProfile(keep=3, try_kernels=False))
        PosixPath('models/digits/1')
    """
    profile = profile or ExportProfile()
    if profile.version != NEXT:
        check_version_is_free(output, profile.version)
    judge = _judge_of(generator) if discriminate else None
    if isinstance(generator, GAN):
        latent_dim, num_classes, generator = generator.latent_dim, generator.num_classes, generator.ema_generator
    elif isinstance(generator, GenerativeModel):
        latent_dim, num_classes, output_range = generator.latent_dim, generator.num_classes, generator.output_range
        generator = generator.generator
    if directions is not None:
        directions.check(generator)
    generator, latent_dim, num_classes, image_shape = check_generator(generator, latent_dim, num_classes, output_range)
    made = signatures_of(generator, directions)
    offered = names.offered(num_classes, judge.columns if judge else (), made)
    profile = _with_signatures(profile, offered)
    make = functools.partial(
        GeneratorModule, generator, latent_dim, num_classes, image_shape, output_range, directions=directions
    )
    module, in_float32 = make(judge, profile), _in_float32(make, profile)
    in_memory = module.signatures()
    for name, function in in_memory.items():
        check_operations(name, function)
    with unpublished(output) as folder:
        _save(module, folder, in_memory)
        check_program(folder)
        reloaded = dict(tf.saved_model.load(str(folder)).signatures)
        _check_signatures(reloaded, num_classes, profile.precision)
        _write_extras(folder, reloaded, num_classes, profile)
        check_size(folder, sum(v.numpy().nbytes for v in module.saved_variables))
        described = _description(generator, latent_dim, num_classes, image_shape, output_range)
        described |= _styles(generator, profile, directions)
        reference = keras_reference(
            generator, latent_dim, num_classes, output_range, noise_mode_of(generator, profile), directions
        )
        certificate = certify(in_memory, reloaded, num_classes, reference, profile.precision, in_float32)
        gained = {"bfloat16": _gain(reloaded, in_float32, num_classes)} if in_float32 else {}
        tried = try_kernels(folder, reloaded, profile.precision) if profile.try_kernels else []
        write_lineage(
            folder,
            _origin(profile)
            | gained
            | {
                "model": described,
                "lineage": lineage or {},
                "optimization": dict(module.optimization),
                "certificate": certificate,
                "kernels": tried,
                "files": checksums(folder),
            },
        )
        return _published(folder, output, profile)


def _with_signatures(profile, offered):
    """The profile with the names of the signatures to export, in the order of the contract."""
    chosen = set(offered if profile.signatures is None else profile.signatures)
    if unknown := chosen - set(offered):
        raise ValueError(
            f"The model has no such signature; it has {', '.join(offered)}. "
            f"Received: signatures={', '.join(sorted(unknown))}"
        )
    kept = tuple(name for name in offered if name in chosen | {names.SERVING_DEFAULT})
    return dataclasses.replace(profile, signatures=kept)


def _in_float32(make, profile):
    """The float32 signatures of a bfloat16 export, to certify the rewriting of the graph; or None.

    In bfloat16 a mistake would be hidden by rounding.
    """
    if profile.precision == "float32":
        return None
    images = tuple(name for name in profile.signatures if not name.endswith(names.PNG_SUFFIX))
    return make(None, dataclasses.replace(profile, precision="float32", signatures=images)).signatures()


def _gain(in_bfloat16, in_float32, num_classes):
    """The speed-up by bfloat16 on this processor, over the images of 8 seeds; warns if it is a slow-down."""
    functions = [signatures[names.SERVING_DEFAULT] for signatures in (in_bfloat16, in_float32)]
    inputs = {k: tf.constant(v) for k, v in example_inputs(functions[0], 8, num_classes).items()}
    runs = [lambda function=function: function(**inputs)[names.IMAGES].numpy() for function in functions]
    found = half_precision.gain(*runs)
    if found["times_as_fast"] < 1.0:
        warnings.warn(
            f"{half_precision.in_words(found, 'This model in bfloat16')}. It gains on processors that multiply in "
            "bfloat16 (AVX512_BF16, AMX): serve it there, or export in float32.",
            stacklevel=3,
        )
    return found


def _check_signatures(functions, num_classes, precision):
    for name, function in functions.items():
        check_batch_rule(name, function)
        check_dtypes(name, function)
        check_batches(name, function, num_classes, precision)


def _write_extras(folder, functions, num_classes, profile):
    """Writes what a server reads beside the graph; writing the answers replays the warmup requests."""
    (folder / names.BATCHING_FILE).write_text(batching_text(profile.max_batch))
    write_warmup(folder, functions, num_classes, profile.max_batch)
    write_answers(folder, functions)


def _description(generator, latent_dim, num_classes, image_shape, output_range):
    return {
        "name": generator.name,
        "latent_dim": latent_dim,
        "num_classes": num_classes,
        "image_shape": list(image_shape),
        "output_range": list(output_range),
    }


def _styles(generator, profile, directions):
    """What else describes a model: the noise of a StyleGAN, and the names of the directions."""
    noise_mode = noise_mode_of(generator, profile)
    noise = {} if noise_mode is None else {"noise_mode": noise_mode}
    return noise | ({} if directions is None else {"directions": directions.names})


def _origin(profile):
    return {
        "contract_version": names.CONTRACT_VERSION,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {
            "tfgan_kit": importlib.metadata.version("tfgan_kit"),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
        },
        "processor": processor.record(),
        **{
            key: getattr(profile, key)
            for key in ("signatures", "precision", "max_batch", "png_compression", "optimized")
        },
    }


def _published(folder, output, profile):
    """Publishes, verifies the result, and only then removes older versions."""
    version = publish(folder, output, profile.version)
    try:
        check_files(version, read_lineage(version)["files"])
    except (OSError, ValueError) as error:
        if version.exists():
            raise
        raise removed_meanwhile(version, profile.keep) from error
    newest = max(versions(output), default=0)
    if int(version.name) < newest:
        warnings.warn(
            f"Version {version.name} is older than {newest}: a server that serves the latest keeps {newest}.",
            stacklevel=3,
        )
    files.write_text(version.parent / names.COMMON_BATCHING_FILE, batching_text(profile.max_batch))
    remove_old(output, profile.keep, version)
    return version


def removed_meanwhile(version, keep):
    """The error for a version that was published and is gone."""
    return FileNotFoundError(
        "Another exporter that publishes into the same folder with its own `keep` has already removed "
        "this version; export one after the other, or keep more versions. Received: "
        f"version={version}, keep={keep}"
    )


def _judge_of(model):
    if not isinstance(model, GAN):
        raise ValueError(
            "Only a tfgan_kit GAN has a discriminator to export; omit `discriminate`. "
            f"Received: generator={type(model).__name__}"
        )
    return Judge(model.discriminator, model.image_shape, model.num_classes)


def _save(module, folder, functions):
    try:
        tf.saved_model.save(module, str(folder), signatures=functions)
    except AssertionError as error:  # raised for a plain tf.Variable hidden in a layer
        raise ValueError(
            "The model holds a variable or resource that Keras does not track and that would be "
            f"missing from the export: create it with add_weight. TensorFlow says: {str(error)[:300]}"
        ) from error
