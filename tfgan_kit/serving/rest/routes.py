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
_ORIGIN = re.compile(r"https?://[^/?#]*", re.I)
_ESCAPE = re.compile(r"%(2[de]|3[0-9a]|[46][1-9a-f]|[57][0-9a]|5f|7e)", re.I)  # letters, digits, - . _ ~ and the colon
_INT64_MAX = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class Target:
    """A model by its decoded name, and the method: "predict", "classify", "regress", "metadata" or "status"."""

    name: str
    method: str
    version: int | None = None
    label: str | None = None

    def filled(self, request):
        """The request, with the model's name, and its version or label, in its `model_spec`."""
        spec: model_pb2.ModelSpec = request.model_spec
        spec.name = self.name
        if self.version is not None:
            spec.version.value = self.version
        if self.label is not None:
            spec.version_label = self.label
        return request


def path_of(target: str) -> str:
    """The path, with any query string, of a request's first line; an absolute URI loses its scheme and host."""
    origin = _ORIGIN.match(target)
    return target[origin.end() :] or "/" if origin else target


def parse(verb: str, path: str) -> Target:
    """Reads the path of a request.

    Args:
        verb: "GET", "POST", ...; any other is refused.
        path: as sent, with `%`-escapes and query string: as in TensorFlow Serving a query string is part of the name
            before it. Escapes of letters, digits and the colon are understood anywhere, other escapes in names.

    Raises:
        RequestError: INVALID_ARGUMENT, with an empty text for a version that is no int64.
    """
    pattern = _PATTERNS.get(verb)
    found = pattern and (pattern.fullmatch(path) or pattern.fullmatch(_ESCAPE.sub(_character, path)))
    if not found:
        raise invalid(f"Malformed request: {verb} {path}")
    if not found["name"]:
        raise invalid("Missing model name in request.")
    method = (found["method"] or "status").lower()
    return Target(_decoded(found["name"]), method, _version(found["version"]), _decoded(found["label"]))


def _character(escape: re.Match) -> str:
    return chr(int(escape[1], 16))


def _version(digits: str | None) -> int | None:
    if digits is None:
        return None
    significant = digits.lstrip("0") or "0"
    # Length first: Python raises another error for thousands of digits
    if len(significant) > 19 or int(significant) > _INT64_MAX:
        raise invalid("")
    return int(significant)


def _decoded(text: str | None) -> str | None:
    return None if text is None else unquote_to_bytes(text).decode("utf-8", "replace")
