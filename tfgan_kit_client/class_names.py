"""The names of a model's classes. A server tells none: TensorFlow Serving's metadata holds signatures only."""

import json
import os
import pathlib

import numpy as np

from tfgan_kit_client.files import read_bytes

_MOST_BYTES = 2**24
_MOST_LISTED = 50


def read_class_names(source) -> list[str]:
    """The names of the classes, by id.

    Args:
        source: a list of names; or the path of a run's `config.json`, of an export's
            `assets.extra/tfgan_kit.json`, or of a text file with a name on each line.

    Raises:
        ValueError: a file without names, a name that is empty or there twice.
        OSError: a file that cannot be read.

    Example:
        >>> read_class_names(["cat", "dog"])
        ['cat', 'dog']
    """
    is_path = isinstance(source, str | os.PathLike)
    names = _of_file(pathlib.Path(source)) if is_path else source
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError(
            "class_names is a list of names, or the path of a run's config.json, an export's assets.extra/"
            "tfgan_kit.json, or a text file with a name on each line. "
            f"Received: class_names={source!r:.200}" + (", which holds no names" if is_path else "")
        )
    if len(set(names)) < len(names):
        twice = next(name for k, name in enumerate(names) if name in names[:k])
        raise ValueError(f"class_names are all different. Received: {twice!r} twice")
    return list(names)


def _of_file(path):
    try:
        text = read_bytes(path, _MOST_BYTES).decode()
        if path.suffix != ".json":
            return [line.strip() for line in text.splitlines()]
        content = json.loads(text)
        content = content.get("lineage", content)  # of an export
        return content["dataset"]["class_names"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # no text, or JSON of something else
        return None


def parse_labels(texts, names, otherwise="") -> list[int]:
    """The class ids of the words of `--labels`.

    Args:
        texts: ids, or names of classes; a name that is a number is a name.
        names: the names, by id; empty where they are not known.
        otherwise: str, for the message where they are not known.

    Raises:
        ValueError: neither an integer nor one of the names.

    Example:
        >>> parse_labels(["dog", "0"], ["cat", "dog"])
        [1, 0]
    """
    ids = {name: k for k, name in enumerate(names)}
    try:
        return [ids[text] if text in ids else int(text) for text in texts]
    except ValueError:
        known = f", or names among {_listed(names)}" if names else otherwise
        raise ValueError(
            f"--labels are class ids separated by commas{known}. Received: labels={','.join(texts)}"
        ) from None


def ids_of(labels, names):
    """Labels whose names are replaced by their class ids; labels without names are returned as they are.

    Args:
        labels: list, tuple or array of ids and names; or None.
        names: the names, by id; None where they are not known.

    Raises:
        ValueError: a name that is not one of them.

    Example:
        >>> ids_of(["dog", 0], ["cat", "dog"])
        [1, 0]
    """
    is_text = isinstance(labels, str) or isinstance(labels, np.ndarray) and labels.dtype.kind in "OU"
    given = np.ravel(labels).tolist() if is_text else labels
    if not isinstance(given, list | tuple) or not any(isinstance(label, str) for label in given):
        return labels
    ids = {name: k for k, name in enumerate(names or ())}
    strange = [label for label in given if isinstance(label, str) and label not in ids]
    if strange or isinstance(labels, str):
        known = f"names among {_listed(names)}" if names else "names if the client was given class_names"
        raise ValueError(f"labels are a list of class ids, or {known}. Received: labels={labels!r:.80}")
    return [ids[label] if isinstance(label, str) else label for label in given]


def _listed(names):
    listed = ", ".join(names[:_MOST_LISTED])
    return listed if len(names) <= _MOST_LISTED else f"{listed}, ... ({len(names)} in all)"
