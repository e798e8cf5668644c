"""JSON's parts, against NumPy and the standard library."""

import json

from tfgan_kit.serving.protocol import tensors
from tfgan_kit.serving.protocol.errors import RequestError
from tfgan_kit.serving.rest import json_answers
from tfgan_kit.serving.rest.json_requests import COLUMN, ROW, array_of

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2


def test_a_tensor_has_at_most_32_dimensions():
    value = 1
    for _ in range(32):
        value = [value]
    assert array_of(value, tf.int64).shape == (1,) * 32
    with pytest.raises(RequestError, match="at most 32 dimensions"):
        array_of([value], tf.int64)


def response(**arrays):
    message = predict_pb2.PredictResponse()
    for alias, array in arrays.items():
        tensors.encode(array, message.outputs[alias], as_content=True)
    return message


@pytest.mark.parametrize("odd", [1.0, np.nan, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_have_no_more_digits_than_they_need(dtype, odd):
    """Also beside one that is not finite, which orjson cannot write."""
    values = np.append(np.random.default_rng(2).normal(0, 1, 500), odd).astype(dtype)
    text = json_answers.predictions(response(y=values), COLUMN).decode().replace(" ", "")
    written = text.split("[")[1].split("]")[0].split(",")[:-1]
    shortest = [np.format_float_scientific(value, unique=True, trim="-") for value in values[:-1]]

    def digits(number):
        return len(number.split("e")[0].replace(".", "").replace("-", "").strip("0"))

    assert [digits(one) for one in written] == [digits(one) for one in shortest]
    np.testing.assert_array_equal(np.array(json.loads(text)["outputs"], dtype), values)


def test_no_output_is_an_error():
    with pytest.raises(RequestError, match="no output"):
        json_answers.predictions(predict_pb2.PredictResponse(), ROW)
