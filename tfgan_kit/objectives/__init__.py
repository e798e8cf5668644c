"""Adversarial objectives, one paper a file; `get` is the only look-up by string."""

import functools
import re

from tfgan_kit.objectives.f_gan import DIVERGENCES, FGAN, NonSaturatingFGAN
from tfgan_kit.objectives.hinge import Hinge
from tfgan_kit.objectives.least_squares import LeastSquares
from tfgan_kit.objectives.minimax import Minimax, NonSaturating
from tfgan_kit.objectives.objective import Objective
from tfgan_kit.objectives.per_player import PerPlayer
from tfgan_kit.objectives.relativistic_average import RelativisticAverage
from tfgan_kit.objectives.relativistic_pairing import RelativisticPairing
from tfgan_kit.objectives.wasserstein import Wasserstein

# One row an objective. `get` knows a class of the first tuple by its name in snake case.
_WITHOUT_ARGUMENTS = (
    NonSaturating,
    Minimax,
    LeastSquares,
    Hinge,
    Wasserstein,
    RelativisticPairing,
    RelativisticAverage,
)
_WITH_ARGUMENTS = (FGAN, NonSaturatingFGAN, PerPlayer)

OBJECTIVES = {
    **{re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower(): cls for cls in _WITHOUT_ARGUMENTS},
    **{f"fgan_{name}": functools.partial(FGAN, name) for name in DIVERGENCES},
}


def get(objective):
    """An `Objective` from its name or from itself.

    Raises:
        ValueError: a name that is not in `OBJECTIVES`.
        TypeError: neither a name nor an `Objective`.

    Example:
        >>> get("least_squares").get_config()
        {}
    """
    if isinstance(objective, Objective):
        return objective
    if not isinstance(objective, str):
        raise TypeError(
            "An objective is a name or an instance of a subclass of "
            f"tfgan_kit.objectives.Objective. Received: objective={objective!r}"
        )
    if objective not in OBJECTIVES:
        raise ValueError(f"Unknown objective; known are {', '.join(OBJECTIVES)}. Received: objective={objective!r}")
    return OBJECTIVES[objective]()


__all__ = sorted(
    ["DIVERGENCES", "OBJECTIVES", "Objective", "get", *(cls.__name__ for cls in _WITHOUT_ARGUMENTS + _WITH_ARGUMENTS)]
)
