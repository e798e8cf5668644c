"""Where a version comes from and what was measured of it: the file in it that vouches for all others."""

import hashlib
import json
import pathlib

from tfgan_kit import plain_json
from tfgan_kit.export import signatures as names

_SEAL = "lineage_sha256"  # of all the rest


def write_lineage(version, value):
    """Writes a version's lineage, with a checksum of its own.

    Args:
        version: path of the version.
        value: JSON object.
    """
    value = json.loads(plain_json.dumps(value))  # as it will be read: tuples are lists, keys are text
    _path(version).write_text(json.dumps(value | {_SEAL: _sha256(value)}, indent=2) + "\n")


def read_lineage(version):
    """The lineage and certificate of a published version's folder, a dict."""
    return json.loads(_path(version).read_text())


def check_lineage(version):
    """Reads a version's lineage, and verifies that nothing in it was changed.

    Args:
        version: path of the version.

    Returns:
        The lineage, a dict.

    Raises:
        ValueError: none that can be read; it was changed; another tfgan_kit made it.
    """
    path = _path(version)
    try:
        lineage = read_lineage(version)
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{version} has no lineage that can be read ({error}); only what python -m "
            f"tfgan_kit.export wrote can be checked. Received: {path}"
        ) from error
    if not isinstance(lineage, dict) or _SEAL not in lineage:
        raise ValueError(
            "The lineage has no checksum of its own: an older tfgan_kit made this version, or its file "
            f"was damaged; copy the version again, or export again. Received: {path}"
        )
    seal = lineage.pop(_SEAL)
    if seal != _sha256(lineage):
        raise ValueError(
            "The lineage is not what the export wrote, so nothing can be checked by it; copy the version "
            f"again, or export again. Received: {path} of sha256 {_sha256(lineage)[:12]} instead of {seal!s:.12}"
        )
    if lineage["contract_version"] != names.CONTRACT_VERSION:
        raise ValueError(
            "Another tfgan_kit made this version; check it by that one. Received: contract version "
            f"{lineage['contract_version']}; this one has {names.CONTRACT_VERSION}"
        )
    return lineage


def _sha256(lineage):
    return hashlib.sha256(json.dumps(lineage, sort_keys=True).encode()).hexdigest()


def _path(version):
    return pathlib.Path(version) / names.EXTRA_ASSETS / names.LINEAGE_FILE
