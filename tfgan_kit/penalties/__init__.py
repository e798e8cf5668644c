"""Regularisers of a player's loss, one idea a file."""

from tfgan_kit.penalties.gradient_penalty import GradientPenalty
from tfgan_kit.penalties.penalty import Penalty, Step
from tfgan_kit.penalties.zero_centered import R1, R2

__all__ = ["R1", "R2", "GradientPenalty", "Penalty", "Step"]
