"""Several devices, one program: strategies by name, and communication between replicas."""

from tfgan_kit.distribution.strategies import STRATEGIES, get

__all__ = ["STRATEGIES", "get"]
