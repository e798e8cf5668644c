"""Which shapes Predict takes: a signature's static ones are not enforced, its graph's are."""

import grpc
import numpy as np

from tests.integration.conformance.calls import INVALID, predict_request, refused
from tests.twins import twins


def _outcome(server, inputs, signature):
    request = predict_request(inputs, name="zoo", signature=signature)
    try:
        server.predictions.Predict(request, timeout=10)
    except grpc.RpcError as error:
        return error.code().name
    return "OK"


def test_a_row_of_another_inner_shape(plain):
    """[1, 3] into a signature of [-1, 4], whose graph sums whatever comes."""
    assert _outcome(plain, {"z": np.ones([1, 3], np.float32)}, "row_sums") == "OK"


def test_what_the_graph_cannot_take_is_refused(plain):
    code, text = refused(plain, {"z": np.ones([1, 3], np.float32)}, name="zoo", signature="product")
    assert code is INVALID and text


@twins("columns", [1, 5])
def test_a_free_dimension_takes_any_size(plain, columns):
    assert _outcome(plain, {"z": np.ones([2, columns], np.float32)}, "any_row_sums") == "OK"


def test_a_scalar_input_takes_a_scalar_without_batching(plain):
    inputs = {"scale": np.float32(2), "z": np.ones([2, 4], np.float32)}
    assert _outcome(plain, inputs, "scaled") == "OK"
