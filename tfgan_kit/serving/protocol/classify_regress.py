"""Classify, Regress and MultiInference: requests of tf.Examples.

Reference: tensorflow/serving `servables/tensorflow/{classifier,regressor,multi_inference}.cc`, whose codes these are.
"""

from tfgan_kit.serving.protocol.errors import RequestError, invalid

import grpc
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

_DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
_INPUTS = tf.saved_model.CLASSIFY_INPUTS  # `inputs`, for a regression too
_CLASSES, _SCORES = tf.saved_model.CLASSIFY_OUTPUT_CLASSES, tf.saved_model.CLASSIFY_OUTPUT_SCORES
_OUTPUTS = tf.saved_model.REGRESS_OUTPUTS
_CLASSIFY, _REGRESS = tf.saved_model.CLASSIFY_METHOD_NAME, tf.saved_model.REGRESS_METHOD_NAME
_GIVES = {_CLASSIFY: (_CLASSES, _SCORES), _REGRESS: (_OUTPUTS,)}  # at least one of them, and no more outputs than that


def classify(model, request) -> classification_pb2.ClassificationResponse:
    """Classes and scores of each example of a `ClassificationRequest`, by a `SavedModel`.

    Raises:
        RequestError: the signature does not classify, or there is no example.
    """
    return _answer(classification_pb2.ClassificationResponse(), model, request, _CLASSIFY)


def regress(model, request) -> regression_pb2.RegressionResponse:
    """One number for each example of a `RegressionRequest`, by a `SavedModel`.

    Raises:
        RequestError: the signature does not regress, or there is no example.
    """
    return _answer(regression_pb2.RegressionResponse(), model, request, _REGRESS)


def multi_inference(model, request) -> inference_pb2.MultiInferenceResponse:
    """The results of several signatures on the same examples; nothing runs if one task is invalid.

    Raises:
        RequestError: a task's method or signature does not exist, or there is no example.
    """
    names = _check_tasks(model, request.tasks)
    response = inference_pb2.MultiInferenceResponse()
    for name, task in zip(names, request.tasks, strict=True):
        one = response.results.add()
        result = one.classification_result if task.method_name == _CLASSIFY else one.regression_result
        _infer(model, name, task.method_name, request.input, result)
        _fill_spec(one.model_spec, task.model_spec.name, name, model)
    return response


def _answer(response, model, request, method: str):
    name = _checked(model, request.model_spec, method)
    _fill_spec(response.model_spec, request.model_spec.name, name, model)
    _infer(model, name, method, request.input, response.result)
    return response


def _fill_spec(spec, model_name: str, signature: str, model) -> None:
    spec.name, spec.signature_name, spec.version.value = model_name, signature, model.version


def _check_tasks(model, tasks) -> list[str]:
    names = []
    for task in tasks:
        if task.model_spec.name != tasks[0].model_spec.name:
            raise invalid(f"All tasks must name one model, not {tasks[0].model_spec.name} and {task.model_spec.name}.")
        name = task.model_spec.signature_name or _DEFAULT
        if name in names:
            raise invalid(f"Two tasks name the signature {name}.")
        names.append(_checked(model, task.model_spec, task.method_name))
    return names


def _checked(model, spec, method: str) -> str:
    """The name of the signature that a `ModelSpec` asks for. Raises RequestError if it does not fit the method."""
    name = spec.signature_name or _DEFAULT
    if name not in model.signature_defs:
        raise invalid(f"There is no signature {name}.")
    if method not in _GIVES:
        raise RequestError(grpc.StatusCode.UNIMPLEMENTED, f"There is no method_name {method}.")
    takes, gives = set(model.signature_defs[name].inputs), set(model.signature_defs[name].outputs)
    if takes != {_INPUTS} or not gives.intersection(_GIVES[method]) or len(gives) > len(_GIVES[method]):
        raise invalid(
            f"For {method} a signature takes {_INPUTS} and gives {' or '.join(_GIVES[method])}; "
            f"{name} takes {', '.join(sorted(takes))} and gives {', '.join(sorted(gives))}."
        )
    return name


def _infer(model, name: str, method: str, given, result) -> None:
    rows = _serialized(given)
    if not rows:
        raise invalid("Input is empty.")
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=rows)
    tensor.tensor_shape.dim.add(size=len(rows))
    outputs = model.signature(name).run({_INPUTS: tensor})
    write = _write_classes if method == _CLASSIFY else _write_numbers
    write(len(rows), outputs, result)


def _serialized(given) -> list[bytes]:
    # Protobuf merges messages whose bytes are concatenated: the context comes first, so that an
    # example's own feature of the same name takes precedence.
    if given.WhichOneof("kind") == "example_list_with_context":
        listed = given.example_list_with_context
        context = listed.context.SerializeToString()
        return [context + example.SerializeToString() for example in listed.examples]
    return [example.SerializeToString() for example in given.example_list.examples]


def _write_classes(rows: int, outputs: dict, result) -> None:
    fields = {}
    for field, alias, dtype in (("label", _CLASSES, "object"), ("score", _SCORES, "float32")):
        if alias in outputs:
            fields[field] = values = outputs[alias]
            _check(alias, values, dtype, values.ndim == 2 and len(values) == rows, f"({rows}, classes)")
    columns = {values.shape[1] for values in fields.values()}
    if len(columns) > 1:
        raise invalid(f"Outputs {_CLASSES} and {_SCORES} differ in their number of columns: {columns}.")
    for row in range(rows):
        one = result.classifications.add()
        for column in range(*columns):
            one.classes.add(**{field: values[row, column] for field, values in fields.items()})


def _write_numbers(rows: int, outputs: dict, result) -> None:
    values = outputs[_OUTPUTS]
    _check(_OUTPUTS, values, "float32", values.shape in ((rows,), (rows, 1)), f"({rows},) or ({rows}, 1)")
    for value in values.ravel():
        result.regressions.add(value=value)


def _check(alias: str, values, dtype: str, fits: bool, shape: str) -> None:
    if values.dtype != dtype or not fits:
        raise invalid(f"Output {alias} is {values.dtype} {values.shape}, not {dtype} {shape}.")
