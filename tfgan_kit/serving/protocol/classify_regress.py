"""Classify, Regress and MultiInference: requests of tf.Examples, with the checks of TensorFlow Serving.

Reference: tensorflow/serving `servables/tensorflow/{classifier,regressor,multi_inference}.cc`.
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
        result, outputs = response.results.add(), _run(model, name, request.input)
        if task.method_name == _CLASSIFY:
            _write_classes(*outputs, result.classification_result)
        else:
            _write_numbers(*outputs, result.regression_result)
        _fill_spec(result.model_spec, task.model_spec.name, name, model)
    return response


def _answer(response, model, request, method: str):
    name = request.model_spec.signature_name or _DEFAULT
    _check_signature(model, name, method, "No signature was found with the name: {}")
    _fill_spec(response.model_spec, request.model_spec.name, name, model)
    write = _write_classes if method == _CLASSIFY else _write_numbers
    write(*_run(model, name, request.input), response.result)
    return response


def _fill_spec(spec, model_name: str, signature: str, model) -> None:
    spec.name, spec.signature_name, spec.version.value = model_name, signature, model.version


def _check_tasks(model, tasks) -> list[str]:
    names = []
    for task in tasks:
        if not task.model_spec.name:
            raise invalid("Found ModelSpec with an empty model name.")
        if task.model_spec.name != tasks[0].model_spec.name:
            raise invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
        name = task.model_spec.signature_name or _DEFAULT
        if name in names:
            raise invalid(f"Duplicate evaluation of signature: {name}")
        if task.method_name not in (_CLASSIFY, _REGRESS) and name in model.signature_defs:
            raise RequestError(grpc.StatusCode.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}")
        _check_signature(model, name, task.method_name, "Requested signature not found in model graph: {}")
        names.append(name)
    return names


def _check_signature(model, name: str, method: str, unknown: str) -> None:
    if name not in model.signature_defs:
        raise invalid(unknown.format(name))
    inputs, outputs = model.signature_defs[name].inputs, model.signature_defs[name].outputs
    kind = "classification" if method == _CLASSIFY else "regression"
    if len(inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if method == _CLASSIFY and len(outputs) not in (1, 2):
        raise invalid(f"Expected one or two output Tensors, found {len(outputs)}")
    if method == _REGRESS and len(outputs) != 1:
        raise invalid("Expected one output Tensor.")
    if _INPUTS not in inputs:
        raise invalid(f"No {kind} inputs found in SignatureDef {name}: it takes {', '.join(inputs)}")
    wanted = {_CLASSES, _SCORES} if method == _CLASSIFY else {_OUTPUTS}
    if not wanted & set(outputs):
        raise invalid(f"No {kind} outputs found in SignatureDef {name}: it gives {', '.join(sorted(outputs))}")


def _run(model, name: str, given) -> tuple[int, dict]:
    rows = _serialized(given)
    if not rows:
        raise invalid("Input is empty.")
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=rows)
    tensor.tensor_shape.dim.add(size=len(rows))
    return len(rows), model.signature(name).run({_INPUTS: tensor})


def _serialized(given) -> list[bytes]:
    # Protobuf merges messages whose bytes are concatenated: the context comes first, so that an
    # example's own feature of the same name takes precedence.
    if given.WhichOneof("kind") == "example_list_with_context":
        listed = given.example_list_with_context
        context = listed.context.SerializeToString()
        return [context + example.SerializeToString() for example in listed.examples]
    return [example.SerializeToString() for example in given.example_list.examples]


def _write_classes(rows: int, outputs: dict, result) -> None:
    classes, scores = outputs.get(_CLASSES), outputs.get(_SCORES)
    _check_matrix(classes, rows, _CLASSES, object)
    _check_matrix(scores, rows, _SCORES, "float32")
    if classes is not None and scores is not None and classes.shape != scores.shape:
        raise invalid(f"Tensors class and score should match in shape. Got {classes.shape} vs. {scores.shape}")
    columns = (scores if classes is None else classes).shape[1]
    for row in range(rows):
        one = result.classifications.add()
        for column in range(columns):
            label = None if classes is None else classes[row, column]
            score = None if scores is None else scores[row, column]
            one.classes.add(label=label, score=score)


def _check_matrix(values, rows: int, alias: str, dtype) -> None:
    if values is None:
        return
    if values.ndim != 2:
        raise invalid(f"Expected Tensor shape: [batch_size num_classes] but got {_shape(values)}")
    if values.dtype != dtype:
        raise invalid(f"Expected {alias} Tensor of {_type(dtype)}. Got: {_type(values.dtype)}")
    if len(values) != rows:
        raise invalid(f"Expected {alias} output batch size of {rows}. Got: {len(values)}")


def _write_numbers(rows: int, outputs: dict, result) -> None:
    values = outputs[_OUTPUTS]
    if values.ndim != 1 and values.shape[1:] != (1,):
        shape = _shape(values)
        raise invalid(f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {shape}")
    if len(values) != rows:
        raise invalid(f"Input batch size did not match output batch size: {rows} vs. {len(values)}")
    if values.dtype != "float32":
        raise invalid(f"Expected output Tensor of DT_FLOAT. Got: {_type(values.dtype)}")
    for value in values.ravel():
        result.regressions.add(value=value)


def _shape(values) -> str:
    return f"[{','.join(map(str, values.shape))}]"  # the format of the runtime


def _type(dtype) -> str:
    return types_pb2.DataType.Name(tf.dtypes.as_dtype(dtype).as_datatype_enum)
