"""Where shards go: a local or shared folder, or a prefix of an object store by its fsspec address."""

import contextlib
import pathlib
import tempfile

from tfgan_kit.files import drop_leftovers, flush_folder, read_bytes, whole, write_bytes

import fsspec

_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}


def open_storage(address):
    """The `Folder` or `ObjectStore` of an address.

    Args:
        address: a path, or an fsspec address such as `s3://bucket/prefix`, `gs://bucket/prefix`; `file://` is a path.

    Raises:
        ValueError: an address that nothing installed can open.

    Example:
        >>> store = open_storage("memory://shards")
        >>> store.write("a.json", b"{}")
        >>> store.names()
        {'a.json'}
    """
    scheme, separator, rest = str(address).partition("://")
    if not separator:
        return Folder(address)
    if scheme in ("file", "local"):
        return Folder(rest)
    try:
        filesystem, root = fsspec.url_to_fs(str(address))
    except ImportError as error:
        package = _PACKAGES.get(scheme)
        how = f"`pip install {package}`" if package else str(error)
        raise ValueError(f"Nothing is installed that opens {scheme}://: {how}. Received: output={address}") from error
    except Exception as error:  # each back end has its own: of an unknown scheme, of credentials
        raise ValueError(f"This address cannot be opened ({_said(error)}). Received: output={address}") from error
    return ObjectStore(str(address), filesystem, root)


class Folder:
    """A folder, in which a file is complete or does not exist: it is written under another name, then renamed.

    Args:
        address: its path; it is made by the first file that is written.
    """

    is_seen_by_one_process = False

    def __init__(self, address):
        self.address = str(address)
        self._path = pathlib.Path(address)

    def names(self):
        """The names of the files in it, a set."""
        return {path.name for path in self._path.iterdir()} if self._path.exists() else set()

    def drop_leftovers(self):
        """Removes unfinished files of processes of this machine that have ended."""
        if self._path.exists():
            drop_leftovers(self._path)

    @contextlib.contextmanager
    def whole(self, name):
        """A context with a temporary path; what is written there is the file `name` once it ends without an error."""
        self._path.mkdir(parents=True, exist_ok=True)
        with whole(self._path / name) as temporary:
            yield temporary
        flush_folder(self._path)

    def read(self, name, most):
        """A file's bytes, at most `most`."""
        return read_bytes(self._path / name, most)

    def write(self, name, content):
        """Writes a small file at once."""
        write_bytes(self._path / name, content)

    def remove(self, name):
        """Removes a file, if there is one."""
        (self._path / name).unlink(missing_ok=True)


class ObjectStore:
    """A prefix of an object store, whose objects appear whole: one PUT, or an upload in parts that is ended at once.

    So nothing is renamed there: a file is written on this machine's own disk, then sent.

    Args:
        address: as it was given, for messages.
        filesystem: the `fsspec` file system.
        root: str, the prefix, in the file system's own spelling.
    """

    def __init__(self, address, filesystem, root):
        self.address = address
        self._filesystem, self._root = filesystem, root.rstrip("/")

    @property
    def is_seen_by_one_process(self):
        """Whether other processes would not find what this one writes: of fsspec's `memory://`."""
        return self._filesystem.protocol in ("memory", ("memory",))

    def names(self):
        """The names of the objects below the prefix, a set."""
        with self._errors():
            self._filesystem.invalidate_cache()
            try:
                found = self._filesystem.ls(self._root, detail=False)
            except FileNotFoundError:  # an empty prefix, too
                return set()
            return {path.rsplit("/", 1)[-1] for path in found}

    def drop_leftovers(self):
        """Nothing: a store holds no unfinished objects."""

    @contextlib.contextmanager
    def whole(self, name):
        """A context with a temporary path; what is written there is the object `name` once it ends without an error."""
        with tempfile.TemporaryDirectory() as folder:
            temporary = pathlib.Path(folder, name)
            yield temporary
            with self._errors(name):
                self._filesystem.put_file(str(temporary), self._path(name))

    def read(self, name, most):
        """An object's bytes; one of more than `most` is refused."""
        with self._errors(name):
            content = self._filesystem.cat_file(self._path(name), start=0, end=most + 1)
        if len(content) > most:
            raise ValueError(f"{self.address}/{name} is larger than {most} bytes")
        return content

    def write(self, name, content):
        """Writes a small object at once."""
        with self._errors(name):
            self._filesystem.pipe_file(self._path(name), content)

    def remove(self, name):
        """Removes an object, if there is one."""
        with self._errors(name), contextlib.suppress(FileNotFoundError):
            self._filesystem.rm_file(self._path(name))

    def _path(self, name):
        return f"{self._root}/{name}"

    @contextlib.contextmanager
    def _errors(self, name=""):
        """A context in which the errors of all back ends, which share no class, are one sentence."""
        try:
            yield
        except Exception as error:
            raise OSError(
                f"The store did not do as it was asked ({_said(error)}): check that the bucket exists and that these "
                f"credentials may list, read and write it. Received: {self.address}" + (name and f", {name}")
            ) from error


def _said(error):
    """The first line of what an error says, with its class."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
