"""The signatures of an exported generator, as a `tf.Module` that holds only what inference needs."""

from tfgan_kit.export import contract as names
from tfgan_kit.export.graph.optimize import optimize, portable
from tfgan_kit.export.profile import ExportProfile
from tfgan_kit.generation import sample, seeds
from tfgan_kit.pixels import to_float

import tensorflow as tf


class GeneratorModule(tf.Module):
    """What is saved: the generator's variables, and one function per signature.

    `tf.saved_model.save` of a Keras model, and `model.export`, store every weight twice. This module does
    not, because the Keras objects are not attached to it.

    Args:
        generator: Keras model from latents (N, Z), or `[latents, labels]`, to images (N, H, W, C).
        latent_dim: int, Z.
        num_classes: int, or None for an unconditional generator.
        image_shape: (H, W, C).
        output_range: (low, high), the pixel values of black and white.
        discriminator: Keras model for the optional signature `discriminate`, or None. With
            `profile.optimized`, operations that some processors lack are rewritten.
        profile: an `ExportProfile`, of which `optimized`, `precision` (bfloat16 implies an optimized
            graph), `png_compression` and `signatures` are used.

    Attributes:
        optimization: the report of `optimize`, a dict; empty if the graph is not optimized.
    """

    def __init__(
        self,
        generator,
        latent_dim,
        num_classes,
        image_shape,
        output_range=(-1.0, 1.0),
        discriminator=None,
        profile=ExportProfile(),  # noqa: B008, it is frozen
    ):
        super().__init__()
        self.optimization = {}
        if profile.optimized or profile.precision != "float32":
            generator, self.optimization = optimize(generator, latent_dim, num_classes, profile.precision)
        if discriminator is not None and profile.optimized:
            discriminator = portable(discriminator, image_shape, num_classes)
        networks = [generator] + ([discriminator] if discriminator is not None else [])
        self.saved_variables = [
            v if isinstance(v, tf.Variable) else v.value for network in networks for v in network.variables
        ]
        low, high = output_range

        def generate(inputs, training):
            images = tf.cast(generator(inputs, training=training), tf.float32)
            return (images - low) * (2.0 / (high - low)) - 1.0

        # Not attributes: a Keras model that is an attribute of a tf.Module would be saved, too.
        exact = (low, high) == (-1.0, 1.0)
        run = _build(generator if exact else generate, latent_dim, num_classes)
        run |= {
            name + names.PNG_SUFFIX: (_encoded(function, profile.png_compression), specs)
            for name, (function, specs) in run.items()
        }
        if discriminator is not None:
            run[names.DISCRIMINATE] = _scores(discriminator, image_shape, num_classes)
        self.functions = {
            name: tf.function(function, input_signature=specs)
            for name, (function, specs) in run.items()
            if profile.signatures is None or name in profile.signatures
        }

    def signatures(self):
        """Concrete functions by signature name."""
        return {name: f.get_concrete_function() for name, f in self.functions.items()}


def _build(generator, latent_dim, num_classes):
    """`{signature: (Python function, input specs)}` of the signatures that make images."""
    seed = tf.TensorSpec([None], tf.int64, names.SEED)
    label = tf.TensorSpec([None], tf.int32, names.LABEL)
    latents_spec = tf.TensorSpec([None, latent_dim], tf.float32, names.LATENTS)

    def from_seed(seed):
        label = None if num_classes is None else seeds.labels_from_seeds(seed, num_classes)
        return from_seed_and_label(seed, label)

    def from_seed_and_label(seed, label):
        return from_latent(seeds.latents_from_seeds(seed, latent_dim), label)

    def from_latent(latents, label=None):
        if label is None:
            return {names.IMAGES: sample.sample(generator, latents)}
        # A negative label would silently be taken as a class counted from the end.
        in_range = tf.reduce_all((label >= 0) & (label < num_classes))
        check = tf.debugging.Assert(in_range, [f"label must be from 0 to {num_classes - 1}"])
        with tf.control_dependencies([check]):
            return {names.IMAGES: sample.sample(generator, latents, tf.identity(label))}

    made = {names.SERVING_DEFAULT: (from_seed, [seed])}
    if num_classes is None:
        made[names.FROM_LATENT] = (from_latent, [latents_spec])
    else:
        made[names.GENERATE] = (from_seed_and_label, [seed, label])
        made[names.FROM_LATENT] = (from_latent, [latents_spec, label])
    return made


def _encoded(function, compression):
    def encode(*arguments):
        images = function(*arguments)[names.IMAGES]
        pictures = tf.map_fn(
            lambda image: tf.io.encode_png(image, compression), images, fn_output_signature=tf.TensorSpec([], tf.string)
        )
        return {names.PNG_BYTES: pictures}

    return encode


def _scores(discriminator, image_shape, num_classes):
    images = tf.TensorSpec([None, *image_shape], tf.uint8, names.IMAGES)
    label = tf.TensorSpec([None], tf.int32, names.LABEL)

    def discriminate(images, label=None):
        images = to_float(images)
        logits = discriminator(images if label is None else [images, label], training=False)
        return {names.SCORE: tf.reshape(logits, [-1])}

    return discriminate, [images] if num_classes is None else [images, label]
