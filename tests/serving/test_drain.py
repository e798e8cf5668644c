"""A server that is told to stop answers what it has taken, and says so to the rest."""

import threading

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tests.serving import toy
from tests.serving.test_predict import request
from tfgan_kit.serving.calls import RequestError, Slots


def test_a_stop_under_load_fails_no_call_but_with_unavailable(serve):
    server = serve()
    outcomes, stopped = [], threading.Event()

    def ask(k):
        with grpc.insecure_channel(f"localhost:{server.port}") as channel:
            predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
            while not stopped.is_set():
                try:
                    answer = predict(request(seed=np.int64([k])), timeout=10)
                    outcomes.append((grpc.StatusCode.OK, answer.outputs["images"].int_val[0] - k))
                except grpc.RpcError as error:
                    outcomes.append((error.code(), error.details()))
                    return  # as a client that was told: it asks elsewhere

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    toy.until(lambda: len(outcomes) > 30)
    server.stop()
    stopped.set()
    for thread in threads:
        thread.join()
    told = (grpc.StatusCode.UNAVAILABLE, "The server is shutting down.")
    assert set(outcomes) == {(grpc.StatusCode.OK, 0), told}


def test_closed_slots_wait_for_who_is_in_and_refuse_who_comes():
    slots, entered, leave = Slots(2), threading.Event(), threading.Event()

    def occupy():
        with slots:
            entered.set()
            leave.wait(10)

    caller = threading.Thread(target=occupy)
    closing = threading.Thread(target=slots.close, args=(10,))
    caller.start()
    entered.wait(10)
    closing.start()
    closing.join(0.5)  # longer than it waits for calls that are on their way
    assert closing.is_alive()
    with pytest.raises(RequestError, match="shutting down") as caught, slots:
        pass
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    leave.set()
    closing.join(10)
    caller.join(10)
    assert not closing.is_alive()
