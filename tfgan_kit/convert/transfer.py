"""Transfer: a network of another size, with the official parameters wherever they fit.

Fine-tuning on images of another size, with other channels or classes, begins so: every layer whose shape is the same
keeps its parameters, the others are new.
"""

import re

from tfgan_kit.convert.load import filled
from tfgan_kit.convert.state import State

# StyleGAN3 names a layer by its number, size and channels; the number is what it keeps.
_NUMBERED = re.compile(r"(?<=\bL)(\d+)_\d+_\d+")


class Fitting(State):
    """A `State` of which what does not fit is left out.

    Attributes:
        new: list of the official names whose variables keep the values they began with.
    """

    def __init__(self, arrays, unused):
        super().__init__({_numbered(name): array for name, array in arrays.items()}, unused)
        self.new = []

    def __contains__(self, name):
        return super().__contains__(_numbered(name))

    def take(self, name, shape):
        array = super().take(_numbered(name), shape)
        if array is None:
            self.new.append(name)
        return array


def transfer(family, state, network="generator", **official_arguments):
    """A Keras network with the official parameters that fit it.

    Args:
        family, state, network: as of `load`.
        **official_arguments: of the network to make, not of the one that the parameters are of.

    Returns:
        The Keras model; the official names of its layers that are new; and of those in the file that it has no use
        for: two lists.

    Raises:
        ValueError: as of `load`, but of parameters that do not fit.

    Example::

        generator, new, left = transfer("stylegan2", state, **{**arguments, "img_resolution": 512})
    """
    made, parameters = filled(family, network, official_arguments, lambda unused: Fitting(state, unused))
    return made, _layers(parameters.new), _layers(parameters.surplus)


def _numbered(name):
    return _NUMBERED.sub(r"\1", name)


def _layers(names):
    """The layers of parameters, each once."""
    return list(dict.fromkeys(name.rpartition(".")[0] if "." in name else name for name in names))
