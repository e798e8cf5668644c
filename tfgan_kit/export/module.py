"""The signatures of an exported generator, as a `tf.Module` that holds only what inference needs."""

from tfgan_kit.export import contract as names
from tfgan_kit.export.graph.optimize import portable
from tfgan_kit.export.profile import ExportProfile
from tfgan_kit.export.stages import stages_of
from tfgan_kit.generation import seeds
from tfgan_kit.generation.adapter import in_our_range
from tfgan_kit.generation.sample import in_even_batches
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
            graph), `noise_mode`, `png_compression` and `signatures` are used.
        directions: `Directions` for the signature `generate_edited`, or None.

    Attributes:
        optimization: the report of `optimize`, a dict (of a StyleGAN: one a network); empty if the graph is not
            optimized.
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
        directions=None,
    ):
        super().__init__()
        stages = stages_of(generator, latent_dim, num_classes, profile, directions)
        self.optimization = stages.report
        judging = judge
        if judge is not None and profile.optimized:
            judging = portable(judge, image_shape, judge.num_classes)
        networks = [stages] + ([judging] if judge is not None else [])
        self.saved_variables = [
            v if isinstance(v, tf.Variable) else v.value for network in networks for v in network.variables
        ]
        # Not attributes: a Keras model that is an attribute of a tf.Module would be saved, too.
        run = _build(stages, latent_dim, num_classes, output_range, directions)
        run |= {
            name + names.PNG_SUFFIX: (_encoded(function, profile.png_compression), specs)
            for name, (function, specs) in run.items()
        }
        if judge is not None:
            run |= _judged(judging, judge, image_shape)
        functions = {
            name: tf.function(function, input_signature=specs)
            for name, (function, specs) in run.items()
            if profile.signatures is None or name in profile.signatures
        }
        # A tf.function that is an attribute is traced again and saved a second time.
        self._functions = lambda: functions

    def signatures(self):
        """Concrete functions by signature name."""
        return {name: function.get_concrete_function() for name, function in self._functions().items()}


def _build(stages, latent_dim, num_classes, output_range, directions):
    """`{signature: (Python function, input specs)}` of the signatures that make images.

    Args:
        stages: `OneStage` or `TwoStages`.
        latent_dim, num_classes, output_range, directions: as of `GeneratorModule`.
    """

    def answer(run, *given):
        """The pixels of `run(*given)`, in even batches."""
        in_range = in_our_range(lambda given, training=False: run(*given), output_range)
        return {names.IMAGES: in_even_batches(in_range, given)}

    def latents_of(seed):
        return seeds.latents_from_seeds(seed, latent_dim)

    def checked(label):
        # A negative label would silently be taken as a class counted from the end.
        return [
            _asserted(ids, (ids >= 0) & (ids < num_classes), f"label must be from 0 to {num_classes - 1}")
            for ids in label
        ]

    def from_seed(seed):
        return from_seed_and_label(seed, *([] if num_classes is None else [seeds.labels_from_seeds(seed, num_classes)]))

    def from_seed_and_label(seed, *label):
        return from_latent(latents_of(seed), *label)

    def from_latent(latents, *label):
        return answer(stages.images, latents, *checked(label))

    def truncated(seed, *label_and_psi):
        *label, psi = label_and_psi
        truncation = stages.truncation
        psi = _asserted(psi, truncation.allows(psi), f"truncation_psi must be {truncation.allowed}")
        return answer(stages.truncated, latents_of(seed), seed, psi, *checked(label))

    def edited(seed, *label_and_strengths):
        *label, strengths = label_and_strengths
        return answer(stages.edited, latents_of(seed), strengths, *checked(label))

    def from_w(w):
        return answer(stages.from_w, w)

    seed, label = _spec(names.SEED, tf.int64), [] if num_classes is None else [_spec(names.LABEL, tf.int32)]
    made = {
        names.SERVING_DEFAULT: (from_seed, [seed]),
        names.GENERATE: (from_seed_and_label, [seed, *label]),
        names.GENERATE_TRUNCATED: (truncated, [seed, *label, _spec(names.TRUNCATION_PSI)]),
        names.GENERATE_EDITED: (edited, [seed, *label, _spec(names.STRENGTHS, tf.float32, len(directions or ()))]),
        names.FROM_LATENT: (from_latent, [_spec(names.LATENTS, tf.float32, latent_dim), *label]),
        names.FROM_W: (from_w, [_spec(names.W, tf.float32, *stages.w_shape)]),
    }
    offered = (*stages.signatures, *([names.GENERATE] if label else []))
    return {name: one for name, one in made.items() if name in offered}


def _spec(name, dtype=tf.float32, *sizes):
    return tf.TensorSpec([None, *sizes], dtype, name)


def _asserted(values, allowed, words):
    """The values, if all of them are allowed; else the request fails with these words."""
    check = tf.debugging.Assert(tf.reduce_all(allowed), [words])
    with tf.control_dependencies([check]):
        return tf.identity(values)


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
