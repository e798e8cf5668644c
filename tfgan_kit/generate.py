"""Images from a checkpoint, as a grid, shards, a film or mixed styles: `python -m tfgan_kit.generate`."""

import pathlib
import re

from tfgan_kit import choices, command_line

from absl import flags

from tfgan_kit_client import connection_flags, films

FLAGS = flags.FLAGS
LARGEST_GRID = 1024
_MOST_TILES = 1024
_OF_FILMS = ("keyframes", "frames_per_keyframe", "frames_per_second", "tiles", "interpolation")
_OF_IMAGES = ("num_images", "format", "shard_size")
_OF_SHARDS = ("ray", "mixed_processors", "target", "exported_model")
_OF_STYLE_MIXING = ("rows", "cols", "styles")
_LATENT_TOOLS = ("find_directions", "directions", "project")
_OF_FINDING = (
    "direction_method", "num_directions", "direction_layers", "direction_label", "direction_samples", "classifier",
)  # fmt: skip
_OF_PROJECTION = ("space", "distance", "weights", "project_steps", "search_noise", "search_film", "fit")


class _Tiles(flags.ArgumentParser):
    """3x2 as (3, 2)."""

    syntactic_help = "COLUMNSxROWS."

    def parse(self, argument):
        match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", str(argument))
        if not match or int(match[1]) * int(match[2]) > _MOST_TILES:
            raise ValueError(f"give COLUMNSxROWS, such as 3x2, at most {_MOST_TILES} tiles")
        return int(match[1]), int(match[2])


class _Ranges(flags.ArgumentParser):
    """3,7-9 as [3, 7, 8, 9]."""

    syntactic_help = "Numbers and ranges, such as 3,7-9."

    def parse(self, argument):
        parts = [re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip()) for part in str(argument).split(",")]
        if not all(parts):
            raise ValueError("give numbers and ranges, such as 3,7-9")
        spans = [(int(part[1]), int(part[2] or part[1])) for part in parts]
        if any(first > last for first, last in spans) or sum(last - first + 1 for first, last in spans) > _MOST_TILES:
            raise ValueError(f"a range goes upwards, and there are at most {_MOST_TILES} numbers")
        return [number for first, last in spans for number in range(first, last + 1)]


def define_flags():
    command_line.define_ckpt()
    flags.DEFINE_integer("num_images", 64, "Number of images.", lower_bound=1, upper_bound=2**32)
    flags.DEFINE_integer("seed", 0, "Determines the images; see image_seeds.", lower_bound=0, upper_bound=2**31 - 1)
    flags.DEFINE_list(
        "labels",
        None,
        "Classes of a conditional model, ids or (of a run's checkpoint) names, cycled over the images; default: drawn "
        "from each image's seed.",
    )
    flags.DEFINE_float(
        "truncation_psi",
        None,
        "Truncation, of families that define it: BigGAN's latents beyond it are drawn again; a StyleGAN's w keeps that "
        "part, from -2 to 2, of its distance from the mean; default: none.",
    )
    flags.DEFINE_enum(
        "noise_mode",
        None,
        choices.NOISE_MODES,
        "A StyleGAN2's noise: that of the checkpoint, the same in all images; none; or each image's own. Default: as "
        "the generator was made.",
    )
    flags.DEFINE_string(
        "output",
        None,
        "A file that ends in .png is one grid, in .mp4, .gif or .webp a film; any other path is a folder of shards, or "
        "an address such as s3://bucket/prefix (`pip install s3fs`).",
    )
    flags.DEFINE_enum(
        "format",
        "png",
        ["png", "tfrecord"],
        "Format of shards: zip files of PNG images named by their seeds, or TFRecord of tf.train.Example.",
    )
    flags.DEFINE_integer("shard_size", 10_000, "Images in a shard.", lower_bound=1)
    _define_shard_flags()
    _define_film_flags()
    _define_style_mixing_flags()
    _define_direction_flags()
    _define_projection_flags()


def _define_shard_flags():
    command_line.define_ray("Shards are written by")
    flags.DEFINE_boolean(
        "mixed_processors",
        False,
        "Whether shards may be of several kinds of processors, at most a level of 255 apart; by default they are of "
        "one kind, byte for byte.",
    )
    flags.DEFINE_string(
        "exported_model", None, "Folder of an exported model, or of a version of it, for shards; in place of --ckpt."
    )
    flags.DEFINE_string("target", None, "host:port of a server, for shards; in place of --ckpt.")
    flags.DEFINE_string("model_name", "default", "The model's name at --target.")
    connection_flags.define_tls_flags()


