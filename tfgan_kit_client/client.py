"""GeneratorClient: seeds in, images out, over gRPC."""

import collections
import time

import grpc
import numpy as np

from tfgan_kit_client import contract, images, wire
from tfgan_kit_client.errors import ServingError, in_plain_words

_CHANNEL = (
    ("grpc.max_receive_message_length", -1),  # 4 MB by default: 21 images of 256x256x3
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),  # a server that has just started is found soon
)
_IN_FLIGHT = 4  # batches that are under way at one time
_POLL_SECONDS = 0.1
_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"


class GeneratorClient:
    """Asks TensorFlow Serving, or the embedded server, for a generator's images.

    It reads the model's metadata and sends what that version asks for. An image has a name, its
    seed: the same seeds give the same images in any batch. Safe to use from many threads.

    Args:
        target: "host:port" of gRPC. The connection is neither encrypted nor authenticated.
        model_name: the name it is served under.
        timeout: seconds that any one call may take.
        batch_size: images a call; more are asked for in several calls, some at one time.

    Example:

    ```python
    with GeneratorClient("localhost:8500", "digits") as client:
        images = client.generate(labels=range(10))  # uint8 (10, 28, 28, 1)
    ```
    """

    def __init__(
        self,
        target: str = "localhost:8500",
        model_name: str = "default",
        timeout: float = 10.0,
        batch_size: int = 16,
    ):
        if timeout <= 0:
            raise ValueError(f"timeout must be more than 0 seconds. Received: timeout={timeout}")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1. Received: batch_size={batch_size}")
        self.target, self.model_name = target, model_name
        self.timeout, self.batch_size = timeout, batch_size
        self._channel = grpc.insecure_channel(target, _CHANNEL)
        self._predict = self._method(_PREDICT, wire.PredictResponse)
        self._get_metadata = self._method(_METADATA, wire.GetModelMetadataResponse)
        self._get_status = self._method(_STATUS, wire.GetModelStatusResponse)
        self._metadata = None

    def _method(self, path, response):
        return self._channel.unary_unary(
            path, lambda request: request.SerializeToString(), response.FromString
        )

    def close(self):
        """Closes the connection."""
        self._channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def metadata(self) -> contract.Metadata:
        """The version that is served now, and its signatures with their inputs and outputs."""
        request = wire.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = self.model_name
        response = self._answer(self._get_metadata.future(request, timeout=self.timeout))
        self._metadata = contract.read_metadata(response)
        return self._metadata

    def generate(
        self, num_images=None, seed=0, labels=None, seeds=None, signature=None
    ) -> np.ndarray:
        """Images, uint8 (N, H, W, C), all of one version of the model.

        Args:
            num_images: int; None: as many as labels, or 16.
            seed: int32; image k is the one named `image_seeds(seed, num_images)[k]`.
            labels: one class id an image, for a conditional model; None: the model draws them.
            seeds: int64 names of the images, instead of `num_images` and `seed`.
            signature: the signature to call; None: the one that takes what is given.

        Raises:
            ValueError: before anything is sent, for arguments that do not fit the model.
            ServingError: the server did not answer, or refused.
        """
        return np.concatenate(
            self._generate(num_images, seed, labels, seeds, signature, contract.IMAGES)
        )

    def generate_png(
        self, num_images=None, seed=0, labels=None, seeds=None, signature=None
    ) -> list[bytes]:
        """The same images as PNG files, encoded by the model's `_png` signatures."""
        answers = self._generate(num_images, seed, labels, seeds, signature, contract.PNG_BYTES)
        return [png for answer in answers for png in answer]

    def wait_until_ready(self, timeout: float = 60.0) -> int:
        """Waits until a version is AVAILABLE and returns it. Raises ServingError if none is."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self._available()
            except ServingError as error:
                if error.code not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.NOT_FOUND):
                    raise
                if time.monotonic() + _POLL_SECONDS > deadline:
                    text = f"not ready after {timeout} s: {error}"
                    raise ServingError(error.code, text) from error
            time.sleep(_POLL_SECONDS)

    def _available(self) -> int:
        request = wire.GetModelStatusRequest()
        request.model_spec.name = self.model_name
        response = self._answer(self._get_status.future(request, timeout=self.timeout))
        for status in response.model_version_status:
            if status.state == wire.AVAILABLE:
                return status.version
        states = [
            f"{one.version} {wire.STATES.get(one.state)} {one.status.error_message}".strip()
            for one in response.model_version_status
        ]
        raise ServingError(grpc.StatusCode.UNAVAILABLE, f"no version is AVAILABLE: {states}")

    def _generate(self, num_images, seed, labels, seeds, signature, output):
        names = images.request_seeds(num_images, seed, seeds, labels)
        inputs = {contract.SEED: names}
        if labels is not None:
            inputs[contract.LABEL] = images.request_labels(labels, len(names))
        metadata = self._metadata or self.metadata()
        chosen = metadata.choose(signature, labels is not None, output)
        batches = [
            {name: values[start : start + self.batch_size] for name, values in inputs.items()}
            for start in range(0, len(names), self.batch_size)
        ]
        answers = self._ask(chosen.name, batches, output)
        versions = {version for version, _ in answers}
        if versions != {metadata.version}:
            self._metadata = None  # a new version is served; it may ask for something else
        if len(versions) > 1:
            answers = self._of_one_version(answers, chosen.name, batches, output)
        return [images for _, images in answers]

    def _ask(self, signature, batches, output, version=None):
        requests = (self._request(signature, batch, version) for batch in batches)
        return [
            (
                response.model_spec.version.value,
                self._read(response.outputs[output], len(batch[contract.SEED]), output),
            )
            for response, batch in zip(self._in_order(requests), batches, strict=True)
        ]

    def _of_one_version(self, answers, signature, batches, output):
        """The answers again, once the model was replaced while they were given."""
        versions = sorted({version for version, _ in answers}, reverse=True)
        for version in versions:  # the newest, or an older one that was gone back to
            late = [k for k, (answered, _) in enumerate(answers) if answered != version]
            try:
                again = self._ask(signature, [batches[k] for k in late], output, version)
            except ServingError as error:
                if error.code is not grpc.StatusCode.NOT_FOUND:
                    raise
                continue
            answers = list(answers)
            for k, answer in zip(late, again, strict=True):
                answers[k] = answer
            return answers
        raise ServingError(
            grpc.StatusCode.ABORTED,
            f"model {self.model_name!r} was replaced while it answered (versions "
            f"{', '.join(map(str, versions))}), and none of these is served any more, so the "
            "images would be of different models. Ask again",
        )

    def _request(self, signature, inputs, version=None):
        request = wire.PredictRequest()
        request.model_spec.name = self.model_name
        if version is not None:
            request.model_spec.version.value = version
        request.model_spec.signature_name = signature
        for name, values in inputs.items():
            tensor = request.inputs[name]
            tensor.dtype = contract.DTYPE_NUMBERS[values.dtype.name]
            tensor.tensor_shape.dim.add(size=len(values))
            tensor.tensor_content = values.tobytes()
        return request

    def _in_order(self, requests):
        pending = collections.deque()
        try:
            for request in requests:
                pending.append(self._predict.future(request, timeout=self.timeout))
                if len(pending) == _IN_FLIGHT:
                    yield self._answer(pending.popleft())
            while pending:
                yield self._answer(pending.popleft())
        finally:
            for call in pending:
                call.cancel()

    def _answer(self, call):
        try:
            return call.result()
        except grpc.RpcError as error:
            self._metadata = None  # what was read may no longer hold
            raise in_plain_words(error, self.target, self.model_name, self.timeout) from error

    def _read(self, tensor, number, output):
        answer = _to_images(tensor) if output == contract.IMAGES else list(tensor.string_val)
        if len(answer) != number:
            raise ServingError(
                grpc.StatusCode.INTERNAL, f"{self.target} gave {len(answer)} images for {number}"
            )
        return answer


def _to_images(tensor) -> np.ndarray:
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, np.uint8).reshape(shape)
    return np.array(tensor.int_val, np.uint8).reshape(shape)
