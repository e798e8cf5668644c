"""Finds out before the first step what could be written into a file, but not loaded from it again."""

import json
import warnings

from tfgan_kit.training.mistakes import LikelyMistake

import keras

_HOW_TO = (
    "register its class or function with keras.saving.register_keras_serializable (in a module, which --import_module "
    "names for the commands), give a class get_config, and use a layer of your own instead of a Lambda"
)


def check(gan, refuse):
    """Makes every part of a GAN once more from its configuration, as loading its file does.

    Args:
        gan: `GAN`.
        refuse: bool; False warns only.

    Raises:
        ValueError: a part that cannot be made again, if `refuse`.
    """
    problems = [f"the {name}: {problem}" for name, part in _parts(gan).items() if (problem := _problem(part))]
    if not problems:
        return
    text = (
        f"This GAN's file could be written, but not loaded again, because of {'; '.join(problems)}. "
        f"To be able to load it, {_HOW_TO}."
    )
    if refuse:
        raise ValueError(text)
    warnings.warn(text, LikelyMistake, stacklevel=3)


def _parts(gan):
    parts = {"generator": gan.generator, "discriminator": gan.discriminator}
    if gan.compiled:
        parts |= {
            "generator's optimizer": gan.generator_optimizer,
            "discriminator's optimizer": gan.discriminator_optimizer,
            "objective": gan.objective,
            "update rule": gan.update,
        }
        parts |= {f"penalty {penalty.name}": penalty for penalty in gan.penalties}
        if gan.augment:
            parts["augmentation"] = gan.augment
    return parts


def _problem(part):
    """Why a part cannot be made again from its configuration, in Keras's words; None if it can."""
    try:
        config = json.loads(json.dumps(keras.saving.serialize_keras_object(part)))
        if _has_foreign_parts(config):
            again = keras.saving.deserialize_keras_object(config)
            if isinstance(part, keras.Model):
                _compare(part, again)
    except Exception as error:  # whatever code of the user's raises
        _, _, innermost = str(error).rpartition("Exception encountered:")  # Keras's, of nested parts
        return " ".join(innermost.split())[:300] or type(error).__name__
    return None


def _compare(network, again):
    if not again.built:
        again.build_from_config(network.get_build_config())
    shapes = [[tuple(weight.shape) for weight in model.weights] for model in (network, again)]
    if shapes[0] != shapes[1] and again.built:
        raise ValueError(f"its configuration makes another network, of {len(shapes[1])} weights for {len(shapes[0])}")


_OURS_AND_KERAS_S = ("keras", "tfgan_kit", "builtins")


def _has_foreign_parts(config):
    """Whether a configuration holds classes or functions of neither Keras nor this package."""
    if isinstance(config, list):
        return any(map(_has_foreign_parts, config))
    if not isinstance(config, dict):
        return False
    if config.get("class_name") in ("Lambda", "__lambda__", "function") or set(config) == {"value"}:
        return True
    if "module" in config and not str(config["module"]).startswith(_OURS_AND_KERAS_S):
        return True
    return any(map(_has_foreign_parts, config.values()))
