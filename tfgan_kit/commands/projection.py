"""A photograph found again by a checkpoint's generator: `python -m tfgan_kit.generate --project`."""

import pathlib

from tfgan_kit import command_line
from tfgan_kit.commands.generate import class_names
from tfgan_kit.data.decode import decode_image, needs_pillow
from tfgan_kit.data.resize import composite_on_white, to_channels
from tfgan_kit.files import read_bytes, whole
from tfgan_kit.generation.projection import Search, pixels, project_styles
from tfgan_kit.generation.styles import has_styles
from tfgan_kit.metrics.features.perceptual import feature_maps
from tfgan_kit.runs.checkpoints import load_generative_model

import numpy as np
import tensorflow as tf
from absl import flags

from tfgan_kit_client import films
from tfgan_kit_client.class_names import parse_labels
from tfgan_kit_client.pictures import tile, write_png

FLAGS = flags.FLAGS
_MOST_BYTES = 2**28
_FRAMES, _FRAMES_PER_SECOND = 150, 25


def main():
    command_line.import_modules(FLAGS.import_module)
    output = pathlib.Path(FLAGS.output)
    labels = np.array(parse_labels(FLAGS.labels, class_names(FLAGS.ckpt, FLAGS.which))) if FLAGS.labels else None
    content = _content(FLAGS.project)
    command_line.writable_folder(output.parent)
    model = load_generative_model(FLAGS.ckpt, FLAGS.which)
    generative = model.generative_model
    image, notes = fitted(content, generative.image_shape, FLAGS.fit)
    print("\n".join(f"{FLAGS.project}: {note}" for note in notes), end="\n" if notes else "")
    space = FLAGS.space or ("w" if has_styles(generative.generator) else "z")
    if space == "z":
        found, arrays = _in_latents(model, image, labels)
    else:
        found, arrays = _in_w(model, image, labels, space)
    write_png(output, found[0])
    target, codes = output.with_name(f"{output.stem}-target.png"), output.with_suffix(".npz")
    write_png(target, image)
    with whole(codes) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)
    print(f"Wrote {output}, {target} and {codes} ({', '.join(arrays)})")


def _in_latents(model, image, labels):
    for name in ("distance", "weights", "search_film"):
        if FLAGS[name].present:
            raise ValueError(f"--{name} is of --space w and w+ (of a StyleGAN). Received: {name}={FLAGS[name].value}")
    found = model.project(image[None], labels, steps=FLAGS.project_steps or 500, seed=FLAGS.seed)
    print(f"Found at {found.psnr[0]:.1f} dB, in the latents.")
    return found.images, {"latents": found.latents}


def _in_w(model, image, labels, space):
    features = pixels if FLAGS.distance == "pixels" else feature_maps(FLAGS.distance, FLAGS.weights)
    search = Search(space, FLAGS.project_steps or 1000, search_noise=FLAGS.search_noise, seed=FLAGS.seed)
    ways = []
    chosen = set(np.linspace(0, search.steps, min(_FRAMES, search.steps + 1), dtype=int).tolist())
    keep = FLAGS.search_film and (lambda step, ws: ways.append(ws[0]) if step in chosen else None)
    found = project_styles(model, image[None], labels, features, search, keep or None)
    if FLAGS.search_film:
        frames = [tile(np.stack([image, made])) for made in model.images_of_w(np.stack(ways))]
        films.write_film(FLAGS.search_film, frames, _FRAMES_PER_SECOND)
        print(f"Wrote {FLAGS.search_film}: the photograph, and the search")
    print(
        f"Found at {found.psnr[0]:.1f} dB in {space} (the mean image: {found.mean_psnr[0]:.1f} dB), distance "
        f"{found.distance[0]:.4f} by {FLAGS.distance}."
    )
    return found.images, {"ws": found.ws}


def _content(path):
    try:
        return read_bytes(path, _MOST_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"The photograph cannot be read ({reason}). Received: project={path}") from error


def fitted(content, image_shape, fit="crop"):
    """A photograph in a generator's shape, and what was done to it.

    Args:
        content: bytes of an image file.
        image_shape: (H, W, C).
        fit: "crop", to its centre of the right proportions and then resized; or "refuse" another shape.

    Returns:
        uint8 (H, W, C), and a list of str.

    Raises:
        ValueError: it cannot be decoded, or has another shape, which is not to be changed.
    """
    try:
        image = decode_image(tf.constant(content), needs_pillow(content))
    except tf.errors.OpError as error:
        raise ValueError(
            "The photograph cannot be decoded: give an intact PNG, JPEG or WebP file. Received: "
            f"project={FLAGS.project}"
        ) from error
    notes, (height, width, channels) = [], image_shape
    if image.shape[-1] in (2, 4) and int(tf.reduce_min(image[..., -1])) < 255:
        notes.append("transparent, taken on white")
    image = tf.cast(to_channels(composite_on_white(image), channels), tf.float32)
    if image.shape[:2] != (height, width):
        if fit == "refuse":
            raise ValueError(
                f"This generator makes images of {height} x {width} pixels: give one, or --fit=crop. Received: "
                f"{image.shape[0]} x {image.shape[1]} pixels"
            )
        tall, wide = image.shape[:2]
        cut = min(tall, max(1, wide * height // width)), min(wide, max(1, tall * width // height))
        top, left = (tall - cut[0]) // 2, (wide - cut[1]) // 2
        image = tf.image.resize(image[top : top + cut[0], left : left + cut[1]], (height, width), antialias=True)
        crop = f"cropped from {tall} x {wide} to {cut[0]} x {cut[1]}, " if cut != (tall, wide) else ""
        notes.append(f"{crop}resized to {height} x {width} pixels")
    return tf.cast(tf.round(tf.clip_by_value(image, 0.0, 255.0)), tf.uint8).numpy(), notes
