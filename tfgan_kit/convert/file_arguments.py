"""The official arguments of a network in a StyleGAN's file, as the file and the shapes of its parameters say them."""

from tfgan_kit.convert.guess import guess
from tfgan_kit.convert.load import FAMILIES, arguments_of

STYLEGANS = ("stylegan2", "stylegan3")
_NO_NUMBERS = ("fused_modconv_default",)  # how it is computed, not what
# What is no argument of the official class where it has its default, which differs between the authors' repositories.
_ATTRIBUTES = {
    "generator": {
        "synthesis.b4.conv1.conv_clamp": ("synthesis_kwargs", "conv_clamp"),
        "mapping.w_avg_beta": ("mapping_kwargs", "w_avg_beta"),
    },
    "discriminator": {"b4.conv.conv_clamp": (None, "conv_clamp")},
}
# The official arguments of what a transfer changes.
RESOLUTION, CHANNELS, CLASSES = "img_resolution", "img_channels", "c_dim"


def guess_with_arguments(official, family=None):
    """The family, network and arguments of a network in a file.

    Args:
        official: `checkpoint.Official`.
        family: as of `guess`.

    Returns:
        A `Guess`; what the file says of the arguments comes before what the shapes say.

    Raises:
        ValueError: no known family; it names the class, where the file does.
    """
    try:
        found = guess(official.state, family)
    except ValueError as error:
        if official.class_name is None:
            raise
        known = ", ".join(FAMILIES if family is None else [family])
        raise ValueError(
            f"This is a network of the class {official.class_name} with other parameters than those of {known}. "
            f"Received: {', '.join(list(official.state)[:5]) or 'no names'}, ..."
        ) from error
    if found.family not in STYLEGANS:
        return found
    said = _said(found, official)
    if isinstance(found.arguments.get(RESOLUTION), list):  # of a base that is not square an official argument says one
        said.pop(RESOLUTION, None)
    return found._replace(arguments=merged(found.arguments, said))


def _said(found, official):
    """The arguments in the file, under the names that `load` knows."""
    given = {name: value for name, value in official.arguments.items() if name not in _NO_NUMBERS}
    if found.family == "stylegan2":
        known = arguments_of(*found[:2])
        if found.network == "generator":  # StyleGAN3's repository gives those of the synthesis alongside
            nested = {name: given.pop(name) for name in list(given) if name not in known}
            given["synthesis_kwargs"] = {**(given.get("synthesis_kwargs") or {}), **nested}
        for attribute, (group, name) in _ATTRIBUTES[found.network].items():
            if attribute in official.attributes:
                inner = given if group is None else given.setdefault(group, {})
                inner.setdefault(name, official.attributes[attribute])
    return given


def merged(arguments, others):
    """Official arguments of which `others` has some, also some of a nested group.

    Example:
        >>> merged({"c_dim": 0, "mapping_kwargs": {"num_layers": 8}}, {"mapping_kwargs": {"num_layers": 2}})
        {'c_dim': 0, 'mapping_kwargs': {'num_layers': 2}}
    """
    result = dict(arguments)
    for name, value in others.items():
        nested = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = {**result[name], **value} if nested else value
    return result
