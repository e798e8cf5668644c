"""Classify, Regress and MultiInference: requests of tf.Examples, checked in TensorFlow Serving's words.

Reference: tensorflow/serving `servables/tensorflow/{classifier,regressor,multi_inference}.cc`.
"""

from tfgan_kit.serving.protocol.errors import RequestError

import grpc
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

_INVALID = grpc.StatusCode.INVALID_ARGUMENT
_DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
_INPUTS = tf.saved_model.CLASSIFY_INPUTS  # `inputs`, of a regression too
_CLASSES, _SCORES = tf.saved_model.CLASSIFY_OUTPUT_CLASSES, tf.saved_model.CLASSIFY_OUTPUT_SCORES
_OUTPUTS = tf.saved_model.REGRESS_OUTPUTS


def classify(model, request) -> classification_pb2.ClassificationResponse:
    """Classes and scores of a request's examples.

    Args:
        model: `SavedModel`.
        request: `ClassificationRequest`.

    Raises:
        RequestError: the signature does not classify, or there is no example.
    """
    response = classification_pb2.ClassificationResponse()
    return _fill(response, model, request, _check_classifies, _write_classes)


def regress(model, request) -> regression_pb2.RegressionResponse:
    """One number for each of a request's examples.

    Args:
        model: `SavedModel`.
        request: `RegressionRequest`.

    Raises:
        RequestError: the signature does not regress, or there is no example.
    """
    return _fill(regression_pb2.RegressionResponse(), model, request, _check_regresses, _write_numbers)


def multi_inference(model, request) -> inference_pb2.MultiInferenceResponse:
    """The results of several signatures on the same examples; nothing runs if one task is wrong.

    Args:
        model: `SavedModel`.
        request: `MultiInferenceRequest`.

    Raises:
        RequestError: a task's method or signature is not there, or there is no example.
    """
    names = _check_tasks(model, request.tasks)
    response = inference_pb2.MultiInferenceResponse()
    for name, task in zip(names, request.tasks, strict=True):
        result, outputs = response.results.add(), _run(model, name, request.input)
        if task.method_name == tf.saved_model.CLASSIFY_METHOD_NAME:
            _write_classes(outputs, result.classification_result)
        else:
            _write_numbers(outputs, result.regression_result)
        _fill_spec(result.model_spec, task.model_spec.name, name, model)
    return response


def _fill(response, model, request, check, write):
    name = check(model, request.model_spec.signature_name, "No signature was found with the name: {}")
    _fill_spec(response.model_spec, request.model_spec.name, name, model)
    write(_run(model, name, request.input), response.result)
    return response


def _check_tasks(model, tasks) -> list[str]:
    checks = {
        tf.saved_model.CLASSIFY_METHOD_NAME: _check_classifies,
        tf.saved_model.REGRESS_METHOD_NAME: _check_regresses,
    }
    names = []
    for task in tasks:
        _check_task_model(task.model_spec.name, tasks[0].model_spec.name)
        name = task.model_spec.signature_name or _DEFAULT
        if name in names:
            raise RequestError(_INVALID, f"Duplicate evaluation of signature: {name}")
        if task.method_name not in checks and name in model.signature_defs:
            raise RequestError(grpc.StatusCode.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}")
        check = checks.get(task.method_name, _check_classifies)
        names.append(check(model, name, "Requested signature not found in model graph: {}"))
    return names


def _check_task_model(name: str, first: str) -> None:
    if not name:
        raise RequestError(_INVALID, "Found ModelSpec with an empty model name.")
    if name != first:
        raise RequestError(_INVALID, "All ModelSpecs in a MultiInferenceRequest must access the same model name.")


def _check_classifies(model, name: str, unknown: str) -> str:
    name, definition = _definition(model, name, unknown)
    if len(definition.outputs) not in (1, 2):
        raise RequestError(_INVALID, f"Expected one or two output Tensors, found {len(definition.outputs)}")
    if _INPUTS not in definition.inputs:
        raise RequestError(_INVALID, f"No classification inputs found in SignatureDef: {definition}")
    if not {_CLASSES, _SCORES} & set(definition.outputs):
        raise RequestError(
            _INVALID,
            "Expected classification signature outputs to contain at least one of "
            f'"{_CLASSES}" or "{_SCORES}". Signature was: {definition}',
        )
    return name


