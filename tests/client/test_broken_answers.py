"""What a server that breaks the contract answers is a ServingError, within the client's timeout; over real sockets."""

import itertools
import time

import grpc
import numpy as np
import pytest

from tests.client.servers import Scripted, metadata, serving
from tests.serving import toy
from tfgan_kit_client import GeneratorClient, ServingError, wire

UINT8, FLOAT, STRING = 4, 1, 7


class Broken(Scripted):
    """Answers every Predict with what `change(response, count)` makes of the right answer of `count` images."""

    def __init__(self, change, **arguments):
        super().__init__(**arguments)
        self.change = change

    def _predict(self, body, context):
        response = wire.PredictResponse.FromString(super()._predict(body, context))
        self.change(response, response.outputs["images"].tensor_shape.dim[0].size)
        return response.SerializeToString()


def answer(*sizes, content=None, values=(), dtype=UINT8):
    """A change of the images: their shape, where -1 stands for the right number, and what they hold."""

    def change(response, count):
        shape = [count if size == -1 else size for size in sizes]
        tensor = response.outputs["images"]
        tensor.Clear()
        tensor.dtype = dtype
        for size in shape:
            tensor.tensor_shape.dim.add(size=size)
        tensor.int_val.extend(values)
        if not values:
            tensor.tensor_content = bytes(int(np.prod(shape))) if content is None else content

    return change


def no_output(response, _):
    response.outputs["pictures"].CopyFrom(response.outputs["images"])
    del response.outputs["images"]


BROKEN = {
    "no images": (no_output, "no images, but pictures"),
    "nothing": (lambda response, _: response.Clear(), "no images, but nothing"),
    "floats": (answer(-1, 8, 8, 1, dtype=FLOAT), "float32 instead of uint8"),
    "strings": (answer(-1, 8, 8, 1, dtype=STRING), "string instead of uint8"),
    "an unknown dtype": (answer(-1, 8, 8, 1, dtype=99), "type 99 instead of uint8"),
    "a byte too few": (answer(-1, 8, 8, 1, content=bytes(3 * 64 - 1)), "191 values for images of shape"),
    "no bytes": (answer(-1, 8, 8, 1, content=b""), "0 values for images of shape"),
    "one value for all": (answer(-1, 8, 8, 1, values=[7]), "1 values for images of shape"),
    "beyond uint8": (answer(-1, 8, 8, 1, values=[256] * 192), "pixels from 256 to 256 instead of 0 to 255"),
    "negative": (answer(-1, 8, 8, 1, values=[0] * 191 + [-1]), "pixels from -1 to 0"),
    "flat": (answer(-1, 64), r"images of shape \(3, 64\) instead of \(N, H, W, C\)"),
    "a scalar": (answer(), r"images of shape \(\) instead"),
    "no pixels": (answer(-1, 0, 0, 1), r"images of shape \(3, 0, 0, 1\) instead"),
    "nine channels": (answer(-1, 8, 8, 9), r"images of shape \(3, 8, 8, 9\) instead"),
    "a negative size": (answer(-1, -8, -8, 1, content=bytes(192)), "instead of"),
    "sizes beyond memory": (answer(-1, 2**40, 2**40, 1, content=bytes(192)), "192 values for images of shape"),
    "an image too few": (answer(2, 8, 8, 1), "2 images for 3"),
    "an image too many": (answer(4, 8, 8, 1), "4 images for 3"),
}


@pytest.fixture(scope="module")
def broken():
    """The one server of these tests; a test sets its `change`."""
    handler = Broken(None)
    with serving(handler) as port, GeneratorClient(f"127.0.0.1:{port}", "toy", batch_size=3) as client:
        yield handler, client


@pytest.mark.parametrize("name", BROKEN)
def test_an_answer_that_breaks_the_contract_is_said(name, broken):
    handler, client = broken
    handler.change, message = BROKEN[name]
    with pytest.raises(ServingError, match=f"returned .*{message}") as caught:
        client.generate(3)
    assert caught.value.code is grpc.StatusCode.INTERNAL


