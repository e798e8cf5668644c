"""The parity certificate: how far the saved model's answers are from the model's in memory."""

from tfgan_kit.export import contract as names
from tfgan_kit.export.profile import ExportProfile
from tfgan_kit.export.stages import stages_of
from tfgan_kit.export.verify.comparison import as_numbers, check_rows, most_apart
from tfgan_kit.export.warmup import example_inputs
from tfgan_kit.generation import seeds
from tfgan_kit.generation.adapter import called

import numpy as np
import tensorflow as tf

LARGEST_BATCH = 33
PIXELS = 1_000_000  # to compare between alone and batched, over all signatures; but see _MOST_PASSES
_MOST_PASSES = 6  # otherwise images of a few pixels would take minutes to reach a million
_MOST_PIXELS = 20_000_000  # per signature; images above 108x108x3 are compared at these sizes only
_FEW_SIZES = (1, 2, 3, 7, 16, LARGEST_BATCH)
_TWIN_SIZES = (1, 2, 3, 16, LARGEST_BATCH)
_REFERENCE_ROWS = 32

MOST_MEAN_LEVELS = 4.0  # a bfloat16 graph may differ by some levels in some pixels, but not in all


def certify(in_memory, reloaded, num_classes, reference=None, precision="float32", in_float32=None):
    """Compares every signature before saving with that after loading, alone with batched, and with Keras.

    Every row is computed alone, then in batches of every size from 1 to 33 (of six sizes, if a row has more
    than 35,000 numbers). A `_png` signature runs the same network: its pictures are decoded and compared
    with the images of its twin.

    Args:
        in_memory: dict signature name -> callable from the signature's inputs, by name, to a dict with
            one output: the model as it was before it was saved.
        reloaded: dict signature name -> concrete function.
        num_classes: int, or None for an unconditional generator.
        reference: callable like these, the images by the Keras model alone, see `keras_reference`; None
            omits that comparison.
        precision: `"float32"`; or `"bfloat16"`, whose difference from `reference` is recorded, and bounded
            only in the mean.
        in_float32: dict signature name -> callable, the same network as `reloaded` before its conversion
            to bfloat16, which must agree with `reference`; None omits that comparison.

    Returns:
        A dict signature name -> {"output"; "rows", "pixels", "batch_sizes": what was compared;
        "batched_at_most": the promise for a row in any batch, which is more than was observed, since in
        10^5 rows some pixel halfway between two levels may be rounded either way;
        "reloaded_max_difference", "batched_max_difference",
        "model_max_difference" and "model_mean_difference" (to `reference`),
        "float32_max_difference" (of `in_float32` to `reference`): images in levels of 255, scores
        in their own unit; "twin_of": the signature with which pictures were compared;
        and, for each difference above 0, "reloaded_at", "batched_at", "model_at", "float32_at": its
        batch size, row and pixel}.

    Raises:
        ValueError: an answer differs by more than one level (scores: a thousandth; bfloat16 from the
            reference: 4 levels in the mean), is not finite, or does not have one row per input row.

    Example:
        >>> from tfgan_kit.export.module import GeneratorModule
        >>> module = GeneratorModule(gan.ema_generator, 4, None, (8, 8, 1))
        >>> tf.saved_model.save(module, "saved", signatures=module.signatures())
        >>> reloaded = dict(tf.saved_model.load("saved").signatures)
        >>> certify(module.signatures(), reloaded, None)["from_latent"]["reloaded_max_difference"]
        0.0
    """
    passes, certificate, alone = _passes(reloaded), {}, {}
    for name in sorted(reloaded, key=lambda name: name.endswith(names.PNG_SUFFIX)):
        twin = name.removesuffix(names.PNG_SUFFIX)
        if twin != name and twin in alone:
            row = _certify_twin(name, in_memory[name], reloaded[name], num_classes, alone[twin])
            row["twin_of"] = twin
        else:
            row, alone[name] = _certify_one(name, in_memory[name], reloaded[name], num_classes, passes)
            if reference is not None and row["output"] not in names.JUDGED.values():
                row |= _compare(name, reloaded[name], reference, num_classes)
                if name in (in_float32 or {}):
                    row |= _compare_float32(name, reloaded[name], in_float32[name], reference, num_classes)
        row["batched_at_most"] = most_apart(alone[row.get("twin_of", name)], "float32")
        _check(name, row, precision)
        certificate[name] = row
    return certificate