def _check_regresses(model, name: str, unknown: str) -> str:
    name, definition = _definition(model, name, unknown)
    if len(definition.outputs) != 1:
        raise RequestError(_INVALID, "Expected one output Tensor.")
    if _INPUTS not in definition.inputs:
        raise RequestError(_INVALID, f"No regression inputs found in SignatureDef: {definition}")
    if _OUTPUTS not in definition.outputs:
        raise RequestError(_INVALID, f"No regression outputs found in SignatureDef: {definition}")
    return name


def _definition(model, name: str, unknown: str):
    name = name or _DEFAULT
    if name not in model.signature_defs:
        raise RequestError(_INVALID, unknown.format(name))
    definition = model.signature_defs[name]
    if len(definition.inputs) != 1:
        raise RequestError(_INVALID, "Expected one input Tensor.")
    return name, definition


def _run(model, name: str, given):
    rows = _serialized(given)
    if not rows:
        raise RequestError(_INVALID, "Input is empty.")
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=rows)
    tensor.tensor_shape.dim.add(size=len(rows))
    return len(rows), model.signature(name).run({_INPUTS: tensor})


def _serialized(given) -> list[bytes]:
    # Protobuf merges messages by joining their bytes: the context comes first, so that an
    # example's own feature of the same name wins.
    if given.WhichOneof("kind") == "example_list_with_context":
        listed = given.example_list_with_context
        context = listed.context.SerializeToString()
        return [context + example.SerializeToString() for example in listed.examples]
    return [example.SerializeToString() for example in given.example_list.examples]


def _write_classes(run, result) -> None:
    rows, outputs = run
    classes, scores = outputs.get(_CLASSES), outputs.get(_SCORES)
    _check_matrix(classes, rows, _CLASSES, "DT_STRING", object)
    _check_matrix(scores, rows, _SCORES, "DT_FLOAT", "float32")
    if classes is not None and scores is not None and classes.shape != scores.shape:
        raise RequestError(
            _INVALID,
            f"Tensors class and score should match in dim_size(1). Got {classes.shape[1]} vs. {scores.shape[1]}",
        )
    columns = (scores if classes is None else classes).shape[1]
    for row in range(rows):
        one = result.classifications.add()
        for column in range(columns):
            label = None if classes is None else classes[row, column]
            score = None if scores is None else scores[row, column]
            one.classes.add(label=label, score=score)


def _check_matrix(values, rows, alias, type_name, dtype) -> None:
    if values is None:
        return
    if values.ndim != 2:
        raise RequestError(_INVALID, f"Expected Tensor shape: [batch_size num_classes] but got {_shape(values)}")
    if values.dtype != dtype:
        got = tf.dtypes.as_dtype(values.dtype).as_datatype_enum
        raise RequestError(_INVALID, f"Expected {alias} Tensor of {type_name}. Got: {types_pb2.DataType.Name(got)}")
    if len(values) != rows:
        raise RequestError(_INVALID, f"Expected {alias} output batch size of {rows}. Got: {len(values)}")


def _shape(values) -> str:
    return f"[{','.join(map(str, values.shape))}]"  # as the runtime writes it


def _write_numbers(run, result) -> None:
    rows, outputs = run
    values = outputs[_OUTPUTS]
    if values.ndim != 1 and values.shape[1:] != (1,):
        raise RequestError(
            _INVALID,
            f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {_shape(values)}",
        )
    if len(values) != rows:
        raise RequestError(_INVALID, f"Input batch size did not match output batch size: {rows} vs. {len(values)}")
    if values.dtype != "float32":
        got = types_pb2.DataType.Name(tf.dtypes.as_dtype(values.dtype).as_datatype_enum)
        raise RequestError(_INVALID, f"Expected output Tensor of DT_FLOAT.  Got: {got}")
    for value in values.ravel():
        result.regressions.add(value=value)


def _fill_spec(spec, model_name: str, signature: str, model) -> None:
    spec.name, spec.signature_name, spec.version.value = model_name, signature, model.version