def test_numbers_and_bytes_give_the_same_images(broken):
    handler, client = broken
    values = list(toy.expected(range(3)).reshape(-1).tolist())
    handler.change = answer(-1, 8, 8, 1, values=values)
    np.testing.assert_array_equal(client.generate(3), toy.expected(range(3)))
    handler.change = answer(-1, 8, 8, 1, content=bytes(values), dtype=0)
    np.testing.assert_array_equal(client.generate(3), toy.expected(range(3)))


@pytest.mark.parametrize("ask", [lambda client: client.generate(6), lambda client: list(client.stream(6))])
def test_images_of_two_sizes_are_said(ask, broken):
    handler, client = broken
    sizes = itertools.cycle([8, 9])
    handler.change = lambda response, count: answer(-1, next(sizes), 8, 1)(response, count)
    with pytest.raises(ServingError, match=r"images of shape \(., 8, 1\) and of \(., 8, 1\)"):
        ask(client)


class Describes(Scripted):
    """Its metadata are what it is given: a list of versions in turn, or a response."""

    def __init__(self, described, *failures):
        super().__init__(*failures)
        self.described = described

    def _metadata(self, body, context):
        found = self.described() if callable(self.described) else self.described
        return found.SerializeToString()


def undecodable():
    response = metadata()
    response.metadata["signature_def"].value = b"\xff\xff\xff"
    return response


@pytest.mark.parametrize(
    "described, message",
    [
        (wire.GetModelMetadataResponse(), "metadata without signature_def"),
        (undecodable, "metadata that cannot be read"),
    ],
)
def test_metadata_that_cannot_be_read_are_said(described, message):
    with serving(Describes(described)) as port, GeneratorClient(f"127.0.0.1:{port}", "toy") as client:
        with pytest.raises(ServingError, match=message):
            client.generate(1)


@pytest.mark.parametrize(
    "number, dtype", [(1, "float32"), (19, "float16"), (10, "bool"), (7, "string"), (14, "bfloat16")]
)
def test_seeds_that_a_signature_would_change_are_not_sent(number, dtype):
    with serving(Describes(metadata(seed=number))) as port, GeneratorClient(f"127.0.0.1:{port}", "toy") as client:
        with pytest.raises(ValueError, match=f"the model takes seed as {dtype}, "):
            client.generate(1, seed=1)


@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION])
def test_a_server_with_a_new_version_in_every_answer_is_given_up(code):
    versions = itertools.count(1)
    handler = Describes(lambda: metadata(next(versions)), *[(code, "no")] * 10_000)
    with serving(handler) as port, GeneratorClient(f"127.0.0.1:{port}", "toy", timeout=0.6) as client:
        start = time.monotonic()
        with pytest.raises(ServingError, match=f"{code.name}: no"):
            client.generate(1)
    assert time.monotonic() - start < 3
    assert 2 < len(handler.times) < 10


def test_a_server_with_a_lower_limit_in_every_answer_is_given_up():
    limits = [(grpc.StatusCode.INVALID_ARGUMENT, f"Task size {k + 1} is larger than maximum input batch size {k}")
              for k in range(1000, 0, -1)]  # fmt: skip
    handler = Scripted(*limits)
    with serving(handler) as port, GeneratorClient(f"127.0.0.1:{port}", "toy", batch_size=5000) as client:
        with pytest.raises(ServingError, match="larger than maximum input batch size"):
            client.generate(5000)
    assert len(handler.times) < 100


def test_an_answer_of_another_version_than_was_asked_for_is_said():
    """The images of two versions are asked for again from one; that version answers as a third."""
    versions = itertools.count(1)

    def change(response, _):
        response.model_spec.version.value = next(versions)

    with serving(Broken(change)) as port, GeneratorClient(f"127.0.0.1:{port}", "toy", batch_size=1) as client:
        with pytest.raises(ServingError, match="returned version [0-9]+ where [0-9]+ was asked"):
            client.generate(3)