def keras_reference(generator, latent_dim, num_classes, output_range, noise_mode=None, directions=None):
    """Images by the Keras model called eagerly, quantized by NumPy: shows any mistake of the export.

    Args:
        generator, latent_dim, num_classes, output_range, directions: as of `GeneratorModule`.
        noise_mode: as of `ExportProfile`.

    Returns:
        A callable from the inputs of any signature that makes images, by name, to `{"images": uint8 (N, H, W, C)}`.
    """
    low, high = output_range
    profile = ExportProfile(optimized=False, noise_mode=noise_mode)
    stages = stages_of(generator, latent_dim, num_classes, profile, directions)

    def images(seed=None, label=None, latents=None, truncation_psi=None, strengths=None, w=None):
        if w is not None:
            run, given = stages.from_w, [w]
        else:
            latents = seeds.latents_from_seeds(seed, latent_dim) if latents is None else latents
            run, given = stages.images, [latents]
            if truncation_psi is not None:
                run, given = stages.truncated, [latents, seed, truncation_psi]
            elif strengths is not None:
                run, given = stages.edited, [latents, strengths]
            if num_classes is not None:
                given += [seeds.labels_from_seeds(seed, num_classes) if label is None else label]
        pixels = called(lambda inputs, training: run(*inputs), given)
        # In float32 as in `tfgan_kit.pixels`, so that a pixel between two levels is rounded the same way.
        levels = (np.asarray(tf.cast(pixels, tf.float32)) - np.float32(low)) * np.float32(255.0 / (high - low))
        return {names.IMAGES: tf.constant(np.clip(np.round(levels), 0, 255).astype(np.uint8))}

    return images


