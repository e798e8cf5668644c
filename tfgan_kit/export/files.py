"""The files of a version: their checksums, and how many bytes they may take."""

import hashlib
import pathlib

from tfgan_kit.export import signatures as names

# `model.export` of Keras writes every weight twice; an export should not, nor freeze them in the graph.
MOST_TIMES_THE_WEIGHTS = 1.1
BYTES_BESIDE_THE_WEIGHTS = 1_000_000
MANIFEST = f"{names.EXTRA_ASSETS}/{names.LINEAGE_FILE}"  # holds the checksums, so not its own


def checksums(version):
    """What a version's folder holds, apart from the lineage: a dict path -> {"bytes", "sha256"}."""
    version = pathlib.Path(version)
    files = {path.relative_to(version).as_posix(): path for path in sorted(version.rglob("*")) if path.is_file()}
    return {
        name: {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        for name, path in files.items() if name != MANIFEST
    }


def check_files(version, recorded):
    """Compares a version's files with those that its lineage names.

    Args:
        version: path of the version.
        recorded: what `checksums` gave when it was exported.

    Raises:
        ValueError: a file that is missing, was changed, or was added; a link.
    """
    version = pathlib.Path(version)
    _check_no_links(version)
    there = checksums(version)
    for name, file in recorded.items():
        if name not in there:
            raise ValueError(
                f"{version} has lost a file; copy the version again, or export again. Missing: {name}"
            )
        if there[name] != file:
            raise ValueError(
                f"{version} does not hold what was exported; copy the version again, or export "
                f"again. Received: {name} of {there[name]['bytes']} bytes, sha256 "
                f"{there[name]['sha256'][:12]}, instead of {file['bytes']} bytes, {file['sha256'][:12]}"
            )
    if added := sorted(there.keys() - recorded.keys()):
        raise ValueError(
            f"{version} holds files that the export did not write, and that may change how it is "
            f"served; remove them. Received: {', '.join(added)}"
        )


def _check_no_links(version):
    """What a link points to can change, or go, after it was checked."""
    links = [path for path in sorted(version.rglob("*")) if path.is_symlink() or not (path.is_file() or path.is_dir())]
    if links:
        path = links[0]
        to = f" -> {path.readlink()}" if path.is_symlink() else ""
        raise ValueError(
            f"{version} holds a link, or what is no file, and the export writes files and folders only; copy "
            f"the files themselves there (cp -rL). Received: {path.relative_to(version)}{to}"
        )


def check_size(version, weights_bytes):
    """Refuses a version that takes much more than its weights.

    Args:
        version: path of the version.
        weights_bytes: int, bytes of the variables that it needs.

    Raises:
        ValueError: more than 1.1 times these bytes and 1 MB.
    """
    size = sum(path.stat().st_size for path in pathlib.Path(version).rglob("*") if path.is_file())
    most = int(MOST_TIMES_THE_WEIGHTS * weights_bytes) + BYTES_BESIDE_THE_WEIGHTS
    if size > most:
        raise ValueError(
            "The export takes much more than its weights, so the graph holds a large constant: keep "
            "arrays in weights (add_weight), not in Python objects that the model's call reads. "
            f"Received: {size} bytes for {weights_bytes} bytes of weights; at most {most} are allowed"
        )


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