def _define_film_flags():
    flags.DEFINE_integer("keyframes", 8, "Images of each tile that a film goes through, and back.", lower_bound=1)
    flags.DEFINE_integer("frames_per_keyframe", 60, "Frames of a film from one keyframe to the next.", lower_bound=1)
    flags.DEFINE_integer("frames_per_second", 30, "Rate of a film.", lower_bound=1)
    flags.DEFINE(_Tiles(), "tiles", "1x1", "Images in a film's frame, COLUMNSxROWS.")
    flags.DEFINE_enum(
        "interpolation",
        None,
        ["z", "w"],
        "What a film moves: the latents along great circles, or a StyleGAN's styles along a smooth closed curve. "
        "Default: w of a StyleGAN, z of others.",
    )


def _define_style_mixing_flags():
    flags.DEFINE(_Ranges(), "rows", None, "Image seeds of a table of mixed styles, one a row; --output ends in .png.")
    flags.DEFINE(_Ranges(), "cols", None, "Image seeds of its columns.")
    flags.DEFINE(
        _Ranges(),
        "styles",
        None,
        "Layers whose styles are the column's; default: 0-6, of fewer than 14 the first half.",
    )


def _define_direction_flags():
    flags.DEFINE_string(
        "find_directions", None, "A .npz file for directions that images change along; a page of strips goes beside it."
    )
    flags.DEFINE_enum(
        "direction_method",
        "sefa",
        ["sefa", "ganspace", "label"],
        "How directions are found: what the first layers amplify most; the principal components of a StyleGAN's w; or "
        "toward the images of --direction_label.",
    )
    flags.DEFINE_integer("num_directions", 10, "Directions that sefa and ganspace find.", lower_bound=1)
    flags.DEFINE(_Ranges(), "direction_layers", None, "Layers of a StyleGAN that move, such as 0-6; default: all.")
    flags.DEFINE_string("direction_label", None, "Class, id or name, as --classifier tells it.")
    flags.DEFINE_integer("direction_samples", 2000, "Images that are classified for a label.", lower_bound=20)
    flags.DEFINE_string(
        "classifier",
        None,
        "A .keras file or a SavedModel (a program: take only one that you trust) from images to logits; default: one "
        "that is trained on the run's own data.",
    )
    flags.DEFINE_string("directions", None, "File of --find_directions, to move the images of --output (.png) along.")
    flags.DEFINE_list("strengths", None, "How far along each of the --directions, such as 2,0,-1.")


def _define_projection_flags():
    flags.DEFINE_string("project", None, "Photograph to find again; --output (.png) is the image that is found.")
    flags.DEFINE_enum(
        "space",
        None,
        ["z", "w", "w+"],
        "Where it is searched: the latents; or a StyleGAN's w, one for all layers, or one for each. Default: w of a "
        "StyleGAN, z of others.",
    )
    flags.DEFINE_enum(
        "distance",
        "lite0",
        ["lite0", "vgg16", "pixels"],
        "What is minimised in w: the distance of a network's features, downloaded once, or the squared error.",
    )
    flags.DEFINE_string("weights", None, "File of the weights of --distance; default: downloaded once.")
    flags.DEFINE_integer("project_steps", None, "Steps of the search; default: 1000 in w, 500 in z.", lower_bound=1)
    flags.DEFINE_boolean(
        "search_noise", True, "Whether the generator's noise is searched, too, so that w need not explain noise."
    )
    flags.DEFINE_string("search_film", None, "A .mp4, .gif or .webp file for a film of the search in w.")
    flags.DEFINE_enum(
        "fit", "crop", ["crop", "refuse"], "A photograph of another shape is cropped and resized, or refused."
    )


def _refuse(names, without):
    """Refuses flags that would have no effect."""
    for name in names:
        if FLAGS[name].present:
            raise ValueError(f"--{name} has no effect without {without}. Received: output={FLAGS.output}")


