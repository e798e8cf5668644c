"""A real gRPC server that answers as one says, for what a well server does not do."""

import contextlib
import socket
import threading
import time
from concurrent import futures

from tfgan_kit.serving import BatchingParameters, ModelServer

import grpc

from tests.serving import toy
from tfgan_kit_client import wire
from tfgan_kit_client.channel import PREDICT


class Scripted(grpc.GenericRpcHandler):
    """Predict fails with the given (code, text)s in turn, then answers; metadata always answers.

    Args:
        failures: (code, text)s.
        seconds: how long each Predict takes.
    """

    def __init__(self, *failures, seconds=0.0):
        self.failures, self.times, self._lock = list(failures), [], threading.Lock()
        self.seconds = seconds

    def service(self, details):
        answer = self._predict if details.method == PREDICT else self._metadata
        return grpc.unary_unary_rpc_method_handler(answer)

    def _predict(self, body, context):
        with self._lock:
            self.times.append(time.monotonic())
            failure = self.failures.pop(0) if self.failures else None
        time.sleep(self.seconds)
        if failure:
            context.abort(*failure)
        request = wire.PredictRequest.FromString(body)
        response = wire.PredictResponse()
        response.model_spec.version.value = 1
        seeds = _int64s(request.inputs["seed"].tensor_content)
        tensor = response.outputs["images"]
        tensor.dtype = 4
        for size in (len(seeds), toy.SIZE, toy.SIZE, 1):
            tensor.tensor_shape.dim.add(size=size)
        tensor.tensor_content = toy.expected(seeds).tobytes()
        return response.SerializeToString()

    def _metadata(self, body, context):
        return metadata().SerializeToString()


def _int64s(content):
    return [int.from_bytes(content[k : k + 8], "little", signed=True) for k in range(0, len(content), 8)]


def metadata(version=1, seed=9):
    """The response of a server that makes images of seeds, which it takes as the dtype of that number."""
    signatures = wire.SignatureDefMap()
    default = signatures.signature_def["serving_default"]
    default.inputs["seed"].dtype = seed
    default.inputs["seed"].tensor_shape.dim.add(size=-1)
    default.outputs["images"].dtype = 4
    response = wire.GetModelMetadataResponse()
    response.model_spec.version.value = version
    response.metadata["signature_def"].value = signatures.SerializeToString()
    return response


@contextlib.contextmanager
def conditional_toy(folder):
    """A real server of the conditional toy, which merges up to 32 images, for a `with` block."""
    toy.save(folder / "1")
    batching = BatchingParameters(max_batch_size=32)
    with ModelServer(folder, "toy", port=0, batching=batching, grpc_max_threads=64) as running:
        yield running


@contextlib.contextmanager
def serving(handler, port=0, credentials=None, threads=8):
    """Yields the port that the handler is served at, with TLS where credentials are given."""
    server = grpc.server(futures.ThreadPoolExecutor(threads), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((handler,))
    if credentials is None:
        port = server.add_insecure_port(f"127.0.0.1:{port}")
    else:
        port = server.add_secure_port(f"127.0.0.1:{port}", credentials)
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def credentials(ca, name, asks_for_client=False):
    """TLS of a server with a certificate of `trustme`'s authority; of its clients, too, if it asks."""
    issued = ca.issue_cert(name)
    pair = (issued.private_key_pem.bytes(), b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    return grpc.ssl_server_credentials([pair], ca.cert_pem.bytes() if asks_for_client else None, asks_for_client)


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
