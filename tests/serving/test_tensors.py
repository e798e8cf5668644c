"""TensorProto <-> array, held against TensorFlow's own reading and writing."""

from tfgan_kit.serving.protocol import tensors

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

ARRAYS = [
    np.arange(6, dtype=dtype).reshape(2, 3)
    for dtype in (
        "float32", "float64", "float16", ml_dtypes.bfloat16, "int8", "int16", "int32", "int64",
        "uint8", "uint16", "uint32", "uint64", "complex64",
    )
] + [np.array([[True], [False]]), np.array([b"a", b"\xff\x00"], object)]  # fmt: skip
KINDS = [str(array.dtype) for array in ARRAYS]


@pytest.mark.parametrize("as_content", [False, True])
@pytest.mark.parametrize("array", ARRAYS, ids=KINDS)
def test_what_is_written_tensorflow_reads(array, as_content):
    proto = tensor_pb2.TensorProto()
    tensors.encode(array, proto, as_content)
    read = tf.make_ndarray(proto)
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("shape", [(256,), (1, 16, 16, 1), (2, 128)])
def test_every_level_is_an_int_val_as_protobuf_itself_writes_it(shape):
    image = np.arange(256, dtype=np.uint8)[::-1].reshape(shape)
    proto, written = tensor_pb2.TensorProto(), tensor_pb2.TensorProto()
    tensors.encode(image, proto, as_content=False)
    written.int_val.extend(range(255, -1, -1))
    assert proto.int_val == written.int_val
    assert written.SerializeToString() in proto.SerializeToString()


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("shape", [(0, 3), (10, 20)])
def test_values_that_do_not_lie_in_order_are_written_in_order(dtype, shape):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype).T
    proto = tensor_pb2.TensorProto()
    tensors.encode(array, proto, as_content=False)
    np.testing.assert_array_equal(tf.make_ndarray(proto), array)


@pytest.mark.parametrize(
    "dtype, field, value, meaning",
    [
        ("uint8", "int_val", 300, 44), ("int8", "int_val", -129, 127), ("int16", "int_val", 40000, -25536),
        ("uint16", "int_val", 70000, 4464), ("float16", "half_val", 0x13C00, 1.0), ("float16", "half_val", -1, np.nan),
    ],
)  # fmt: skip
def test_of_a_number_out_of_range_the_low_bits_count_as_in_the_runtime(dtype, field, value, meaning):
    proto = tensor_pb2.TensorProto(dtype=tf.as_dtype(dtype).as_datatype_enum, **{field: [value]})
    proto.tensor_shape.dim.add(size=1)
    np.testing.assert_array_equal(tensors.decode(proto), np.array([meaning], dtype))
    theirs = tf.io.parse_tensor(proto.SerializeToString(), dtype).numpy()
    np.testing.assert_array_equal(tensors.decode(proto), theirs)
