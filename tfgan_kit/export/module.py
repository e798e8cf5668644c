"""The signatures of an exported generator, as a `tf.Module` that holds only what inference needs."""

from tfgan_kit.export import contract as names
from tfgan_kit.export.graph.optimize import optimize, portable
from tfgan_kit.export.profile import ExportProfile
from tfgan_kit.generation import sample, seeds
from tfgan_kit.generation.truncation import offers_truncation, truncated_from_seeds
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
        judge: the `Judge` for the optional signatures `discriminate` and `recover_...`, or None. With
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
        judge=None,
        profile=ExportProfile(),  # noqa: B008, it is frozen
    ):
        super().__init__()
        self.optimization = {}
        truncating = generator if offers_truncation(generator) else None
        if profile.optimized or profile.precision != "float32":
            generator, self.optimization = optimize(generator, latent_dim, num_classes, profile.precision)
        judging = judge
        if judge is not None and profile.optimized:
            judging = portable(judge, image_shape, judge.num_classes)
        networks = [generator] + ([judging] if judge is not None else [])
        self.saved_variables = [
            v if isinstance(v, tf.Variable) else v.value for network in networks for v in network.variables
        ]
        low, high = output_range

        def generate(inputs, training):
            images = tf.cast(generator(inputs, training=training), tf.float32)
            return (images - low) * (2.0 / (high - low)) - 1.0

        # Not attributes: a Keras model that is an attribute of a tf.Module would be saved, too.
        exact = (low, high) == (-1.0, 1.0)
        run = _build(generator if exact else generate, latent_dim, num_classes, truncating)
        run |= {
            name + names.PNG_SUFFIX: (_encoded(function, profile.png_compression), specs)
            for name, (function, specs) in run.items()
        }
        if judge is not None:
            run |= _judged(judging, judge, image_shape)
        self.functions = {
            name: tf.function(function, input_signature=specs)
            for name, (function, specs) in run.items()
            if profile.signatures is None or name in profile.signatures
        }

    def signatures(self):
        """Concrete functions by signature name."""
        return {name: f.get_concrete_function() for name, f in self.functions.items()}


def _build(generator, latent_dim, num_classes, truncating):
    """`{signature: (Python function, input specs)}` of the signatures that make images.

    `truncating` is the Keras model whose `truncated_latents` are used, or None.
    """
    seed = tf.TensorSpec([None], tf.int64, names.SEED)
    label = tf.TensorSpec([None], tf.int32, names.LABEL)
    psi = tf.TensorSpec([None], tf.float32, names.TRUNCATION_PSI)
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

    def truncated(seed, *label_and_psi):
        *label, psi = label_and_psi
        check = tf.debugging.Assert(tf.reduce_all(psi > 0.0), ["truncation_psi must be positive"])
        with tf.control_dependencies([check]):
            return from_latent(truncated_from_seeds(truncating, seed, latent_dim, tf.identity(psi)), *label)

    labels = [] if num_classes is None else [label]
    made = {names.SERVING_DEFAULT: (from_seed, [seed]), names.FROM_LATENT: (from_latent, [latents_spec, *labels])}
    if labels:
        made[names.GENERATE] = (from_seed_and_label, [seed, label])
    if truncating is not None:
        made[names.GENERATE_TRUNCATED] = (truncated, [seed, *labels, psi])
    return made


def _encoded(function, compression):
    def encode(*arguments):
        images = function(*arguments)[names.IMAGES]
        pictures = tf.map_fn(
            lambda image: tf.io.encode_png(image, compression), images, fn_output_signature=tf.TensorSpec([], tf.string)
        )
        return {names.PNG_BYTES: pictures}

    return encode


def _judged(judging, judge, image_shape):
    """`{signature: (Python function, input specs)}` of the signatures that judge images.

    Args:
        judging: callable, the judge's or a rewritten one, images (and labels) -> float32 (N, columns).
        judge: `Judge`.
        image_shape: (H, W, C).
    """
    images = tf.TensorSpec([None, *image_shape], tf.uint8, names.IMAGES)
    label = tf.TensorSpec([None], tf.int32, names.LABEL)

    def of_output(output):
        def answer(images, label=None):
            images = to_float(images)
            rows = judging(images if label is None else [images, label], training=False)[:, judge.columns[output]]
            return {output: tf.reshape(rows, [-1]) if output == names.SCORE else rows}

        return answer

    specs = [images] if judge.num_classes is None else [images, label]
    return {name: (of_output(output), specs) for name, output in names.JUDGED.items() if output in judge.columns}
