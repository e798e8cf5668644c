"""Keras callbacks for training a GAN."""

from tfgan_kit.callbacks.evaluation import Evaluate
from tfgan_kit.callbacks.game_monitor import GameMonitor
from tfgan_kit.callbacks.non_finite_guard import NonFiniteGuard
from tfgan_kit.callbacks.run_recorder import RunRecorder
from tfgan_kit.callbacks.sample_grid import SampleGrid
from tfgan_kit.callbacks.step_tensor_board import StepTensorBoard
from tfgan_kit.callbacks.stop_on_signal import StopOnSignal

__all__ = ["Evaluate", "GameMonitor", "NonFiniteGuard", "RunRecorder", "SampleGrid", "StepTensorBoard", "StopOnSignal"]
