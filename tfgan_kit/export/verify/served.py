"""Checks that a running server answers as the version on disk does."""

from typing import NamedTuple

from tfgan_kit.export.verify.certificate import MOST_MEAN_LEVELS
from tfgan_kit.export.verify.comparison import MOST_LEVELS, as_numbers, distance, most_apart
from tfgan_kit.export.warmup import replay, whole_array
from tfgan_kit.metrics.image_set import ImageSource

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfgan_kit_client import contract
from tfgan_kit_client.channel import open_channel
from tfgan_kit_client.errors import ServingError, in_plain_words

_AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE
_ROWS_ALONE = 4  # rows of each recorded request that are also sent alone


class Server:
    """One model of a server, called with TensorFlow Serving's own messages.

    Args:
        target: "host:port" of gRPC.
        model_name: the name it is served under.
        timeout: seconds that a call may take.
        tls: `tfgan_kit_client.TLS`; None: not encrypted.
    """

    def __init__(self, target, model_name, timeout=30.0, tls=None):
        self.target, self.model_name, self.timeout = target, model_name, timeout
        self._channel = open_channel(target, tls)
        self._predict = prediction_service_pb2_grpc.PredictionServiceStub(self._channel).Predict
        self._status = model_service_pb2_grpc.ModelServiceStub(self._channel).GetModelStatus

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._channel.close()

    def available(self):
        """The versions that are AVAILABLE, newest first."""
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = self.model_name
        found = self._answer(self._status, request).model_version_status
        return sorted((one.version for one in found if one.state == _AVAILABLE), reverse=True)

    def ask(self, version, signature, inputs):
        """One version's outputs, a dict name -> numpy array."""
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = self.model_name, signature
        request.model_spec.version.value = version
        for key, value in inputs.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
        outputs = self._answer(self._predict, request).outputs
        try:
            return {name: whole_array(tensor) for name, tensor in outputs.items()}
        except ValueError as error:
            raise ValueError(f"{self.target} returned what is no answer to {signature!r}: {error}") from error

    def _answer(self, method, request):
        try:
            return method(request, timeout=self.timeout)
        except grpc.RpcError as error:
            raise in_plain_words(error, self.target, self.model_name, self.timeout) from error


def check_served(checked, target, model_name=None, timeout=30.0, tls=None):
    """Compares a server's answers with a version's own, batched and row by row.

    Args:
        checked: `Checked`, the version on disk.
        target: "host:port" of gRPC.
        model_name: the name it is served under; None: the name of the model's folder.
        timeout: seconds that a call may take.
        tls: `tfgan_kit_client.TLS`, the certificates; None: not encrypted.

    Returns:
        A dict signature -> (rows compared, largest difference).

    Raises:
        ValueError: there is no server, or it serves another version or another model.

    On the command line: `python -m tfgan_kit.export --check models/digits/3 --target localhost:8500`.
    """
    name = model_name or checked.version.resolve().parent.name
    number = int(checked.version.resolve().name)
    try:
        with Server(target, name, timeout, tls) as server:
            _check_number(server, number)
            return _compare(server, number, checked)
    except ServingError as error:
        raise ValueError(str(error)) from error


def _check_number(server, number):
    available = server.available()
    if number not in available:
        served = ", ".join(map(str, available)) or "none"
        raise ValueError(
            f"{server.target} does not serve this version of {server.model_name!r}; check the folder of "
            f"one that it serves. Received: version {number}; AVAILABLE there: {served}"
        )


def _compare(server, number, checked):
    found = {}
    for name, inputs, outputs in replay(checked.version, dict(checked.loaded.signatures)):
        count = len(next(iter(inputs.values())))
        alone = np.unique(np.linspace(0, count - 1, _ROWS_ALONE).astype(int))
        rows, largest = found.get(name, (0, 0.0))
        for place in (slice(0, count), *(slice(k, k + 1) for k in alone)):
            asked = {key: value[place] for key, value in inputs.items()}
            expected = {key: value[place] for key, value in outputs.items()}
            apart = _apart(server, number, name, asked, expected, checked.lineage["precision"])
            rows, largest = rows + place.stop - place.start, max(largest, apart)
        found[name] = (int(rows), largest)
    return found


def _apart(server, number, signature, inputs, expected, precision):
    """The largest difference between the answers to one request."""
    given = server.ask(number, signature, inputs)
    if given.keys() != expected.keys():
        raise ValueError(
            f"Another model is served as {server.model_name!r} at {server.target}. Received: outputs "
            f"{', '.join(sorted(given))} of {signature!r} instead of {', '.join(sorted(expected))}"
        )
    largest = 0.0
    for output, value in expected.items():
        here, there = as_numbers(output, value), as_numbers(output, given[output])
        apart, most = distance(here, there), most_apart(here, precision)
        if not apart <= most:
            raise ValueError(
                f"{server.target} does not answer as version {number} on disk does: another model, or "
                f"another file, was loaded under that number. Received: {output!r} of {signature!r}, "
                f"{len(here)} rows, off by {apart:g}; at most {most:g} is allowed"
            )
        largest = max(largest, apart)
    return largest


COMPARED = 16  # images that are generated by both the server and the checkpoint


def images_served(client):
    """The `ImageSource` of a server's model.

    Its protocol holds neither the model's name nor its version, so that two versions can be compared.
    """
    conditional = contract.GENERATE in client.metadata().signatures

    def generate(seeds_start, count, labels):
        try:
            return client.generate(seeds=np.arange(seeds_start, seeds_start + count), labels=labels)
        except ServingError as error:
            raise ValueError(f"The server did not answer: {error}") from error

    return ImageSource(generate, conditional, {"generator": "a server's"})


class Difference(NamedTuple):
    """The difference of two batches of images, in levels of 255."""

    largest: int
    mean: float

    @property
    def alike(self):
        """True if one model may have made both: the difference is within what the certificate allows in float32."""
        return self.largest <= MOST_LEVELS["float32"]

    def warning(self):
        """What may cause the difference between a server's images and a checkpoint's, in words."""
        if self.largest <= MOST_LEVELS["bfloat16"]:
            reason = "it rounds differently, e.g. as an export in bfloat16, or serves a nearby step"
        elif self.mean <= MOST_MEAN_LEVELS:
            reason = "it serves an export in bfloat16, or another model or step: `export --check` tells"
        else:
            reason = "it serves another model, or another step"
        return (
            f"the server's images differ from the checkpoint's by up to {self.largest} levels of 255, "
            f"{self.mean:.2g} in the mean: {reason}"
        )


def difference(images, others):
    """The `Difference` of two batches of uint8 images; raises ValueError if their shapes differ."""
    if images.shape != others.shape:
        raise ValueError(
            "The server's model and the checkpoint make images of different shapes: give the checkpoint that is "
            f"served, or none. Received: {images.shape} and {others.shape}"
        )
    levels = np.abs(images.astype(int) - others.astype(int))
    return Difference(int(levels.max()), float(levels.mean()))
