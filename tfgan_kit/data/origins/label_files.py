"""Labels in a file beside the images, as people have them: `dataset.json` of StyleGAN's tool, or `metadata.csv`."""

import csv
import io

from tfgan_kit.data.origins.paths import printable
from tfgan_kit.files import from_json

LABEL_FILES = ("dataset.json", "metadata.csv")
_NAMES, _LABELS = ("file_name", "filename", "file", "image"), ("label", "class", "class_name", "category")
_MOST_BYTES = 2**30


def stated_labels(listing):
    """The labels that a file beside the images states.

    Args:
        listing: a `Listing`.

    Returns:
        None without such a file; else (list of int or str, one an image, or None of images without labels; a note).

    Raises:
        ValueError: there are two such files, it cannot be read, or says nothing of some images.
    """
    if not listing.label_files:
        return None
    name, *others = listing.label_files
    if others:
        raise _refusal(listing, " and ".join(listing.label_files), "are two files of labels", "take one away")
    try:
        text = listing.read(name, _MOST_BYTES).decode("utf-8-sig")
        rows, note = _of_json(text) if name == "dataset.json" else _of_csv(text)
    except (OSError, ValueError, csv.Error) as error:
        raise _refusal(listing, name, f"cannot be read ({error})", "correct it, or take it away") from error
    if rows is None:
        return None, note
    missing = [image for image in listing.names if image not in rows]
    if missing:
        what = f"has no label of {len(missing)} of the {len(listing.names)} images, e.g. {printable(missing[0])}"
        raise _refusal(listing, name, what, "add them, or take the images away")
    surplus = len(rows) - len(listing.names)
    note = f"{surplus} rows of {name} name no image here." if surplus else note
    return [rows[image] for image in listing.names], note


def _refusal(listing, name, what, how):
    return ValueError(f"{name} {what}: {how}. Received: folder:{printable(listing.root)}")


def _of_json(text):
    """({name: label} or None, note) of {"labels": [[name, label], ...]}."""
    found = from_json(text)
    if not isinstance(found, dict) or "labels" not in found:
        raise ValueError('it is not {"labels": [[FILE, LABEL], ...]}')
    pairs = found["labels"]
    if pairs is None:
        return None, ""
    well_formed = isinstance(pairs, list) and all(isinstance(p, list) and len(p) == 2 for p in pairs)
    if not well_formed or not all(isinstance(name, str) and _is_label(label) for name, label in pairs):
        raise ValueError("a label is one whole number or one text for each file")
    return _unique(pairs), ""


def _is_label(value):
    return isinstance(value, int | str) and not isinstance(value, bool)


def _of_csv(text):
    """({name: label} or None, note) of a table with a row of names at its top."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    columns = reader.fieldnames or []
    name = next((column for column in _NAMES if column in columns), None)
    label = next((column for column in _LABELS if column in columns), None)
    if name is None:
        raise ValueError(f"it has no column file_name, only {', '.join(columns) or 'none'}")
    if label is None:
        return None, f"metadata.csv has no column label, only {', '.join(columns)}: the images have no labels."
    rows = [(row[name], row[label]) for row in reader]
    empty = next((number for number, row in enumerate(rows, 2) if None in row or "" in row), None)
    if empty is not None:
        raise ValueError(f"line {empty} has no name, or no label")
    if all(value.isdecimal() for _, value in rows):
        rows = [(file, int(value)) for file, value in rows]
    return _unique(rows), ""


def _unique(pairs):
    rows = {}
    for name, label in pairs:
        name = name.replace("\\", "/").removeprefix("./")
        if rows.setdefault(name, label) != label:
            raise ValueError(f"{printable(name)} has two labels, {rows[name]} and {label}")
    return rows
