"""The public names: sorted, found, documented. Each test lists all offenders."""

import inspect

import tfgan_kit as gk

PACKAGES = [gk, *(found for name in gk.__all__ if inspect.ismodule(found := getattr(gk, name)))]
PUBLIC = {
    f"{package.__name__}.{name}": getattr(package, name, None) for package in PACKAGES for name in package.__all__
}
# Bases of subclasses, what these receive, and a plain record.
ABSTRACT = {
    gk.augment.Augmentation,
    gk.objectives.Objective,
    gk.penalties.Penalty,
    gk.penalties.StepView,
    gk.presets.Preset,
    gk.updates.Update,
}
DOCUMENTED = {
    name: found
    for name, found in PUBLIC.items()
    if (inspect.isclass(found) or inspect.isfunction(found)) and found not in ABSTRACT
}
# A subclass without a constructor has Keras's arguments, which Keras documents; a warning has Python's.
CONSTRUCTED = {
    name: found
    for name, found in DOCUMENTED.items()
    if inspect.isclass(found)
    and not issubclass(found, Warning)
    and not getattr(found.__init__, "__module__", "").startswith("keras.")
}


def test_public_names_are_sorted():
    assert [package.__name__ for package in PACKAGES if list(package.__all__) != sorted(package.__all__)] == []


def test_public_names_resolve():
    assert [name for name, found in PUBLIC.items() if found is None] == []


def test_public_names_have_a_docstring():
    assert [name for name, found in DOCUMENTED.items() if not (found.__doc__ or "").strip()] == []


def test_docstrings_show_an_example():
    """tests/test_examples.py runs them."""
    exempt = ("tfgan_kit.load_gan", "tfgan_kit.metrics", "tfgan_kit.presets.get")
    assert [
        name for name, found in DOCUMENTED.items() if not name.startswith(exempt) and "Example:" not in found.__doc__
    ] == []


def undocumented_arguments(cls):
    parameters = inspect.signature(cls.__init__).parameters.values()
    arguments = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD][1:]
    return [argument for argument in arguments if f"{argument}:" not in cls.__doc__.replace(",", ":")]


def test_docstrings_name_every_constructor_argument():
    assert {name: missing for name, cls in CONSTRUCTED.items() if (missing := undocumented_arguments(cls))} == {}


def test_no_constructor_takes_more_than_seven_arguments():
    """But for StyleGANs and their convolution, whose constructors take what the official classes do."""
    official = ("networks.StyleGAN", "layers.AliasFreeConv2D")
    few = {name: cls for name, cls in CONSTRUCTED.items() if not any(part in name for part in official)}
    counts = {name: len(inspect.signature(cls).parameters) for name, cls in few.items()}
    assert {name: count for name, count in counts.items() if count > 8} == {}  # 7 and **kwargs
