"""Parses the URLs of TensorFlow Serving's REST API into model, version and method.

Parts of a URL are only compared with names, never used as file paths.

Reference: `http_rest_api_util.cc` of tensorflow/serving; the two patterns are equivalent to its own.
"""

import dataclasses
import re
from urllib.parse import unquote_to_bytes

from tfgan_kit.serving.protocol.errors import invalid

from tensorflow_serving.apis import model_pb2

_MODEL = r"/v1/models/(?P<name>[^/:]+)"
_WHICH = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_POST = re.compile(rf"{_MODEL}{_WHICH}:(?P<method>classify|regress|predict)", re.I | re.A)
_GET = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{_WHICH}(?:/(?P<method>metadata))?", re.I | re.A)
_PATTERNS = {"POST": _POST, "GET": _GET}
_INT64_MAX = 2**63 - 1


class VersionTooLargeError(ValueError):
    """The version in a path is no int64, for which TensorFlow Serving answers 400 without a body."""


@dataclasses.dataclass(frozen=True)
class Target:
    """A model by its decoded name, and the method: "predict", "classify", "regress", "metadata" or "status"."""

    name: str
    method: str
    version: int | None = None
    label: str | None = None

    def fill(self, spec: model_pb2.ModelSpec) -> None:
        """Writes the model's name, and its version or label, into a request's `model_spec`."""
        spec.name = self.name
        if self.version is not None:
            spec.version.value = self.version
        if self.label is not None:
            spec.version_label = self.label


def parse(verb: str, path: str) -> Target:
    """Reads a request's first line.

    Args:
        verb: "GET", "POST", ...; any other is refused.
        path: unchanged, with `%`-escapes and query string: as in TensorFlow Serving a query string is part of the
            name before it.

    Raises:
        RequestError: INVALID_ARGUMENT.
        VersionTooLargeError: the version is no int64.
    """
    found = _PATTERNS[verb].fullmatch(path) if verb in _PATTERNS else None
    if found is None:
        raise invalid(f"Malformed request: {verb} {path}")
    if not found["name"]:
        raise invalid("Missing model name in request.")
    method = (found["method"] or "status").lower()
    return Target(_decoded(found["name"]), method, _version(found["version"]), _decoded(found["label"]))


def model_of(verb: str, path: str) -> str:
    """The model name of a request, or "" if it has none."""
    found = _PATTERNS[verb].fullmatch(path) if verb in _PATTERNS else None
    return _decoded(found["name"]) or "" if found else ""


def _version(digits: str | None) -> int | None:
    if digits is None:
        return None
    significant = digits.lstrip("0") or "0"
    # Length first: Python raises another error for thousands of digits
    if len(significant) > 19 or int(significant) > _INT64_MAX:
        raise VersionTooLargeError(digits[:32])
    return int(significant)


def _decoded(text: str | None) -> str | None:
    return None if text is None else unquote_to_bytes(text).decode("utf-8", "replace")
