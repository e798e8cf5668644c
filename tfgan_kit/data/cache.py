"""The cache folder: what is costly to make and can be made again."""

import os
import pathlib
import tempfile


def cache_path(*parts):
    """A path below `$TFGAN_KIT_CACHE`, or below ~/.cache/tfgan_kit when that is not set."""
    root = os.environ.get("TFGAN_KIT_CACHE") or pathlib.Path.home() / ".cache" / "tfgan_kit"
    return pathlib.Path(root).joinpath(*parts)


def write_cache(path, content):
    """Writes bytes under a temporary name and renames, so that no reader ever sees half a file.

    A cache that cannot be written costs time, not correctness: then nothing is written.

    Returns:
        Whether it was written.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
        return True
    except OSError:
        return False
    finally:
        if temporary and os.path.exists(temporary):  # Ctrl-C, too
            os.unlink(temporary)
