"""A checkpoint is data: nothing in it is executed as a program."""

from tfgan_kit.runs.checkpoints import load_model
from tfgan_kit.runs.keras_file import CheckpointError

import keras
import pytest


def test_a_function_in_a_file_is_not_executed(tmp_path):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x)])
    network.save(tmp_path / "function.keras")
    with pytest.raises(CheckpointError, match="arbitrary code"):
        load_model(tmp_path / "function.keras")
    assert keras.saving.load_model(tmp_path / "function.keras", safe_mode=False)  # the file itself is whole
