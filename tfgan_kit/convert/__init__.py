"""Networks with the parameters of official checkpoints: readers that execute nothing, one family a file."""

from tfgan_kit.convert.load import FAMILIES, load

__all__ = ["FAMILIES", "load"]
