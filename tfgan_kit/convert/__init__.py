"""Networks with the parameters of official checkpoints: readers that execute nothing, one family a file."""

from tfgan_kit.convert.guess import guess
from tfgan_kit.convert.load import FAMILIES, load
from tfgan_kit.convert.pytorch_file import networks, read

__all__ = ["FAMILIES", "guess", "load", "networks", "read"]
