"""Checks that a published version is still what was exported."""

import dataclasses
import pathlib

from tfgan_kit.export import contract as names
from tfgan_kit.export.graph.operations import check_operations
from tfgan_kit.export.lineage import check_files, check_lineage, check_listed, check_no_links, digest
from tfgan_kit.export.publish import version_folders
from tfgan_kit.export.verify.answers import check_answers
from tfgan_kit.export.verify.contract_checks import check_batch_rule, check_dtypes
from tfgan_kit.export.verify.program import check_program

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Checked:
    """A version that passed all checks.

    Args:
        version: its folder, a `pathlib.Path`.
        lineage: the content of its `assets.extra/tfgan_kit.json`, a dict.
        loaded: the result of `tf.saved_model.load`; `loaded.signatures` are its signatures.
        answers: dict signature -> (number of answers, how many are equal byte for byte, largest difference).
    """

    version: pathlib.Path
    lineage: dict
    loaded: object
    answers: dict

    @property
    def sha256(self):
        """Of the lineage, which holds the checksums of all files."""
        return digest(self.lineage)


def check_version(folder):
    """Verifies a published version: its files, ops, signatures, warmup requests and answers.

    It needs no checkpoint: files and answers were recorded when the version was exported. Nothing is loaded before
    all of `saved_model.pb` has been found to be a computation that touches no file. What it cannot tell is who wrote
    the version, since the record lies in the same folder; and a model that is run takes the memory and the time that
    it takes.

    Args:
        folder: path of a version, or of a model, whose newest version is then checked.

    Returns:
        `Checked`.

    Raises:
        ValueError: there is no version, or it is not what was exported.

    Example:
        >>> version = gk.export_generator(gan, "models/checked", profile=gk.export.ExportProfile(try_kernels=False))
        >>> check_version(version).lineage["model"]["latent_dim"]
        4
    """
    version = _version_of(pathlib.Path(folder))
    check_no_links(version)
    lineage = check_lineage(version)
    check_listed(version, lineage["files"])
    check_files(version, lineage["files"])
    check_program(version)
    try:
        return _run(version, lineage)
    except ValueError:
        raise
    except Exception as error:  # what was sealed again can be of any shape
        raise ValueError(f"{version} cannot be loaded; export again: {str(error)[:300]}") from error


def _run(version, lineage):
    """Loads a version whose program was checked, and compares its answers: `Checked`."""
    loaded = tf.saved_model.load(str(version))
    functions = dict(loaded.signatures)
    if set(functions) != set(lineage["signatures"]):
        raise ValueError(
            f"{version} does not have the signatures that it was exported with; export again. Received: "
            f"{', '.join(sorted(functions))} instead of {', '.join(sorted(lineage['signatures']))}"
        )
    for name, function in functions.items():
        check_operations(name, function)
        check_batch_rule(name, function)
        check_dtypes(name, function)
    answers = check_answers(version, functions, lineage["precision"])
    return Checked(version, lineage, loaded, answers)


def _version_of(folder):
    if (folder / "saved_model.pb").is_file() or (folder / names.EXTRA_ASSETS).is_dir():
        return folder
    found = version_folders(folder)
    if not found:
        raise ValueError(
            f"There is no version of a model; give models/NAME/3, or models/NAME for the newest. Received: {folder}"
        )
    return list(found.values())[-1]
