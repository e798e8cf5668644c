"""What the commands do once their flags are parsed, one a file, with everything that it needs.

The module that `python -m` runs, such as `tfgan_kit/train.py`, defines the flags and refuses what it can without
TensorFlow. To import this package imports all of `tfgan_kit`, so that every class is known to Keras before a file is
loaded.
"""

import importlib
import sys

from tfgan_kit.internals import start_up

if start_up.IS_COMMAND:  # what these packages had put off
    for _name in ("tfgan_kit", "tfgan_kit.export", "tfgan_kit.serving"):
        if _name in sys.modules:
            importlib.reload(sys.modules[_name])

from tfgan_kit.runs.non_finite import NonFiniteError  # noqa: E402
from tfgan_kit.training import half_precision  # noqa: E402

import tensorflow as tf  # noqa: E402


def run(name, *arguments):
    """Runs `main(*arguments)` of `tfgan_kit.commands.<name>`.

    Raises:
        ValueError: what a user can do something about, as errors of TensorFlow are.
    """
    try:
        importlib.import_module(f"tfgan_kit.commands.{name}").main(*arguments)
    except (NonFiniteError, tf.errors.OpError) as error:
        raise ValueError(str(error)) from error


def tell_of_precision(policy):
    """Prints the measured gain or loss of half precision on this machine; nothing in float32."""
    if told := half_precision.expectation(policy):
        print(told, flush=True)
