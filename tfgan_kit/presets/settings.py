"""Settings by name, as a command line gives them: `generator_learning_rate=1e-4`, `penalties.r1.gamma=2`."""

import dataclasses
import json

from tfgan_kit.presets.preset import Preset
from tfgan_kit.training.schedules import is_schedule

import keras

_OBJECTS = ("networks", "penalties", "update", "augment")
_KNOWN = tuple(field.name for field in dataclasses.fields(Preset) if field.name not in _OBJECTS)
_PLAYERS = ("generator", "discriminator")
_RANGES = {
    **dict.fromkeys(("generator_learning_rate", "discriminator_learning_rate"), (0.0, 1e3)),
    **dict.fromkeys(("beta_1", "beta_2", "ema_decay"), (0.0, 1.0 - 1e-12)),
    "epsilon": (0.0, 1.0),
    "last_learning_rate": (0.0, 1.0),
    **dict.fromkeys(("batch_size", "steps", "image_size"), (1, 2**31)),
}


def with_settings(preset, settings):
    """A preset with some of its values replaced.

    Args:
        preset: `Preset`.
        settings: texts "NAME=VALUE". A name is an attribute of `Preset`; "penalties.NAME.ARGUMENT", NAME as in the
            logs; "update.ARGUMENT"; "augment", a name or null, and "augment.ARGUMENT"; or "generator.ARGUMENT" and
            "discriminator.ARGUMENT" of networks with a configuration. An argument of a schedule follows its name:
            "beta_2.end", "penalties.r1.gamma.start". A value is JSON, or a text without quotes.

    Raises:
        ValueError: an unknown name, with those that are known, or a value of the wrong type or out of range.

    Example:
        >>> preset = with_settings(gk.presets.get("dcgan_mnist"), ["beta_2=0.9", "penalties.r1.gamma=2"])
        >>> preset.beta_2, preset.penalties[0].gamma
        (0.9, 2)
    """
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"A setting is NAME=VALUE, such as generator_learning_rate=1e-4. Received: {text!r}")
        first, *rest = name.strip().split(".")
        value = _parsed(value)
        if first in _KNOWN and not rest:
            preset = dataclasses.replace(preset, **{first: _checked(name, value, getattr(preset, first))})
        elif first in _KNOWN and is_schedule(getattr(preset, first)):
            preset = dataclasses.replace(preset, **{first: _changed(getattr(preset, first), name, rest, value)})
        elif first == "penalties" and len(rest) >= 2:
            preset = dataclasses.replace(preset, penalties=_with_argument(preset.penalties, name, rest, value))
        elif first == "augment" and not rest:
            preset = dataclasses.replace(preset, augment=_checked(name, value, "" if value is not None else None))
        elif first in ("update", "augment") and getattr(preset, first) is not None and rest:
            preset = dataclasses.replace(preset, **{first: _changed(getattr(preset, first), name, rest, value)})
        elif first in _PLAYERS and len(rest) == 1:
            preset = dataclasses.replace(preset, networks=_with_network(preset.networks, name, first, rest[0], value))
        else:
            arguments = (f"{part}.ARGUMENT" for part in _PLAYERS)
            raise ValueError(
                _unknown(name, [*_KNOWN, *_of_penalties(preset), "augment", *_of_augment(preset), *arguments])
            )
    return preset


def _parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()


def _checked(name, value, before):
    """A value of the type of the one that it replaces, in its range."""
    kind = type(before) if before is not None else {"image_size": int, "dataset": str}.get(name, type(value))
    kind = float if is_schedule(before) else kind
    if kind is float and type(value) is int:
        value = float(value)
    low, high = _RANGES.get(name, (None, None))
    if type(value) is not kind or (low is not None and not low <= value <= high):
        allowed = kind.__name__ + (f" from {low:g} to {high:g}" if low is not None else "")
        raise ValueError(f"{name} must be of type {allowed}. Received: {name}={value!r}")
    return value


def _changed(part, name, path, value):
    """A part with one argument of its configuration, or of a schedule there, replaced."""
    argument, *rest = path
    config = part.get_config()
    if is_schedule(part):
        config = {known: config[known] for known in config if known != "batch_size"}  # the preset's
    inner = keras.saving.deserialize_keras_object(config[argument]) if rest and argument in config else None
    if argument not in config or (rest and not is_schedule(inner)):
        before = name.split(".")[: -len(path)]
        raise ValueError(_unknown(name, [".".join([*before, known]) for known in config]))
    if rest:
        value = keras.saving.serialize_keras_object(_changed(inner, name, rest, value))
    try:
        return type(part).from_config(part.get_config() | {argument: value})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} does not take this value: {error} Received: {name}={value!r}") from error


def _with_argument(penalties, name, path, value):
    of, *argument = path
    if of not in [penalty.name for penalty in penalties]:
        raise ValueError(_unknown(name, [f"penalties.{penalty.name}" for penalty in penalties]))
    return tuple(_changed(penalty, name, argument, value) if penalty.name == of else penalty for penalty in penalties)


def _with_network(networks, name, player, argument, value):
    place = _PLAYERS.index(player)

    def changed(image_shape, num_classes):
        made = list(networks(image_shape, num_classes))
        made[place] = _changed(made[place], name, [argument], value)
        return tuple(made)

    return changed


def _of_penalties(preset):
    return [f"penalties.{penalty.name}.{known}" for penalty in preset.penalties for known in penalty.get_config()]


def _of_augment(preset):
    return [f"augment.{known}" for known in preset.augment.get_config()] if preset.augment else []


def _unknown(name, known):
    return f"There is no such setting; known are {', '.join(known) or 'none of this kind'}. Received: {name}"
