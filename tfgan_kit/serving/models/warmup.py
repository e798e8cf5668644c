"""Replays a version's recorded requests, so that its first caller does not wait for the first run."""

import logging
import pathlib

from tfgan_kit.export import contract
from tfgan_kit.serving.protocol import classify_regress
from tfgan_kit.serving.protocol.errors import RequestError, invalid
from tfgan_kit.serving.protocol.predict import predict

import grpc
import tensorflow as tf
from google.protobuf import message
from tensorflow_serving.apis import prediction_log_pb2

_LOGGER = logging.getLogger(__name__)
_MAX_RECORDS = 1000  # the maximum of TensorFlow Serving
_ANSWERS = {
    "predict_log": lambda model, request: predict(model, request, as_content=True),
    "classify_log": classify_regress.classify,
    "regress_log": classify_regress.regress,
    "multi_inference_log": classify_regress.multi_inference,
}


def warm_up(model, iterations: int = 1) -> int:
    """Runs every record of the version's warmup file; a missing file is only logged.

    Args:
        model: `SavedModel`.
        iterations: int >= 1, runs of each record. Default 1.

    Returns:
        The number of records.

    Raises:
        RequestError, tf.errors.OpError: a record that cannot be read or answered; the version must not be served.
    """
    path = model.path / contract.EXTRA_ASSETS / contract.WARMUP_FILE
    if not path.is_file():
        _LOGGER.info("No warmup data file found at %s", path)
        return 0
    count = 0
    for count, record in enumerate(_records(path), start=1):
        if count > _MAX_RECORDS:
            raise invalid(f"Number of warmup records exceeds the maximum ({_MAX_RECORDS}) at {path}")
        answer, request = _request(record, path)
        for _ in range(iterations):
            answer(model, request)
    _LOGGER.info("Finished reading warmup data for model at %s. Number of warmup records read: %d.", path, count)
    return count


def _records(path: pathlib.Path):
    try:
        yield from tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    except tf.errors.DataLossError as error:
        text = f"{path} is no TFRecord file: {error.message}"
        raise RequestError(grpc.StatusCode.DATA_LOSS, text) from error


def _request(record: bytes, path: pathlib.Path):
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except message.DecodeError as error:
        raise invalid(f"Failed to parse warmup record from {path}") from error
    kind = log.WhichOneof("log_type")
    if kind not in _ANSWERS:
        raise RequestError(
            grpc.StatusCode.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}; write {', '.join(_ANSWERS)}"
        )
    return _ANSWERS[kind], getattr(log, kind).request
