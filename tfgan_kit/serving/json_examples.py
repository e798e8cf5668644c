"""The body of a `:classify` or `:regress` -> tf.Examples.

Reference: TensorFlow Serving's `g3doc/api_rest.md`; texts are `json_tensor.cc`'s.
"""

from tfgan_kit.serving.json_excerpt import excerpt, type_name
from tfgan_kit.serving.json_requests import parse
from tfgan_kit.serving.json_tensors import decoded, is_base64
from tfgan_kit.serving.json_text import invalid

_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}
_INT64_MAX = 2**63 - 1


def fill_examples(request, body: bytes) -> None:
    """Writes signature name, context and examples into a request whose model is named already.

    Args:
        request: `ClassificationRequest` or `RegressionRequest`.
        body: the JSON text.

    Raises:
        RequestError: INVALID_ARGUMENT, in TensorFlow Serving's words.
    """
    document = parse(body, request.model_spec)
    target = request.input.example_list
    if "context" in document:
        target = request.input.example_list_with_context
        _fill_example(target.context, document["context"])
    for example in _examples(document):
        _fill_example(target.examples.add(), example)


def _examples(document: dict) -> list:
    def wrong(text):
        return invalid(f"JSON Value: {excerpt(document)} {text}")

    if "examples" not in document:
        raise wrong("When method is classify, key 'examples' is expected and was not found")
    if not isinstance(document["examples"], list):
        raise wrong("Expecting 'examples' value to be an list/array")
    if not document["examples"]:
        raise wrong("'examples' value is an empty array")
    return document["examples"]


def _fill_example(example, value) -> None:
    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got JSON {type_name(value)}")
    for name, content in value.items():
        feature = example.features.feature[name]
        for item in content if isinstance(content, list) else [content]:
            _add(feature, name, item)


def _add(feature, name, value) -> None:
    if value is None or isinstance(value, list) or isinstance(value, dict) and not is_base64(value):
        raise invalid(
            f"Feature: {name} has element with unexpected JSON type: {type_name(value)}"
        )
    kind = _kind(value)
    already = feature.WhichOneof("kind")
    if already not in (None, kind):
        raise invalid(
            f"Unexpected element type in feature: {name} expecting type: {_KINDS[already]}"
        )
    if kind == "int64_list" and value > _INT64_MAX:
        raise invalid(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
    getattr(feature, kind).value.append(_READ[kind](value))


def _kind(value) -> str:
    if isinstance(value, int):  # bool too: 0 or 1
        return "int64_list"
    return "float_list" if isinstance(value, float) else "bytes_list"


_READ = {"int64_list": int, "float_list": float, "bytes_list": decoded}
