"""Loads the models of `--ckpt`: a `.keras` file, or a run folder."""

import pathlib
import warnings

from tfgan_kit.generation.generative_model import GenerativeModel
from tfgan_kit.runs import keras_file, other_formats
from tfgan_kit.runs.keras_file import CheckpointError
from tfgan_kit.runs.run import Run
from tfgan_kit.training import preset_files
from tfgan_kit.training.gan import GAN


def resolve(ckpt, which="newest"):
    """The `.keras` file of `--ckpt`: the file itself, the newest (or best) of a run folder, or a preset's as one file.

    Raises:
        CheckpointError: the path does not exist, holds another format, or the folder has no such checkpoint.
    """
    path = pathlib.Path(ckpt)
    if path.is_file():
        return path
    if not path.is_dir():
        other = other_formats.describe(path)
        other = other or "There is no checkpoint at that path; give a .keras file or a run folder."
        raise CheckpointError(f"{other} Received: ckpt={ckpt}")
    if preset_files.is_preset(path):
        return preset_files.packed(path)
    run = Run(path)
    candidates = run.candidates(which)
    found = next(filter(run.is_whole, candidates), None)
    if found is not None:
        _warn_of_broken(candidates[: candidates.index(found)], found, which)
        return found
    if candidates:
        raise CheckpointError(
            f"None of this run's checkpoints is whole: {', '.join(p.name for p in candidates)} "
            "(cut short or damaged); restore one from a copy, or choose another run folder. "
            f"Received: ckpt={ckpt}"
        )
    if which == "best" and run.newest():
        raise CheckpointError(
            "No checkpoint of this run was measured, so none is the best: run python -m "
            f"tfgan_kit.evaluate --ckpt {ckpt} first, or use --which newest. Received: ckpt={ckpt}"
        )
    other = other_formats.describe(path) or other_formats.describe(run.checkpoints_dir)
    other = other or "This folder has no checkpoints/step-*.keras; is it a run folder?"
    raise CheckpointError(f"{other} Received: ckpt={ckpt}")


def _warn_of_broken(broken, found, which):
    if broken:
        warnings.warn(
            f"{', '.join(map(str, broken))}: not whole (cut short or damaged), left where it is. "
            f"The {which} whole checkpoint is used instead: {found}",
            stacklevel=3,
        )


def load_model(ckpt, which="newest"):
    """Any Keras model from a `.keras` file, or from a run folder.

    In a run folder a damaged checkpoint is skipped, with a warning that names it and the one that is
    used instead; a file that is given itself is never replaced by another.

    Raises:
        CheckpointError: a missing, truncated or unreadable file, or classes that are not registered with Keras.
    """
    path = resolve(ckpt, which)
    if path == pathlib.Path(ckpt):  # otherwise `resolve` has checked it
        keras_file.check(path)
    return keras_file.load(path)


def load_gan(ckpt, which="newest"):
    """The `GAN` of a `.keras` file or run folder, ready to generate or to train on.

    Args:
        ckpt: path of a `.keras` file, of a run folder, or of a preset's folder (`GAN.save_to_preset`).
        which: "newest" or "best", for a run folder.

    Raises:
        CheckpointError: as in `load_model`, or a model that is not a `GAN`.
    """
    model = load_model(ckpt, which)
    if not isinstance(model, GAN):
        raise CheckpointError(
            "This file holds a Keras model that is not a tfgan_kit GAN; only "
            f"python -m tfgan_kit.export takes those. Received: {type(model).__name__} in {ckpt}"
        )
    return model


def load_generative_model(ckpt, which="newest"):
    """The generative model of `ckpt`: a `GAN`, or the `GenerativeModel` of another Keras generator.

    Raises:
        CheckpointError: as in `load_model`.
        ValueError: a model that does not generate images in [-1, 1]; `GenerativeModel.of` takes other ranges.
    """
    model = load_model(ckpt, which)
    return model if isinstance(model, GAN) else GenerativeModel.of(model)
