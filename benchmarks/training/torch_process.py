"""The PyTorch baseline in its own process: asked over pipes, idle between the answers.

Its OpenMP threads spin while they wait for each other. On a machine that others use too that costs
it several times its speed; there, set OMP_WAIT_POLICY=passive, which the process inherits.
"""

import contextlib
import pathlib

import numpy as np

from benchmarks.json_process import JsonProcess

_BASELINES = pathlib.Path(__file__).parents[1] / "baselines"
SCRIPT, OFFICIAL = _BASELINES / "pytorch_dcgan.py", _BASELINES / "pytorch_official.py"
LAYOUTS = {"channels first": False, "channels last": True}


class TorchProcess(JsonProcess):
    """Runs `baselines/pytorch_dcgan.py` under a Python that has torch.

    Args:
        python: path of that interpreter.

    Raises:
        FileNotFoundError: there is none at `python`.
        ChildProcessError: in any call, where the process has ended.
    """

    def __init__(self, python):
        super().__init__("The PyTorch process", [python, str(SCRIPT)])

    def seconds(self, name, steps):
        return self.ask(run=name, steps=steps)["seconds"]


@contextlib.contextmanager
def open_torch(python):
    """The process, or None where `python` does not exist."""
    if not pathlib.Path(python).exists():
        yield None
        return
    process = TorchProcess(python)
    try:
        yield process
    finally:
        process.close()


def parameters_of(path, player):
    """The parameters by official name of a player, of the `state` that `baselines/pytorch_official.py` writes."""
    with np.load(path) as state:
        return {name.partition(".")[2]: array for name, array in state.items() if name.startswith(f"{player}.")}


def best_layout(process, name, shared, autocast, size, steps=4, rounds=3):
    """Makes the step in both memory layouts, as `NAME LAYOUT`; returns the faster layout.

    Args:
        size: dict of image_size, width, batch_size.
    """
    for layout, last in LAYOUTS.items():
        process.ask(make=f"{name} {layout}", shared=shared, channels_last=last, autocast=autocast,
                    **size)  # fmt: skip
    best = {layout: min(process.seconds(f"{name} {layout}", steps) for _ in range(rounds)) for layout in LAYOUTS}
    return min(best, key=best.get)
