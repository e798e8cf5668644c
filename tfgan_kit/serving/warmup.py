"""Replays a version's recorded requests: its first caller does not pay for the first run."""

import logging
import pathlib

import grpc
import tensorflow as tf
from google.protobuf import message
from tensorflow_serving.apis import prediction_log_pb2

from tfgan_kit.export import signatures
from tfgan_kit.serving.calls import RequestError
from tfgan_kit.serving.predict import predict

_LOGGER = logging.getLogger(__name__)
_MAX_RECORDS = 1000  # TensorFlow Serving refuses a version with more


def warm_up(model) -> int:
    """Answers every record of the version's warmup file; none is only a log line.

    Args:
        model: `SavedModel`.

    Returns:
        The number of records answered.

    Raises:
        RequestError, tf.errors.OpError: a record that cannot be read or answered; the version
            must not be served.
    """
    path = model.path / signatures.EXTRA_ASSETS / signatures.WARMUP_FILE
    if not path.is_file():
        _LOGGER.info("No warmup data file found at %s", path)
        return 0
    count = 0
    for count, record in enumerate(_records(path), start=1):
        if count > _MAX_RECORDS:
            raise RequestError(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"Number of warmup records exceeds the maximum ({_MAX_RECORDS}) at {path}",
            )
        predict(model, _request(record, path), as_content=True)
    _LOGGER.info(
        "Finished reading warmup data for model at %s. Number of warmup records read: %d.",
        path,
        count,
    )
    return count


def _records(path: pathlib.Path):
    try:
        yield from tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    except tf.errors.DataLossError as error:
        text = f"{error.message}. Please verify your warmup data is in TFRecord format."
        raise RequestError(grpc.StatusCode.DATA_LOSS, text) from error


def _request(record: bytes, path: pathlib.Path):
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except message.DecodeError as error:
        raise RequestError(
            grpc.StatusCode.INVALID_ARGUMENT, f"Failed to parse warmup record from {path}"
        ) from error
    if log.WhichOneof("log_type") != "predict_log":
        raise RequestError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"Unsupported log_type for warmup: {log.WhichOneof('log_type')}; write predict_log",
        )
    return log.predict_log.request
