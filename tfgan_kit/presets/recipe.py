"""The recipe of a run: every value of a `Preset` and of its networks, as JSON, in the run's `config.json`."""

import dataclasses

from tfgan_kit.presets.preset import SCHEDULED, Preset

import keras

_OBJECTS = ("objective", "penalties", "update", "augment", *SCHEDULED)


def recipe(preset, image_shape, num_classes):
    """All that a preset resolves to for images of one shape: a JSON object.

    Args:
        preset: `Preset`, with the overrides of the run.
        image_shape, num_classes: as in `from_preset`.

    Returns:
        A dict of the preset's attributes, and of "generator" and "discriminator", the configurations of its networks.

    Raises:
        ValueError: a network, penalty, update rule or augmentation without a configuration.
    """
    serialize = keras.saving.serialize_keras_object
    values = {field.name: getattr(preset, field.name) for field in dataclasses.fields(preset)}
    networks = values.pop("networks")(tuple(image_shape), num_classes)
    values |= {name: serialize(values[name]) for name in _OBJECTS}
    return values | dict(zip(("generator", "discriminator"), map(serialize, networks), strict=True))


def preset_of(values):
    """The `Preset` of a `recipe`; its networks have the recipe's image shape and classes, whatever is asked for.

    Raises:
        ValueError: classes that are not registered with Keras.
    """
    values = dict(values)
    configs = values.pop("generator"), values.pop("discriminator")
    again = keras.saving.deserialize_keras_object
    for name in values.keys() & set(_OBJECTS):  # older recipes do not hold all
        values[name] = again(values[name])
    values["penalties"] = tuple(values["penalties"])
    return Preset(networks=lambda image_shape, num_classes: tuple(map(again, configs)), **values)


# A run may be continued with others of these, or they are compared by their content.
_FREE = ("steps", "dataset")


def differences(before, now):
    """Every difference of two recipes, as "name=before (now after)".

    The names that Keras gives to layers count the layers of a process, so they are compared by their order.
    """
    # What a preset could not say when the run was made was as it is by default.
    defaults = {
        field.name: field.default
        for field in dataclasses.fields(Preset)
        if field.default is not dataclasses.MISSING and field.name not in _FREE
    }
    flat = [
        _flat({name: _numbered(part) for name, part in (defaults | each).items() if name not in _FREE})
        for each in (before, now)
    ]
    names = sorted(flat[0].keys() | flat[1].keys())
    missing = object()
    return [
        f"{name}={flat[0].get(name, 'nothing')} (now {flat[1].get(name, 'nothing')})"
        for name in names
        if flat[0].get(name, missing) != flat[1].get(name, missing)
    ]


def _numbered(config):
    """A configuration in which every layer's name is its number in it."""
    numbers = {}

    def collect(part):
        if isinstance(part, dict):
            if isinstance(name := part.get("name"), str) and "class_name" not in part:
                numbers.setdefault(name, f"#{len(numbers)}")
            part = list(part.values())
        if isinstance(part, list | tuple):
            for each in part:
                collect(each)

    def renamed(part):
        if isinstance(part, dict):
            return {key: renamed(each) for key, each in part.items()}
        if isinstance(part, list | tuple):
            return [renamed(each) for each in part]
        return numbers.get(part, part) if isinstance(part, str) else part

    collect(config)
    return renamed(config)


def _flat(value, name=""):
    """Numbers, texts and None by their path: "generator.config.width"."""
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    else:
        return {name: value}
    leaves = (_flat(part, f"{name}.{key}" if name else str(key)) for key, part in parts)
    return {path: leaf for part in leaves for path, leaf in part.items()}
