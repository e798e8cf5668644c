"""What requests may occupy: bytes over gRPC, packed or not, and rows that run at the same time."""

import contextlib
import gzip
import pathlib
import socket
import subprocess
import sys
import threading
import time

from tfgan_kit.serving import ServerOptions
from tfgan_kit.serving.protocol.errors import RequestError
from tfgan_kit.serving.protocol.memory import RequestMemory, Turns

import grpc
import numpy as np
import psutil
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from tests.serving import messages, rest_calls, toy

EXHAUSTED, INVALID = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT
PREDICT = "/tensorflow.serving.PredictionService/Predict"
PACKINGS = [grpc.Compression.Gzip, grpc.Compression.Deflate]
MIB = 2**20


def large(size) -> predict_pb2.PredictRequest:
    """A request of about `size` bytes, nearly all of them the signature's name."""
    request = messages.predict(5)
    request.model_spec.signature_name = "s" * size
    return request


def answer(server, request, compression=grpc.Compression.NoCompression):
    """(code, text) of a Predict."""
    with grpc.insecure_channel(f"localhost:{server.port}") as channel:
        call = channel.unary_unary(PREDICT, request_serializer=predict_pb2.PredictRequest.SerializeToString)
        try:
            call(request, compression=compression, timeout=20)
        except grpc.RpcError as error:
            return error.code(), error.details()
    return grpc.StatusCode.OK, ""


@pytest.fixture
def small(serve):
    """A server of messages of at most 2 MiB, and of 3 MiB in work."""
    options = ServerOptions(grpc_max_message_bytes=2 * MIB, max_request_bytes_in_work=3 * MIB)
    return serve(options=options)


@pytest.mark.parametrize("compression", [*PACKINGS, grpc.Compression.NoCompression])
def test_a_message_is_bounded_unpacked(small, compression):
    code, text = answer(small, large(2 * MIB + 1), compression)
    assert code is EXHAUSTED and "larger than max" in text
    code, text = answer(small, large(2 * MIB - 1000), compression)
    assert code is grpc.StatusCode.FAILED_PRECONDITION  # it was read: there is no signature of that name
    assert small._memory.held_bytes == 0


@pytest.mark.parametrize("compression", [*PACKINGS, grpc.Compression.NoCompression])
def test_what_all_messages_hold_together_is_bounded_and_a_small_one_is_answered(small, compression):
    with small._memory.request() as add:  # as a body over REST would
        add(2 * MIB)
        code, text = answer(small, large(2 * MIB - 1000), compression)
        assert code is EXHAUSTED and "hold more than 3145728 bytes" in text
        assert answer(small, messages.predict(5), compression)[0] is grpc.StatusCode.OK
    assert answer(small, large(2 * MIB - 1000), compression)[0] is grpc.StatusCode.FAILED_PRECONDITION


def test_the_first_64_kib_of_a_request_are_free_and_the_rest_is_given_back():
    memory = RequestMemory(1000)
    with memory.request() as first, memory.request() as second:
        first(2**16)
        assert memory.held_bytes == 0
        first(600)
        second(2**15)
        second(2**15 + 400)
        assert memory.held_bytes == 1000
        with pytest.raises(RequestError) as caught:
            second(1)
        assert caught.value.code is EXHAUSTED and memory.held_bytes == 1000
    assert memory.held_bytes == 0


def test_without_batching_the_rows_of_a_request_are_bounded(serve):
    server = serve(options=ServerOptions(max_request_rows=100))
    for rows in (100, 101, 100_000):
        request = messages.predict(5)
        request.inputs["seed"].CopyFrom(tf.make_tensor_proto(np.arange(rows)))
        code, text = answer(server, request)
        assert code is (grpc.StatusCode.OK if rows == 100 else INVALID)
        assert rows == 100 or f"{rows} rows, more than 100" in text and "--max_request_rows" in text


def test_what_there_is_no_room_for_waits_until_others_have_run():
    rows, order, inside = Turns(10), [], threading.Event()

    def wait():
        inside.set()
        with rows.hold(5):
            order.append("second")

    with rows.hold(7):
        other = threading.Thread(target=wait)
        other.start()
        inside.wait()
        with rows.hold(3):  # for which there is room
            other.join(0.1)
            order.append("first")
    other.join()
    assert order == ["first", "second"]
    with rows.hold(10):
        pass  # all were given back


def test_a_caller_that_has_gone_does_not_wait_for_its_turn():
    rows = Turns(10)
    with rows.hold(10), pytest.raises(RequestError, match="The caller has gone") as caught, rows.hold(1, lambda: True):
        pass
    assert caught.value.code is grpc.StatusCode.CANCELLED


@pytest.fixture
def process(base_path):
    """(psutil's process, ports of gRPC and REST) of a server with the default bounds."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = one.getsockname()[1], other.getsockname()[1]
    flags = ("--model_name=toy", f"--model_base_path={base_path}", "--grpc_max_threads=64")
    flags += (f"--port={ports[0]}", f"--rest_api_port={ports[1]}")
    command = [sys.executable, "-m", "tfgan_kit.serving", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout.readline().startswith("Serving toy")
            yield psutil.Process(server.pid), *ports
        finally:
            server.kill()


@pytest.mark.slow
def test_attacks_of_full_size_end_no_server_and_keep_no_caller_out(process):
    server, port, rest_port = process
    idle, caller = server.memory_info().rss, messages.Caller(f"localhost:{port}")
    packed = gzip.compress(large(60 * MIB).SerializeToString())
    seeds = messages.predict(5)
    seeds.inputs["seed"].CopyFrom(tf.make_tensor_proto(np.arange(100_000)))
    body = b'{"instances": [' + b"1," * (15 * MIB) + b"1]}"

    def normal(_):
        began = time.monotonic()
        assert rest_calls.predict(rest_port, {"instances": [5]})[0] == 200 and caller.scale() == (1, 1)
        return time.monotonic() - began

    def attack(k):
        if k % 17 == 0:
            with contextlib.suppress(OSError):  # it closes before all is sent
                return rest_calls.ask(rest_port, "POST", rest_calls.PREDICT, body)[0]
            return 429
        with grpc.insecure_channel(f"localhost:{port}") as channel, pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(PREDICT)(packed if k % 17 < 16 else seeds.SerializeToString(), timeout=60)
        return caught.value.code()

    with toy.callers(1, normal) as (waits, errors):
        toy.until(lambda: waits)
        codes = set(toy.at_once(136, attack))
    assert {429, EXHAUSTED, INVALID} <= codes <= {400, 429, EXHAUSTED, INVALID}
    assert errors == [] and max(waits) < 10  # 17 to 32 s before large bodies were answered one at a time
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    assert 1024 * int(status.split("VmHWM:")[1].split()[0]) < idle + 2 * 2**30  # the peak


@pytest.mark.slow
def test_50000_files_in_a_folder_named_by_a_number_cost_a_poll_nothing(serve, base_path):
    (base_path / "2024").mkdir()
    for k in range(50_000):
        (base_path / "2024" / f"{k}.png").touch()
    server = serve(file_system_poll_wait_seconds=0)
    began = time.thread_time()
    for _ in range(20):
        server.models.poll()
    assert server.versions.current.version == 1
    assert time.thread_time() - began < 20 * 0.01  # 0.4 s each when every file was looked at
