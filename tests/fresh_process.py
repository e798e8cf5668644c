"""A new process of Python, for what holds at an import alone; importing TensorFlow takes it seconds."""

import os
import pathlib
import subprocess
import sys

from tfgan_kit import processor

import pytest

CONVOLUTION = """
import tensorflow as tf
tf.function(tf.nn.conv2d)(tf.ones((4, 8, 8, 8)), tf.ones((3, 3, 8, 8)), 1, "SAME")
"""


def run(code, **environment):
    """A new process that runs `code`, and logs oneDNN's kernels; its output and its messages."""
    inherited = {key: value for key, value in os.environ.items() if key != processor.ONEDNN}
    inherited |= {"ONEDNN_VERBOSE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"} | environment
    root = pathlib.Path(__file__).parent.parent
    return subprocess.run(
        [sys.executable, "-c", code], env=inherited, capture_output=True, text=True, check=True, cwd=root
    )


@pytest.fixture(scope="session")
def fresh_import():
    """A process that imports the package, prints a line of its modules and the names Keras knows, and convolves."""
    told = "print('known:', *sys.modules, *sys.modules['keras'].saving.get_custom_objects())"
    return run(f"import tfgan_kit, sys; {told}\n{CONVOLUTION}")