def _passes(reloaded):
    """The number of passes over all batch sizes, so that a million pixels are compared."""
    images = [
        next(iter(function.structured_outputs.values())).shape[1:].num_elements()
        for name, function in reloaded.items()
        if names.IMAGES in function.structured_outputs
    ]
    pixels = sum(images) * LARGEST_BATCH * (LARGEST_BATCH + 1) // 2
    return int(np.clip(-(-PIXELS // max(pixels, 1)), 1, _MOST_PASSES)) if images else 1


class _Largest:
    """The largest difference so far, and its place."""

    def __init__(self):
        self.difference, self.place = 0.0, None

    def add(self, answer, expected):
        distance = np.abs(answer.astype(np.float64) - expected.astype(np.float64))
        worst = distance.max()
        if not worst <= self.difference:  # NaN, too
            row, *pixel = (int(k) for k in np.unravel_index(np.argmax(distance), distance.shape))
            self.difference, self.place = float(worst), {"batch_size": len(answer), "row": row, "pixel": pixel}
        return distance

    def stated(self, key):
        at = {} if self.place is None else {f"{key}_at": self.place}
        return {f"{key}_max_difference": self.difference} | at


def _certify_one(name, in_memory, reloaded, num_classes, passes):
    """The certificate's row, and the answers to rows alone."""
    inputs = example_inputs(reloaded, LARGEST_BATCH * passes, num_classes)
    alone = np.concatenate([_answer(name, reloaded, _rows(inputs, k, k + 1)) for k in range(LARGEST_BATCH * passes)])
    sizes = _sizes(alone)
    loaded, batched = _Largest(), _Largest()
    for first in range(0, len(alone), LARGEST_BATCH):
        for size in sizes:
            rows = _rows(inputs, first, first + size)
            answer = _answer(name, reloaded, rows)
            batched.add(answer, alone[first : first + size])
            if first == 0:
                loaded.add(answer, _answer(name, in_memory, rows))
    row = _stated(reloaded, passes * sum(sizes), alone, sizes)
    return row | loaded.stated("reloaded") | batched.stated("batched"), alone


def _sizes(alone):
    every = range(1, LARGEST_BATCH + 1)
    return every if sum(every) * np.prod(alone.shape[1:]) <= _MOST_PIXELS else _FEW_SIZES


def _certify_twin(name, in_memory, reloaded, num_classes, alone):
    inputs = example_inputs(reloaded, len(alone), num_classes)
    loaded, batched = _Largest(), _Largest()
    for size in _TWIN_SIZES:
        answer = _answer(name, reloaded, _rows(inputs, 0, size))
        loaded.add(answer, _answer(name, in_memory, _rows(inputs, 0, size)))
        batched.add(answer, alone[:size])
    row = _stated(reloaded, sum(_TWIN_SIZES), alone, _TWIN_SIZES)
    return row | loaded.stated("reloaded") | batched.stated("batched")


def _stated(function, rows, alone, sizes):
    return {
        "output": next(iter(function.structured_outputs)),
        "rows": rows,
        "pixels": rows * int(np.prod(alone.shape[1:])),
        "batch_sizes": list(sizes),
    }


def _compare(name, reloaded, reference, num_classes):
    inputs = example_inputs(reloaded, _REFERENCE_ROWS, num_classes)
    answer = _answer(name, reloaded, inputs)
    model = _Largest()
    distance = model.add(answer, _answer(name, reference, inputs))
    return {"model_mean_difference": float(distance.mean())} | model.stated("model")


def _compare_float32(name, reloaded, in_float32, reference, num_classes):
    inputs = example_inputs(reloaded, _REFERENCE_ROWS, num_classes)
    largest = _Largest()
    largest.add(_answer(name, in_float32, inputs), _answer(name, reference, inputs))
    return largest.stated("float32")


def _check(name, row, precision):
    most = row["batched_at_most"]
    kinds = ["reloaded", "batched", "model" if precision == "float32" else "float32"]
    if not all(row.get(f"{kind}_max_difference", 0.0) <= most for kind in kinds):  # NaN fails, too
        also = "" if precision == "float32" else ", even when computed in float32"
        raise ValueError(
            "The saved model does not answer as the model in memory does, or a row's answer depends "
            "on its batch; nothing was published. Remove layers that look at the whole batch at "
            "inference; if only the Keras model differs, export without optimisation, in float32. "
            f"Received: {name!r} with {row['output']} off by {row['reloaded_max_difference']:g} after "
            f"loading, by {row['batched_max_difference']:g} between alone and batched, by "
            f"{row.get(f'{kinds[-1]}_max_difference', 0.0):g} from the Keras model{also}; at most {most:g} is allowed"
        )
    if not row.get("model_mean_difference", 0.0) <= MOST_MEAN_LEVELS:
        raise ValueError(
            f"In {precision} the images differ too much from the model's own; export in float32. "
            f"Received: {name!r} off by {row['model_mean_difference']:.3g} levels in the mean, by "
            f"{row['model_max_difference']:g} at most; a mean of {MOST_MEAN_LEVELS:g} is allowed"
        )


def _rows(inputs, start, stop):
    return {key: value[start:stop] for key, value in inputs.items()}


def _answer(name, function, inputs):
    """The output of one call as numbers; encoded pictures are decoded."""
    ((output, tensor),) = function(**{k: tf.constant(v) for k, v in inputs.items()}).items()
    value = tensor.numpy()
    check_rows(name, output, value, len(next(iter(inputs.values()))))
    return as_numbers(output, value)
