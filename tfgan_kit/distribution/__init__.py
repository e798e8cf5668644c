"""Several devices, one program: the strategy of a name, and what a replica knows of the others."""

from tfgan_kit.distribution.strategies import STRATEGIES, get

__all__ = ["STRATEGIES", "get"]
