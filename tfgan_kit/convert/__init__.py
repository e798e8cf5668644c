"""Networks with the parameters of official checkpoints: readers that execute nothing, one family a file."""

from tfgan_kit.convert.checkpoint import networks, read
from tfgan_kit.convert.guess import guess
from tfgan_kit.convert.load import FAMILIES, load

__all__ = ["FAMILIES", "guess", "load", "networks", "read"]
