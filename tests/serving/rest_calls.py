"""A REST gateway in this process, and plain HTTP calls of it."""

import contextlib
import http.client
import json
import socket
import time

from tfgan_kit.serving import ModelServer, ServerOptions
from tfgan_kit.serving.protocol.methods import ModelMethods
from tfgan_kit.serving.rest.gateway import RestGateway

PREDICT = "/v1/models/toy:predict"


@contextlib.contextmanager
def gateway(base_path, available=None, memory=None, **options):
    """A REST gateway on that folder, as model `toy`; options without their `rest_api_`."""
    options = ServerOptions(**{f"rest_api_{name}": value for name, value in options.items()})
    with ModelServer(base_path, "toy", port=0, grpc_max_threads=64) as server:
        methods = ModelMethods(server.models, as_content=True)
        with RestGateway(methods, options, memory, available) as rest:
            yield rest


def ask(port, verb, path, body=None, headers=()) -> tuple[int, bytes, dict]:
    """Status, body and headers of one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with contextlib.closing(connection):
        connection.request(verb, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())


def predict(port, body):
    """Status and parsed body of a `:predict`, of JSON or of what JSON is made of."""
    body = json.dumps(body).encode() if isinstance(body, dict) else body
    status, answer, _ = ask(port, "POST", PREDICT, body)
    return status, json.loads(answer)


def talk(port, *parts, pause=0.0, seconds=10) -> bytes:
    """What comes back for these bytes, until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as wire:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                wire.sendall(part)
                time.sleep(pause)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while data := wire.recv(65536):
                answer += data
        return answer


def head(verb=b"POST", path=b"/v1/models/toy:predict", **headers):
    """A request's first line and headers."""
    lines = [b"%s: %s" % (k.replace("_", "-").encode(), v) for k, v in headers.items()]
    return b"\r\n".join([b"%s %s HTTP/1.1" % (verb, path), b"Host: x", *lines, b"", b""])


def code(answer: bytes) -> int:
    """The status of an answer of `talk`."""
    return int(answer.split(b" ", 2)[1])
