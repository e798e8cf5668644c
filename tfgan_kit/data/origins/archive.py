"""A zip or tar of images, read where it lies: nothing is unpacked, but for compressed tars, into a temporary file."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import shutil
import tarfile
import tempfile
import threading
import zipfile
import zlib

from tfgan_kit.data.origins.folder_listing import Listing, is_foreign
from tfgan_kit.data.origins.paths import printable

from tqdm import tqdm

_DECOMPRESSORS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
_DAMAGED = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, tarfile.TarError)
_DAMAGED += (lzma.LZMAError, zlib.error)


class Archive(Listing):
    """The image files of a zip or tar. If all lie in one folder, that is not part of their names.

    Args:
        path: the file.

    Raises:
        ValueError: it is neither, damaged, or encrypted; or it contains no image.
    """

    def __init__(self, path):
        status = os.stat(path)
        stated = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {os.path.realpath(path)}"
        try:
            self._members = _zip(path) if zipfile.is_zipfile(path) else _tar(path)
        except _DAMAGED as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(
                f"folder:PATH is a folder, a zip, or a tar (.gz, .bz2, .xz); this file cannot be read ({reason}). "
                f"Received: folder:{printable(path)}"
            ) from error
        self._outer = _common_folder([name for name in self._members if not is_foreign(name)])
        names = [name.removeprefix(self._outer) for name in self._members if name.startswith(self._outer)]
        super().__init__(path, [name for name in names if not is_foreign(name)])
        self.state = hashlib.sha256(os.fsencode(stated)).hexdigest()

    def size(self, name):
        return self._members[self._outer + name].size

    def open(self, name):
        return self._members[self._outer + name].open()


def _common_folder(names):
    """The folder, with a slash, in which all files lie; "" if there is none."""
    tops = {name.partition("/")[0] for name in names}
    return f"{tops.pop()}/" if len(tops) == 1 and all("/" in name for name in names) else ""


class _ZipMember:
    def __init__(self, archive, info):
        self._archive, self._info, self.size = archive, info, info.file_size

    def open(self):
        try:
            return self._archive.open(self._info)
        except _DAMAGED as error:
            raise OSError(str(error)) from error


def _zip(path):
    archive = zipfile.ZipFile(path)
    files = [info for info in archive.infolist() if not info.is_dir()]
    if any(info.flag_bits & 1 for info in files):
        raise ValueError("it is encrypted: unpack it")
    return {info.filename: _ZipMember(archive, info) for info in files}


class _TarMember:
    def __init__(self, file, lock, offset, size):
        self._file, self._lock, self._offset, self.size = file, lock, offset, size

    def open(self):
        with self._lock:
            self._file.seek(self._offset)
            content = self._file.read(self.size)
        if len(content) < self.size:
            raise OSError("the archive is cut off")
        return io.BytesIO(content)


def _tar(path):
    file = _decompressed(path)
    with tarfile.open(fileobj=file, mode="r:") as archive:
        files = [member for member in archive if member.isreg() and not member.issparse()]
    lock = threading.Lock()
    return {m.name.removeprefix("./"): _TarMember(file, lock, m.offset_data, m.size) for m in files}


def _decompressed(path):
    """An open file of the tar itself."""
    with open(path, "rb") as file:
        beginning = file.read(6)
    opens = next((opens for magic, opens in _DECOMPRESSORS.items() if beginning.startswith(magic)), None)
    if opens is None:
        return open(path, "rb")
    whole = tempfile.TemporaryFile()
    bar = {"unit": "B", "unit_scale": True, "delay": 2, "leave": False, "disable": None}
    with open(path, "rb") as compressed:
        total = os.path.getsize(path)
        with tqdm.wrapattr(compressed, "read", total=total, desc="Unpacking", **bar) as told, opens(told) as unpacked:
            shutil.copyfileobj(unpacked, whole, 2**20)
    whole.seek(0)
    return whole
