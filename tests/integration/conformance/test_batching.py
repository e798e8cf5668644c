"""`--enable_batching`: what may be merged, and how long a caller waits.

The server's batching file: batches of 2, 4 or 8 rows, 200 ms to wait, one batch at a time.
"""

import time

import grpc
import numpy as np
import pytest

from tests.integration.conformance import zoo
from tests.integration.conformance.calls import FAILED, INVALID, http_call, names, predict, refused
from tests.serving import toy

ROWS = 8
WAIT = 0.2
Z = np.ones([2, 4], np.float32)
REFUSED = {
    "a scalar seed": ({"seed": np.int64(1)}, "scalar_seed", INVALID, "dimension"),
    "a scalar among vectors": ({"scale": np.float32(1), "z": Z}, "scaled", INVALID, "dimension"),
    "unequal rows": ({"x": np.float32([1, 2]), "n": np.int64([1])}, "several", INVALID, "equal 0th-dimension"),
    "a scalar output": (zoo.X, "with_loss", FAILED, "output 0 dimensions"),
    "an output of other rows": (zoo.X, "with_classes", FAILED, "output 0th dimension"),
    "more rows than a batch": ({"x": np.ones(ROWS + 1, np.float32)}, "same", INVALID, "size 9 larger 8"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal(batching, case):
    inputs, signature, code, words = REFUSED[case]
    found, text = refused(batching, inputs, name="zoo", signature=signature)
    assert found is code and names(text, words)


@pytest.mark.parametrize("signature, output", [("with_loss", "y"), ("with_classes", "alike")])
def test_a_filter_without_the_bad_output_works(batching, signature, output):
    answer = predict(batching, zoo.X, name="zoo", signature=signature, outputs=[output])
    np.testing.assert_array_equal(answer[output], [2, 4])


def test_a_request_of_no_rows(batching, expected):
    code, _ = refused(batching, {"x": np.float32([])}, name="zoo", timeout=1)
    assert code.name == expected("DEADLINE_EXCEEDED")


def test_a_lone_request_waits_the_whole_timeout(batching):
    predict(batching, {"seed": np.int64([1])})
    begin = time.monotonic()
    predict(batching, {"seed": np.int64([1])})
    assert time.monotonic() - begin > 0.9 * WAIT


def test_a_full_batch_does_not_wait(batching):
    def seconds():
        begin = time.monotonic()
        predict(batching, {"seed": np.arange(ROWS, dtype=np.int64)})
        return time.monotonic() - begin

    assert min(seconds() for _ in range(5)) < WAIT / 2


def test_requests_at_once_are_one_batch_and_each_gets_its_rows(batching):
    def at_once():
        begin = time.monotonic()
        answers = toy.at_once(ROWS, lambda k: predict(batching, {"seed": np.int64([k])})["images"])
        return time.monotonic() - begin, answers

    tries = [at_once() for _ in range(3)]
    assert min(seconds for seconds, _ in tries) < 2 * WAIT  # one by one: 1.6 s
    for _, answers in tries:
        np.testing.assert_array_equal(np.concatenate(answers), toy.expected(range(ROWS)))


def test_signatures_are_not_merged_with_one_another(batching):
    """Both take one float vector; each answers by its own rule."""

    def ask(k):
        signature = ("serving_default", "same")[k % 2]
        return predict(batching, {"x": np.float32([k])}, name="zoo", signature=signature)["y"][0]

    assert toy.at_once(ROWS, ask) == [0, 1, 4, 3, 8, 5, 12, 7]


def test_rows_of_other_inner_shape_in_one_batch(batching, expected):
    """They spoil it for all, and so only under load: alone, each is answered."""

    def ask(k):
        inputs = {"z": np.ones([1, 2 + k], np.float32)}
        try:
            predict(batching, inputs, name="zoo", signature="any_row_sums")
        except grpc.RpcError as error:
            return error.code().name
        return "OK"

    assert toy.at_once(2, ask) == expected(["FAILED_PRECONDITION"] * 2)


def test_prometheus_has_the_batching_sessions_names(batching, expected):
    if batching.rest is None:
        pytest.skip("TFGAN_KIT_SERVING_REST_TARGET names no host:port")
    predict(batching, {"seed": np.int64([1])})
    page = http_call(batching, "GET", "/monitoring/prometheus/metrics").text
    assert ("# TYPE :tensorflow:serving:batching_session:" in page) == expected(True)


def test_row_format_is_batched(batching):
    if batching.rest is None:
        pytest.skip("TFGAN_KIT_SERVING_REST_TARGET names no host:port")
    reply = http_call(batching, "POST", "/v1/models/zoo:predict", {"instances": [1, 2, 3]})
    assert (reply.code, reply.json) == (200, {"predictions": [2.0, 4.0, 6.0]})
