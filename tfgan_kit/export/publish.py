"""Versions of a model folder: written under a name no server reads, then renamed to an integer."""

import contextlib
import os
import pathlib
import shutil
import tempfile


def versions(base):
    """The integers that name versions in a model folder, ascending."""
    base = pathlib.Path(base)
    if not base.is_dir():
        return []
    names = (path.name for path in base.iterdir() if path.is_dir())
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


@contextlib.contextmanager
def unpublished(base):
    """A folder to write a version into; gone afterwards unless `publish` has renamed it.

    TensorFlow Serving loads a half-written version and drops the good one (measured), but skips
    every name that is no integer.
    """
    if (pathlib.Path(base) / "saved_model.pb").exists():
        raise ValueError(
            "That folder is a version of a model; give the folder above it, which holds the "
            f"versions. Received: output={base}"
        )
    pathlib.Path(base).mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="writing-", dir=base))
    folder.chmod(0o755)  # a server may run as another user
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder, base):
    """Renames a finished `folder` to the next version of `base`; returns the new path."""
    base = pathlib.Path(base)
    version = max(versions(base), default=0) + 1
    while True:
        try:
            os.rename(folder, base / str(version))
        except OSError:  # another exporter took the number meanwhile
            if not (base / str(version)).exists():
                raise
            version += 1
        else:
            return base / str(version)


def tensorflow_serving_lines(base):
    """The two usual ways to start the production server on a model folder."""
    return [
        f"  tensorflow_model_server --model_name={base.name} --model_base_path={base} --port=8500 "
        "--rest_api_port=8501 --grpc_max_threads=64",
        f"  docker run --rm -p 8500:8500 -p 8501:8501 -v {base}:/models/{base.name} "
        f"-e MODEL_NAME={base.name} tensorflow/serving --grpc_max_threads=64",
    ]
