"""Official parameters on their way into Keras variables: each name is taken once, and none is left over."""

from tfgan_kit.convert.layouts import AS_IS

import numpy as np

_SHOWN = 8


class State:
    """The parameters of an official network, by its names for them.

    Args:
        arrays: dict, official name -> array (anything that NumPy understands).
        unused: callable, name -> bool: buffers that hold nothing a network needs (constants, counters), which may be
            there or not.

    Raises:
        TypeError: no dict of names and arrays.
    """

    def __init__(self, arrays, unused=lambda name: False):
        if not isinstance(arrays, dict) or not all(isinstance(name, str) for name in arrays):
            raise TypeError(
                "`state` is a dict of official parameter names to arrays, such as a PyTorch state_dict. "
                f"Received: {type(arrays).__name__}"
            )
        self._arrays = {name: array for name, array in arrays.items() if not unused(name)}
        self._taken = set()
        self._missing = []
        self._misshapen = []

    def __contains__(self, name):
        return name in self._arrays

    def fill(self, variable, name, layout=AS_IS):
        """Notes that a Keras variable has the value of an official parameter, and assigns it if the shapes fit."""
        array = self.take(name, layout.official_shape(tuple(variable.shape)))
        if array is not None:
            variable.assign(layout.to_keras(array))

    def take(self, name, shape):
        """An official parameter, float32, if it has that shape; None otherwise, which `finish` reports.

        Args:
            name: str, its official name.
            shape: tuple, the official shape; an entry None is any size.
        """
        if name not in self._arrays:
            self._missing.append(name)
            return None
        self._taken.add(name)
        array = np.asarray(self._arrays[name])
        fits = len(array.shape) == len(shape) and all(s in (None, n) for s, n in zip(shape, array.shape, strict=True))
        if not fits or array.dtype.kind not in "fiu":
            self._misshapen.append(f"{name} {array.dtype} {array.shape} in the place of {shape}")
            return None
        return array.astype(np.float32)

    @property
    def surplus(self):
        """Official names that no variable has the value of."""
        return [name for name in self._arrays if name not in self._taken]

    def finish(self, title):
        """Refuses parameters that are missing, have another shape, or are left over.

        Raises:
            ValueError: it lists them.
        """
        kinds = {"missing": self._missing, "of another shape": self._misshapen, "surplus": self.surplus}
        if any(kinds.values()):
            found = "; ".join(f"{kind}: {_listed(names)}" for kind, names in kinds.items() if names)
            raise ValueError(
                f"These are not the parameters of {title} with these official arguments: give the arguments that it "
                f"was built with, and all of its parameters. Received: {found}"
            )


def _listed(names):
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
