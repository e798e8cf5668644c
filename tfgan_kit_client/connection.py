"""A client's calls to one model, with errors in plain words."""

import threading
from typing import NamedTuple

import grpc
import numpy as np

from tfgan_kit_client import contract, tensors, wire
from tfgan_kit_client.channel import TLS, Methods, open_channel
from tfgan_kit_client.errors import ServingError, in_plain_words
from tfgan_kit_client.pipeline import BatchSize, in_order

_CLOSE_SECONDS = 2.0


class Batch(NamedTuple):
    """Images `start` to `stop` of a request, and the version of the model that made them."""

    start: int
    stop: int
    version: int
    images: np.ndarray | list[bytes]


class Connection:
    """One model at one target; every call has a deadline.

    Args:
        target: "host:port" of gRPC.
        model_name: the name it is served under.
        timeout: seconds that one call may take, retries included.
        tls: the certificates; None: neither encrypted nor authenticated.
        version: int, a version; str, a version's label; None: the newest.
    """

    def __init__(self, target: str, model_name: str, timeout: float, tls: TLS | None, version: int | str | None):
        self.target, self.model_name = target, model_name
        self.timeout, self.version = timeout, version
        self._channel = open_channel(target, tls)
        self._methods = Methods(self._channel)

    def close(self):
        """Closes the connection; running calls end as CANCELLED."""
        # After a Ctrl-C at the wrong moment grpcio (1.85) waits forever for a call that it has lost: a
        # daemon thread does that, so that the process can end.
        closing = threading.Thread(target=self._channel.close, daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)

    def metadata(self, version: int | None = None) -> contract.Metadata:
        """The `Metadata` of a version; None: the connection's."""
        request = wire.GetModelMetadataRequest(metadata_field=["signature_def"])
        response = self._answer(self._methods.get_metadata, request, self.timeout, version)
        try:
            return contract.read_metadata(response)
        except ValueError as error:
            raise self._broken(error) from error

    def available(self, timeout: float) -> int:
        """The newest version that is AVAILABLE. Raises ServingError UNAVAILABLE if none is."""
        request = wire.GetModelStatusRequest()
        response = self._answer(self._methods.get_status, request, min(timeout, self.timeout))
        available = [one.version for one in response.model_version_status if one.state == wire.AVAILABLE]
        if available:
            return max(available)
        states = [
            f"{one.version} {wire.STATES.get(one.state)} {one.status.error_message}".strip()
            for one in response.model_version_status
        ]
        raise ServingError(grpc.StatusCode.UNAVAILABLE, f"no version is AVAILABLE: {states}")

    def ask(self, request, signature, output, rows: range, size: BatchSize, version=None):
        """Yields the `Batch`es of some rows of an ImageRequest, in order.

        Args:
            request: the `ImageRequest`.
            signature: the `Signature` to call.
            output: `images` or `png_bytes`.
            rows: range, the images of the request.
            size: rows per call.
            version: int; None: the connection's.

        Raises:
            ServingError: a call failed; or an answer is not what the contract says, of another version than was
                asked, or of images of another size than the one before it.
        """
        before = None

        def send(start, stop):
            inputs = request.rows(start, stop, signature.inputs)
            message = tensors.predict_request(signature, inputs)
            return self._future(self._methods.predict, message, self.timeout, version)

        try:
            for start, stop, response in in_order(send, rows.start, rows.stop, size):
                batch = Batch(start, stop, response.model_spec.version.value, self._read(response, output))
                if len(batch.images) != stop - start:
                    raise self._broken(f"{len(batch.images)} images for {stop - start}")
                if version not in (None, batch.version):
                    raise self._broken(f"version {batch.version} where {version} was asked")
                self.check_alike(output, [batch, before or batch])
                yield batch
                before = batch
        except grpc.RpcError as error:
            raise self._in_plain_words(error) from error

    def check_alike(self, output, batches):
        """Raises ServingError if batches of one version hold images of different sizes."""
        shapes = {}
        for batch in batches if output == contract.IMAGES else ():
            shape = shapes.setdefault(batch.version, batch.images.shape[1:])
            if batch.images.shape[1:] != shape:
                raise self._broken(f"images of shape {shape} and of {batch.images.shape[1:]}")

    def _answer(self, method, request, timeout, version=None):
        try:
            return self._future(method, request, timeout, version).result()
        except grpc.RpcError as error:
            raise self._in_plain_words(error) from error

    def _future(self, method, request, timeout, version):
        request.model_spec.name = self.model_name
        version = self.version if version is None else version
        if isinstance(version, str):
            request.model_spec.version_label = version
        elif version is not None:
            request.model_spec.version.value = version
        try:
            return method.future(request, timeout=timeout)
        except ValueError as error:  # raised by gRPC for a closed channel
            raise ValueError(f"this client is closed: make another one. Received: target={self.target}") from error

    def _in_plain_words(self, error):
        return in_plain_words(error, self.target, self.model_name, self.timeout)

    def _read(self, response, output):
        if output not in response.outputs:
            raise self._broken(f"no {output}, but {', '.join(sorted(response.outputs)) or 'nothing'}")
        read = tensors.to_images if output == contract.IMAGES else tensors.to_strings
        try:
            return read(response.outputs[output])
        except ValueError as error:
            raise self._broken(error) from error

    def _broken(self, what):
        """The error for an answer that does not follow the contract."""
        text = f"{self.target} returned {what}: it is no server of an exported generator, or it is broken"
        return ServingError(grpc.StatusCode.INTERNAL, text)
