"""The lineage of a version and its own checksum; the checksums and total size of its files."""

import hashlib
import json
import pathlib

from tfgan_kit.export import contract as names
from tfgan_kit.files import sha256, to_json

# Keras's `model.export` writes every weight twice; our export must not, nor hold weights as constants.
MOST_TIMES_THE_WEIGHTS = 1.1
BYTES_BESIDE_THE_WEIGHTS = 1_000_000
MANIFEST = f"{names.EXTRA_ASSETS}/{names.LINEAGE_FILE}"  # holds the checksums of all other files


def checksums(version):
    """The files in a version's folder, apart from the lineage: a dict path -> {"bytes", "sha256"}."""
    version = pathlib.Path(version)
    files = {path.relative_to(version).as_posix(): path for path in sorted(version.rglob("*")) if path.is_file()}
    return {
        name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for name, path in files.items() if name != MANIFEST
    }


def check_files(version, recorded):
    """Compares a version's files with those that its lineage lists.

    Args:
        version: path of the version.
        recorded: the result of `checksums` when it was exported.

    Raises:
        ValueError: a file was lost, changed or added, or is a link.
    """
    version = pathlib.Path(version)
    _check_no_links(version)
    there = checksums(version)
    for name, file in recorded.items():
        if name not in there:
            raise ValueError(f"{version} has lost a file; copy the version again, or export again. Missing: {name}")
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
    """Raises ValueError for a link, whose target could change after the check."""
    links = [path for path in sorted(version.rglob("*")) if path.is_symlink() or not (path.is_file() or path.is_dir())]
    if links:
        path = links[0]
        to = f" -> {path.readlink()}" if path.is_symlink() else ""
        raise ValueError(
            f"{version} holds a link or special file, and an export consists of files and folders only; copy "
            f"the files themselves (cp -rL). Received: {path.relative_to(version)}{to}"
        )


def check_size(version, weights_bytes):
    """Checks that a version is not much larger than its weights.

    Args:
        version: path of the version.
        weights_bytes: int, bytes of the variables that it needs.

    Raises:
        ValueError: it is larger than 1.1 times these bytes plus 1 MB.
    """
    size = sum(path.stat().st_size for path in pathlib.Path(version).rglob("*") if path.is_file())
    most = int(MOST_TIMES_THE_WEIGHTS * weights_bytes) + BYTES_BESIDE_THE_WEIGHTS
    if size > most:
        raise ValueError(
            "The export is much larger than its weights, so the graph holds a large constant: keep "
            "arrays in weights (add_weight), not in Python objects that the model's call reads. "
            f"Received: {size} bytes for {weights_bytes} bytes of weights; at most {most} are allowed"
        )


_SEAL = "lineage_sha256"  # of all other entries


def write_lineage(version, value):
    """Writes a version's lineage, with its own checksum.

    Args:
        version: path of the version.
        value: JSON object.
    """
    value = json.loads(to_json(value))  # as it will be read: tuples are lists, keys are text
    _path(version).write_text(json.dumps(value | {_SEAL: _digest(value)}, indent=2) + "\n")


def read_lineage(version):
    """The lineage and certificate of a published version's folder, a dict."""
    return json.loads(_path(version).read_text())


def check_lineage(version):
    """Reads a version's lineage and verifies that it was not changed.

    Args:
        version: path of the version.

    Returns:
        The lineage, a dict.

    Raises:
        ValueError: the lineage cannot be read, was changed, or is of another contract version.
    """
    path = _path(version)
    try:
        lineage = read_lineage(version)
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{version} has no readable lineage ({error}); only versions written by python -m "
            f"tfgan_kit.export can be checked. Received: {path}"
        ) from error
    if not isinstance(lineage, dict) or _SEAL not in lineage:
        raise ValueError(
            "The lineage lacks its own checksum: an older tfgan_kit made this version, or its file "
            f"was damaged; copy the version again, or export again. Received: {path}"
        )
    seal = lineage.pop(_SEAL)
    if seal != _digest(lineage):
        raise ValueError(
            "The lineage is not what the export wrote, so the version cannot be checked; copy the version "
            f"again, or export again. Received: {path} of sha256 {_digest(lineage)[:12]} instead of "
            f"{seal!s:.12}"
        )
    if lineage["contract_version"] != names.CONTRACT_VERSION:
        raise ValueError(
            "Another release of tfgan_kit made this version; check it with that release. Received: contract version "
            f"{lineage['contract_version']}; this one has {names.CONTRACT_VERSION}"
        )
    return lineage


def _digest(lineage):
    return hashlib.sha256(json.dumps(lineage, sort_keys=True).encode()).hexdigest()


def _path(version):
    return pathlib.Path(version) / names.EXTRA_ASSETS / names.LINEAGE_FILE
