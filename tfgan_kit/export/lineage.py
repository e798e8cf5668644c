"""The lineage of a version and its own checksum; the checksums and total size of its files."""

import hashlib
import json
import pathlib
import re

from tfgan_kit.export import contract as names
from tfgan_kit.export.profile import PRECISIONS
from tfgan_kit.files import read_json, sha256, to_json

# Keras's `model.export` writes every weight twice; our export must not, nor hold weights as constants.
MOST_TIMES_THE_WEIGHTS = 1.1
BYTES_BESIDE_THE_WEIGHTS = 1_000_000
MANIFEST = f"{names.EXTRA_ASSETS}/{names.LINEAGE_FILE}"  # holds the checksums of all other files
# All that an export writes. TensorFlow and servers look for more, such as `saved_model_config.pb`.
_FILES = frozenset({
    "saved_model.pb", "fingerprint.pb", "variables/variables.index", names.BATCHING_FILE,
    f"{names.EXTRA_ASSETS}/{names.WARMUP_FILE}", f"{names.EXTRA_ASSETS}/{names.ANSWERS_FILE}",
})  # fmt: skip
_WEIGHTS = re.compile(r"variables/variables\.data-\d{5}-of-\d{5}")


def checksums(version):
    """The files in a version's folder, apart from the lineage: a dict path -> {"bytes", "sha256"}."""
    return {name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for name, path in _files(version).items()}


def _files(version):
    """The files in a version's folder, apart from the lineage: a dict name -> path."""
    version = pathlib.Path(version)
    files = {path.relative_to(version).as_posix(): path for path in sorted(version.rglob("*")) if path.is_file()}
    return {name: path for name, path in files.items() if name != MANIFEST}


def check_files(version, recorded):
    """Compares a version's files with those that its lineage lists.

    Args:
        version: path of the version.
        recorded: the result of `checksums` when it was exported.

    Raises:
        ValueError: a file was lost, changed or added, or is a link.
    """
    version = pathlib.Path(version)
    check_no_links(version)
    there = _files(version)
    for name, file in recorded.items():
        if name not in there:
            raise ValueError(f"{version} has lost a file; copy the version again, or export again. Missing: {name}")
        size = there[name].stat().st_size
        found = sha256(there[name]) if size == file["bytes"] else "not computed"
        if found != file["sha256"]:
            raise ValueError(
                f"{version} does not hold what was exported; copy the version again, or export again. Received: "
                f"{name} of {size} bytes, sha256 {found[:12]}, instead of {file['bytes']} bytes, {file['sha256'][:12]}"
            )
    if added := sorted(there.keys() - recorded.keys()):
        raise ValueError(
            f"{version} holds files that the export did not write, and that may change how it is "
            f"served; remove them. Received: {', '.join(added)}"
        )


def check_listed(version, recorded):
    """Checks that a lineage lists the files of an export and no others, and that they are not large beside the weights.

    Args:
        version, recorded: as of `check_files`.

    Raises:
        ValueError: a file that no export writes, or far more bytes than those of the weights.
    """
    if strange := sorted(name for name in recorded if name not in _FILES and not _WEIGHTS.fullmatch(name)):
        raise ValueError(
            f"{version} holds files that no export writes, and that may change how it is served; export again. "
            f"Received: {', '.join(strange)}"
        )
    weights = sum(file["bytes"] for name, file in recorded.items() if _WEIGHTS.fullmatch(name))
    _check_size(sum(file["bytes"] for file in recorded.values()), weights)


def check_no_links(version):
    """Raises ValueError for a link, whose target could change after the check."""
    inside = sorted(pathlib.Path(version).rglob("*"))
    links = [path for path in inside if path.is_symlink() or not (path.is_file() or path.is_dir())]
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
    _check_size(sum(path.stat().st_size for path in _files(version).values()), weights_bytes)


def _check_size(size, weights_bytes):
    most = int(MOST_TIMES_THE_WEIGHTS * weights_bytes) + BYTES_BESIDE_THE_WEIGHTS
    if size > most:
        raise ValueError(
            "The export is much larger than its weights, so the graph holds a large constant: keep "
            "arrays in weights (add_weight), not in Python objects that the model's call reads. "
            f"Received: {size} bytes for {weights_bytes} bytes of weights; at most {most} are allowed"
        )


SEAL = "lineage_sha256"  # of all other entries


def write_lineage(version, value):
    """Writes a version's lineage, with its own checksum.

    Args:
        version: path of the version.
        value: JSON object.
    """
    value = json.loads(to_json(value))  # as it will be read: tuples are lists, keys are text
    _path(version).write_text(json.dumps(value | {SEAL: digest(value)}, indent=2) + "\n")


def read_lineage(version):
    """The lineage and certificate of a published version's folder, a dict.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    return read_json(_path(version))


def check_lineage(version):
    """Reads a version's lineage and verifies that no accident has changed it.

    Its checksum lies beside it, so that whoever writes the folder can make another: who wrote it, it cannot tell.

    Args:
        version: path of the version.

    Returns:
        The lineage, a dict.

    Raises:
        ValueError: the lineage cannot be read, was changed, is of another contract version, or lacks an entry.
    """
    path = _path(version)
    try:
        lineage = read_json(path, object)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{version} has no readable lineage ({error}); only versions written by python -m "
            f"tfgan_kit.export can be checked. Received: {path}"
        ) from error
    if not isinstance(lineage, dict) or SEAL not in lineage:
        raise ValueError(
            "The lineage lacks its own checksum: an older tfgan_kit made this version, or its file "
            f"was damaged; copy the version again, or export again. Received: {path}"
        )
    seal = lineage.pop(SEAL)
    if seal != digest(lineage):
        raise ValueError(
            "The lineage is not what the export wrote, so the version cannot be checked; copy the version "
            f"again, or export again. Received: {path} of sha256 {digest(lineage)[:12]} instead of "
            f"{seal!s:.12}"
        )
    if lineage.get("contract_version") != names.CONTRACT_VERSION:
        raise ValueError(
            "Another release of tfgan_kit made this version; check it with that release. Received: contract version "
            f"{lineage.get('contract_version')}; this one has {names.CONTRACT_VERSION}"
        )
    for name, fits in _ENTRIES.items():
        if not fits(lineage.get(name)):
            raise ValueError(
                f"The lineage is none that an export writes; export again. Received: {path} with "
                f"{name}={str(lineage.get(name))[:80]}"
            )
    return lineage


_ENTRIES = {  # what a check reads
    "signatures": lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
    "precision": lambda value: value in PRECISIONS,
    "processor": lambda value: value is None or isinstance(value, dict) and {"instruction_set", "onednn"} <= set(value),
    "files": lambda value: isinstance(value, dict) and all(map(_is_checksum, value.values())),
}


def _is_checksum(value):
    """Whether a value is {"bytes": int, "sha256": text}."""
    return isinstance(value, dict) and [type(value.get(key)) for key in ("bytes", "sha256")] == [int, str]


def digest(lineage):
    """The sha256 of a lineage without its own entry of that name."""
    return hashlib.sha256(json.dumps(lineage, sort_keys=True).encode()).hexdigest()


def _path(version):
    return pathlib.Path(version) / names.EXTRA_ASSETS / names.LINEAGE_FILE
