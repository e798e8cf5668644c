"""The game itself: its gradient field, the field's Jacobian, and its distance from equilibrium."""

from tfgan_kit.dynamics.duality_gap import DualityGap, duality_gap
from tfgan_kit.dynamics.gradient_field import GradientField
from tfgan_kit.dynamics.overfitting_gap import OverfittingGap, overfitting_gap
from tfgan_kit.dynamics.path_angle import PathAngle, path_angle
from tfgan_kit.dynamics.spectrum import eigenvalues

__all__ = [
    "DualityGap",
    "GradientField",
    "OverfittingGap",
    "PathAngle",
    "duality_gap",
    "eigenvalues",
    "overfitting_gap",
    "path_angle",
]
