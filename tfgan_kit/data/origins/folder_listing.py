"""What image files lie in a folder, and which class each belongs to."""

import hashlib
import os
import pathlib

SUPPORTED = (".jpg", ".jpeg", ".png", ".gif", ".bmp")
_UNSUPPORTED = tuple(".webp .tif .tiff .heic .heif .avif .jp2 .jxl .psd .svg .tga .ppm".split())


class Listing:
    """The image files of a folder, recursively, sorted by name; hidden files are left out.

    Attributes:
        root: the folder.
        names: relative path of each image, with forward slashes.
        unsupported: relative paths of image files of kinds that are not read.
        state: sha256 hex digest of names, sizes and times, which changes where a file does, and where it is copied.

    Args:
        root: path of the folder.

    Raises:
        ValueError: when there is no such folder, it cannot be read, or no image is in it.
    """

    def __init__(self, root):
        self.root = pathlib.Path(root).expanduser()
        if not self.root.is_dir():
            kind = "a file, not a folder" if self.root.exists() else "no such folder"
            raise ValueError(f"Pass the path of a folder of images: this is {kind}. Received: folder:{root}")
        files = sorted(_walk(self.root))
        self.names = [name for name in files if name.lower().endswith(SUPPORTED)]
        self.unsupported = [name for name in files if name.lower().endswith(_UNSUPPORTED)]
        if not self.names:
            raise ValueError(
                f"There is no image in this folder or below: it must hold {', '.join(SUPPORTED)} "
                f"files.{self.unsupported_note()} Received: folder:{root}"
            )
        self.state = _state(self.root, self.names)

    def unsupported_note(self):
        """A sentence about the image files that are not read; empty when there are none."""
        if not self.unsupported:
            return ""
        kinds = sorted({pathlib.PurePath(name).suffix.lower() for name in self.unsupported})
        return (
            f" It has {len(self.unsupported)} files of other kinds ({', '.join(kinds)}): "
            "convert them to .png to use them."
        )

    def classes(self):
        """(class name of each image, or None when the images lie in the folder itself)."""
        tops = [name.split("/")[0] if "/" in name else None for name in self.names]
        if None not in tops:
            return tops
        if any(tops):
            example = next(name for name in self.names if "/" not in name)
            raise ValueError(
                f"Images lie both in the folder itself ({tops.count(None)}, e.g. {example}) and in "
                f"sub-folders ({len(tops) - tops.count(None)}): move the former into a sub-folder "
                "of their own (each sub-folder is a class), or the latter out for images without "
                f"classes. Received: folder:{self.root}"
            )
        return None


def _walk(root):
    seen = set()
    for folder, subfolders, files in os.walk(root, followlinks=True, onerror=_refuse):
        real = os.path.realpath(folder)
        if real in seen:  # a link back up
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(s for s in subfolders if not s.startswith((".", "__MACOSX")))
        prefix = os.path.relpath(folder, root).replace(os.sep, "/") + "/"
        yield from (prefix.removeprefix("./") + file for file in files if not file.startswith("."))


def _refuse(error):
    raise ValueError(
        f"This folder cannot be read ({error.strerror}): run as a user who may, or change its "
        f"permissions with chmod -R u+rX. Received: folder:{error.filename}"
    ) from error


def _state(root, names):
    digest = hashlib.sha256()
    for name in names:
        try:
            status = os.stat(root / name)
            # The last cannot be set: who restores a file's size and time of change is found out all the same.
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\0".encode())
        except OSError:  # a dangling link: the decoder counts it as broken
            digest.update(f"{name}\0missing\0".encode())
    return digest.hexdigest()
