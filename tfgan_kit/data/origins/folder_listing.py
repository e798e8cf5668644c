"""Lists the image files of a folder and their classes."""

import hashlib
import os
import stat

from tfgan_kit.data.decode import begins_as_image
from tfgan_kit.data.origins.label_files import LABEL_FILES
from tfgan_kit.data.origins.paths import printable, what_lies_at

_SUPPORTED = tuple(
    ".jpg .jpeg .jpe .jfif .png .apng .gif .bmp .dib .webp .tif .tiff .avif .jp2 .ppm .pgm .pbm .pnm".split()
)
_UNSUPPORTED = tuple(".heic .heif .jxl .psd .svg .tga .ico".split())
_RAW = tuple(".dng .nef .cr2 .cr3 .arw .orf .rw2".split())  # they begin as a TIFF, of a preview
# What often lies beside images, and what is not whole: not opened to look for the beginning of an image.
_NO_IMAGES = tuple(
    ".txt .json .csv .xml .npy .npz .pt .db .ini .part .tmp .bak .orig .crdownload .thm _original ~".split()
)
# Made by macOS, Synology, QNAP, Windows, Linux, Python: previews, deleted files and others' files.
_FOREIGN_FOLDERS = frozenset(
    ["__macosx", "@eadir", "@__thumb", "#recycle", "$recycle.bin", "system volume information", "lost+found"]
    + ["__pycache__"]
)
_SPLITS = frozenset("train training test testing val valid validation dev eval".split())


class Listing:
    """The image files of a place, recursively, sorted by name.

    They are told by their suffix, or, if that says nothing, by their first bytes. Hidden files are left out, and the
    folders that systems put into those of their users.

    Attributes:
        root: the place's path.
        names: relative path of each image, with forward slashes.
        unsupported: relative paths of image files in unsupported formats.
        label_files: the LABEL_FILES that lie beside the images.
        state: sha256 hex digest that changes if a file is changed or copied.

    Args:
        root: path of the place.
        files: relative paths of its files.

    Raises:
        ValueError: none is an image.
    """

    def __init__(self, root, files):
        self.root = root
        self.names, self.unsupported = [], []
        self.label_files = [name for name in LABEL_FILES if name in files]
        for name in sorted(files, key=os.fsencode):
            if self._is_image(name):
                self.names.append(name)
            elif name.lower().endswith(_UNSUPPORTED + _RAW):
                self.unsupported.append(name)
        if not self.names:
            raise ValueError(
                f"There is no image here or below: it must hold {', '.join(_SUPPORTED)} "
                f"files. {self.unsupported_note()} Received: folder:{printable(root)}"
            )

    def size(self, name):
        """The bytes of a file. Raises OSError if it is no regular file."""
        raise NotImplementedError

    def open(self, name):
        """A binary file to read and seek. Raises OSError."""
        raise NotImplementedError

    def read(self, name, most):
        """The content of a file of at most `most` bytes. Raises OSError."""
        if self.size(name) > most:
            raise OSError(f"{name} is larger than {most} bytes")
        with self.open(name) as file:
            return file.read(most)

    def _is_image(self, name):
        if name.lower().endswith(_SUPPORTED):
            return True
        if name.lower().endswith(_RAW + _NO_IMAGES):
            return False
        try:
            self.size(name)  # to open a pipe takes forever
            with self.open(name) as file:
                return begins_as_image(file.read(16))
        except OSError:
            return False

    def unsupported_note(self):
        """A sentence about the image files in unsupported formats; empty if there are none."""
        if not self.unsupported:
            return ""
        kinds = sorted({os.path.splitext(name)[1].lower() for name in self.unsupported})
        return (
            f"It has {len(self.unsupported)} files of other kinds ({', '.join(kinds)}): "
            "convert them to .png to use them."
        )

    def classes(self):
        """The class of each image, the name of its first-level sub-folder; None if the images are in the folder itself.

        Raises:
            ValueError: images lie both in the folder itself and in sub-folders.
        """
        tops = [name.split("/")[0] if "/" in name else None for name in self.names]
        if None not in tops:
            return tops
        if any(tops):
            example = next(name for name in self.names if "/" not in name)
            raise ValueError(
                f"Images lie both in the folder itself ({tops.count(None)}, e.g. {printable(example)}) and in "
                f"sub-folders ({len(tops) - tops.count(None)}): move the former into a sub-folder "
                "of their own (each sub-folder is a class), or the latter out for images without "
                f"classes. Received: folder:{printable(self.root)}"
            )
        return None


def classes_note(root, names):
    """A sentence about sub-folders that may not have been meant as classes; empty for others.

    Args:
        root: the folder.
        names: the classes, in order.
    """
    example = f"folder:{printable(root)}/{printable(names[0])}"
    if len(names) == 1:
        return (
            f"All images are of one class, {printable(names[0])}, the only sub-folder with images. Pass {example} to "
            "open them without it."
        )
    if _SPLITS.issuperset(name.lower() for name in names):
        return (
            f"The classes are {', '.join(map(printable, names))}, since each first-level sub-folder is one: the parts "
            f"of a data set rather than kinds of images. Pass {example} to open one part."
        )
    return ""


class Folder(Listing):
    """The image files of a folder.

    Args:
        root: its path.

    Raises:
        ValueError: it does not exist, cannot be read, or contains no image.
    """

    def __init__(self, root):
        if not os.path.isdir(root):
            raise ValueError(
                f"Pass the path of a folder of images, or of a zip or tar of them: this is "
                f"{what_lies_at(root, 'folder')}. Received: folder:{printable(root)}"
            )
        self.root = root
        super().__init__(root, set(_walk(root)))
        self.state = _state(root, self.names)

    def path(self, name):
        """bytes, the path of a file."""
        return os.fsencode(os.path.join(self.root, name))

    def size(self, name):
        status = os.stat(self.path(name))
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is a pipe, a socket or a device")
        return status.st_size

    def open(self, name):
        return open(self.path(name), "rb", buffering=0)


def is_foreign(name):
    """Whether a file is hidden, or lies in a folder that is hidden or of a system's own."""
    *folders, _ = parts = name.split("/")
    return any(part.startswith(".") for part in parts) or not _FOREIGN_FOLDERS.isdisjoint(map(str.lower, folders))


def _walk(root):
    seen = set()
    for folder, subfolders, files in os.walk(root, followlinks=True, onerror=_refuse):
        real = os.path.realpath(folder)
        if real in seen:  # a symbolic link to a parent
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(s for s in subfolders if not s.startswith(".") and s.lower() not in _FOREIGN_FOLDERS)
        prefix = os.path.relpath(folder, root).replace(os.sep, "/") + "/"
        yield from (prefix.removeprefix("./") + file for file in files if not file.startswith("."))


def _refuse(error):
    raise ValueError(
        f"This folder cannot be read ({error.strerror}): run as a user who may, or change its "
        f"permissions with chmod -R u+rX. Received: folder:{printable(error.filename)}"
    ) from error


def _state(root, names):
    digest = hashlib.sha256()
    for name in names:
        try:
            status = os.stat(os.path.join(root, name))
            # ctime cannot be set: a change is noticed even if size and mtime are restored.
            facts = f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\0"
        except OSError:  # a dangling link: it is counted as left out
            facts = f"{name}\0missing\0"
        digest.update(os.fsencode(facts))
    return digest.hexdigest()