def check_flags():
    """Refuses what is missing, or is no output, before TensorFlow is imported.

    Raises:
        ValueError: it says what to give.
    """
    given = [name for name in ("ckpt", "exported_model", "target") if FLAGS[name].value is not None]
    if not given:
        raise ValueError("Give --ckpt, a .keras file or a run folder.")
    if len(given) > 1:
        raise ValueError(f"Images come from one model. Received: --{' and --'.join(given)}")
    command_line.check_flags_of_a_server()
    if _is_latent_tool():
        return
    if FLAGS.output is None:
        raise ValueError("Give --output, a .png, .mp4, .gif or .webp file, or a folder for shards.")
    suffix = pathlib.Path(FLAGS.output).suffix
    if suffix.lower() in (".jpg", ".jpeg", ".bmp", ".avi", ".mov", ".webm", ".mkv"):
        raise ValueError(
            f"A grid is written as .png, a film as {', '.join(films.SUFFIXES)}. Received: output={FLAGS.output}"
        )
    is_film, is_mixed = suffix.lower() in films.SUFFIXES, any(FLAGS[name].present for name in _OF_STYLE_MIXING)
    if is_mixed and (FLAGS.rows is None or FLAGS.cols is None or suffix != ".png"):
        raise ValueError(
            "A table of mixed styles takes --rows and --cols, and an --output that ends in .png. Received: "
            f"output={FLAGS.output}"
        )
    if is_film or suffix == ".png":
        _refuse(_OF_SHARDS, "shards, an --output that is a folder")
    if given != ["ckpt"] and FLAGS.noise_mode is not None:
        raise ValueError(f"--noise_mode is of a checkpoint. Received: noise_mode={FLAGS.noise_mode}, --{given[0]}")
    if is_film:
        _refuse(_OF_IMAGES, "a grid or shards")
        films.check_film(FLAGS.output, FLAGS.keyframes * FLAGS.frames_per_keyframe, FLAGS.frames_per_second)
    else:
        _refuse(_OF_FILMS, "a film, an --output that ends in .mp4, .gif or .webp")
    if is_mixed:
        _refuse((*_OF_IMAGES, "seed"), "a grid or shards")
    if suffix == ".png" and FLAGS.num_images > LARGEST_GRID:
        raise ValueError(
            f"A grid holds at most {LARGEST_GRID} images; give a folder as --output for shards. "
            f"Received: num_images={FLAGS.num_images}"
        )


def _is_latent_tool():
    """Checks the flags of directions and of projection; whether one of them is what is asked for."""
    tools = [name for name in _LATENT_TOOLS if FLAGS[name].value is not None]
    for name, flags_of in (
        ("find_directions", _OF_FINDING), ("directions", ("strengths",)), ("project", _OF_PROJECTION),
    ):  # fmt: skip
        if name not in tools:
            _refuse(flags_of, f"--{name}")
    if not tools:
        return False
    if len(tools) > 1:
        raise ValueError(f"Give one of --{', --'.join(_LATENT_TOOLS)}. Received: --{', --'.join(tools)}")
    others = {
        "find_directions": ("num_images", "labels"),
        "directions": (),
        "project": ("num_images", "truncation_psi"),
    }
    others = (*others[tools[0]], "format", "shard_size", "noise_mode", *_OF_SHARDS, *_OF_FILMS, *_OF_STYLE_MIXING)
    for name in others:
        if FLAGS[name].present:
            raise ValueError(f"--{name} has no effect beside --{tools[0]}. Received: {name}={FLAGS[name].value}")
    if tools == ["find_directions"]:
        _check_finding()
    elif pathlib.Path(FLAGS.output or "").suffix != ".png":
        raise ValueError(f"--{tools[0]} takes an --output that ends in .png. Received: output={FLAGS.output}")
    elif tools == ["directions"] and (not FLAGS.strengths or FLAGS.num_images > LARGEST_GRID):
        raise ValueError(
            f"Give --strengths, one for each of the first --directions, of at most {LARGEST_GRID} images. Received: "
            f"strengths={FLAGS.strengths}, num_images={FLAGS.num_images}"
        )
    if FLAGS.search_film:
        films.check_film(FLAGS.search_film, 1, 25)
    return True


def _check_finding():
    if pathlib.Path(FLAGS.find_directions).suffix != ".npz" or FLAGS.output is not None:
        raise ValueError(
            "--find_directions is a .npz file, and takes no --output. Received: "
            f"find_directions={FLAGS.find_directions}, output={FLAGS.output}"
        )
    is_label = FLAGS.direction_method == "label"
    if is_label != (FLAGS.direction_label is not None):
        raise ValueError(
            "--direction_label goes with --direction_method=label. Received: "
            f"direction_method={FLAGS.direction_method}, direction_label={FLAGS.direction_label}"
        )
    if not is_label:
        _refuse(("direction_samples", "classifier"), "--direction_method=label")


def _work():
    """The module of `tfgan_kit.commands` that is asked for."""
    if FLAGS.project is not None:
        return "projection"
    return "generate" if FLAGS.find_directions is None and FLAGS.directions is None else "directions"


def main():
    check_flags()
    command_line.work(_work())


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
