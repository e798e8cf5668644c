"""Calls whose message never comes take nothing from those that send one."""

import time

from tfgan_kit.serving import ServerOptions
from tfgan_kit.serving.grpc import admission

import grpc
import pytest

from tests.serving import messages, silent, toy


@pytest.fixture
def small(serve):
    """A server of two calls at one time, with health."""
    return serve(grpc_max_threads=2, options=ServerOptions(enable_grpc_healthcheck_service=True))


def silent_ones(server):
    return len(server._grpc._admission._silent)


def test_more_silent_calls_than_threads_keep_no_one_out(small):
    caller = messages.Caller(f"localhost:{small.port}")
    with silent.calls(small, 9):
        toy.until(lambda: silent_ones(small) == 9)
        assert caller.scale() == (1, 1)


def test_callers_that_leave_without_a_word_leave_nothing(small):
    with silent.calls(small, 12):
        toy.until(lambda: silent_ones(small) == 12)
    toy.until(lambda: silent_ones(small) == 0)


def test_a_call_that_ends_without_a_message_is_told(small):
    with grpc.insecure_channel(f"localhost:{small.port}") as channel:
        call = channel.stream_unary("/tensorflow.serving.PredictionService/Predict")
        with messages.refused(grpc.StatusCode.UNIMPLEMENTED, "A request needs exactly one message."):
            call(iter(()), timeout=10)


def test_a_flood_is_refused_at_once(small):
    """By us as long as there is a thread for it, then by grpcio."""
    callers = [messages.Caller(f"localhost:{small.port}") for _ in range(4)]
    slow = messages.predict(1, signature="slow")
    running = [callers[0].prediction.Predict.future(slow, timeout=20) for _ in range(2)]
    toy.until(lambda: small._grpc._admission._calls.running == 2)
    began = time.monotonic()
    refused = [callers[k % 4].prediction.Predict.future(messages.predict(1), timeout=20) for k in range(300)]
    assert {call.code() for call in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}  # so while the slow ones ran
    assert time.monotonic() - began < 3 * toy.SECONDS
    assert all(call.result() for call in running)


def test_more_silent_calls_than_places_hold_a_caller_up_until_the_oldest_is_cancelled(small):
    """gRPC keeps what arrives of each, so their places are few."""
    caller = messages.Caller(f"localhost:{small.port}")
    with silent.calls(small, admission._SILENT) as calls:
        toy.until(lambda: silent_ones(small) == admission._SILENT)
        began = time.monotonic()
        assert caller.scale() == (1, 1)
        assert time.monotonic() - began < admission._PATIENCE_SECONDS + 10  # not its deadline of 20 s
        toy.until(lambda: any(call.done() for call in calls))
        assert [call.code() for call in calls if call.done()] == [grpc.StatusCode.CANCELLED]
