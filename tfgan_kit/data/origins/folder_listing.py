"""Lists the image files of a folder and their classes."""

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
        unsupported: relative paths of image files in unsupported formats.
        state: sha256 hex digest of names, sizes and times, which changes if a file is changed or copied.

    Args:
        root: path of the folder.

    Raises:
        ValueError: the folder does not exist, cannot be read, or contains no image.
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
        """A sentence about the image files in unsupported formats; empty if there are none."""
        if not self.unsupported:
            return ""
        kinds = sorted({pathlib.PurePath(name).suffix.lower() for name in self.unsupported})
        return (
            f" It has {len(self.unsupported)} files of other kinds ({', '.join(kinds)}): "
            "convert them to .png to use them."
        )

    def classes(self):
        """The class name of each image, or None if the images are in the folder itself."""
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
        if real in seen:  # a symbolic link to a parent
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
            # ctime cannot be set: a change is noticed even if size and mtime are restored.
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\0".encode())
        except OSError:  # a dangling link: the decoder counts it as damaged
            digest.update(f"{name}\0missing\0".encode())
    return digest.hexdigest()
