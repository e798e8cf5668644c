"""The implementations of metrics that ours is compared with, in tests and in benchmarks.

torch-fidelity, pytorch-fid and clean-fid import torchvision, of whose data sets and networks nothing is
used here; an empty module takes its place, since there is no build of it for every build of PyTorch.
"""

import contextlib
import io
import sys
import types
import warnings


class _Empty(types.ModuleType):
    """A module in which every lower-case name is another, and every other name a class."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Empty(name) if name.islower() else type(name, (), {})


_PARTS = ("", ".transforms", ".transforms.functional", ".datasets", ".models")
_NAMES = [f"torchvision{part}" for part in _PARTS]


@contextlib.contextmanager
def _without_torchvision():
    sys.modules.update({name: _Empty(name) for name in _NAMES})
    yield
    for name in _NAMES:
        del sys.modules[name]


with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), _without_torchvision():
    warnings.simplefilter("ignore")
    import cleanfid.fid
    import cleanfid.resize
    import prdc
    import pytorch_fid.fid_score
    import torch
    import torch_fidelity.feature_extractor_inceptionv3
    import torch_fidelity.metric_fid
    import torch_fidelity.metric_isc
    import torch_fidelity.metric_kid
    import torch_fidelity.metric_prc

__all__ = ["cleanfid", "prdc", "pytorch_fid", "torch", "torch_fidelity"]
