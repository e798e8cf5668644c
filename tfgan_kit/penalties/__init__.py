"""Regularisers of a player's loss, one idea a file."""

from tfgan_kit.penalties.auxiliary_classifier import AuxiliaryClassifier
from tfgan_kit.penalties.consistency import BalancedConsistency, Consistency
from tfgan_kit.penalties.gradient_penalty import (
    DRAGAN,
    GradientPenalty,
    OneSidedGradientPenalty,
    ZeroCenteredGradientPenalty,
)
from tfgan_kit.penalties.lecam import LeCam, OneSidedLeCam
from tfgan_kit.penalties.mutual_information import MutualInformation
from tfgan_kit.penalties.orthogonal import OrthogonalRegularization
from tfgan_kit.penalties.path_length import PathLength
from tfgan_kit.penalties.penalty import Penalty, StepView
from tfgan_kit.penalties.reconstruction import Reconstruction
from tfgan_kit.penalties.weight_clipping import WeightClipping
from tfgan_kit.penalties.zero_centered import R1, R2

__all__ = [
    "AuxiliaryClassifier",
    "BalancedConsistency",
    "Consistency",
    "DRAGAN",
    "GradientPenalty",
    "LeCam",
    "MutualInformation",
    "OneSidedGradientPenalty",
    "OneSidedLeCam",
    "OrthogonalRegularization",
    "PathLength",
    "Penalty",
    "R1",
    "R2",
    "Reconstruction",
    "StepView",
    "WeightClipping",
    "ZeroCenteredGradientPenalty",
]
