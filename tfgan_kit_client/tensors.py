"""NumPy arrays to the protocol's tensors, and its tensors to images."""

import math

import numpy as np

from tfgan_kit_client import wire
from tfgan_kit_client.contract import DTYPE_NUMBERS, STRENGTHS, Signature, dtype_name

_INVALID = 0  # the dtype of a tensor that names none
_CHANNELS = range(1, 5)  # grey to colour with transparency


def predict_request(signature: Signature, inputs: dict):
    """The PredictRequest of one signature, with its inputs in the signature's dtypes.

    Args:
        signature: `Signature`, of the version's metadata.
        inputs: dict name -> array, with the batch as the 0th dimension.

    Raises:
        ValueError: values that do not fit the signature's dtype or shape.
    """
    request = wire.PredictRequest()
    request.model_spec.signature_name = signature.name
    for name, values in inputs.items():
        asked = signature.inputs[name]
        values = _of_all_directions(values, asked) if name == STRENGTHS else values
        _check_shape(values, asked)
        values = _as_dtype(values, asked)
        tensor = request.inputs[name]
        tensor.dtype = DTYPE_NUMBERS[asked.dtype]
        for size in values.shape:
            tensor.tensor_shape.dim.add(size=size)
        tensor.tensor_content = values.tobytes()
    return request


def _of_all_directions(values, asked):
    """Strengths of the first directions, with 0 for the others."""
    left = (asked.shape[-1] or 0) - values.shape[-1] if asked.shape else 0
    return np.pad(values, ((0, 0), (0, max(left, 0))))


def _check_shape(values, asked):
    if asked.shape is None:
        return
    fits = len(values.shape) == len(asked.shape) and all(
        size in (None, given) for size, given in zip(asked.shape[1:], values.shape[1:], strict=True)
    )
    if not fits:
        raise ValueError(
            f"the model takes {asked.name} of shape {asked.shape}, where None is one per image. "
            f"Received: {asked.name} of shape {values.shape}"
        )


def _as_dtype(values, asked):
    try:
        dtype = np.dtype(asked.dtype)
    except TypeError as error:  # bfloat16
        raise ValueError(f"the model takes {asked.name} as {asked.dtype}, which NumPy lacks") from error
    if (values.dtype.kind in "iu") != (dtype.kind in "iu"):
        raise ValueError(
            f"the model takes {asked.name} as {asked.dtype}, in which the numbers would change. "
            f"Received: {asked.name} of {values.dtype}"
        )
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if values.min() < limits.min or values.max() > limits.max:
            raise ValueError(
                f"the model takes {asked.name} as {asked.dtype}, from {limits.min} to {limits.max}. "
                f"Received: {asked.name} from {values.min()} to {values.max()}"
            )
    with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite and is refused below
        values = np.ascontiguousarray(values, dtype)
    if not np.isfinite(values).all():
        raise ValueError(f"the model takes {asked.name} as {asked.dtype}, which does not hold numbers as large")
    return values


def to_images(tensor) -> np.ndarray:
    """A uint8 TensorProto, holding raw bytes or numbers, as uint8 (N, H, W, C), C from 1 to 4.

    Raises:
        ValueError: another dtype, another rank, values beyond uint8, or not as many as the shape says.
    """
    _check_dtype(tensor, "uint8")
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if len(shape) != 4 or min(shape) < 1 or shape[3] not in _CHANNELS:
        raise ValueError(f"images of shape {shape} instead of (N, H, W, C)")
    if tensor.tensor_content:
        values = np.frombuffer(tensor.tensor_content, np.uint8)
    else:
        numbers = np.array(tensor.int_val, np.int32)
        if numbers.size and not 0 <= numbers.min() <= numbers.max() <= 255:
            raise ValueError(f"pixels from {numbers.min()} to {numbers.max()} instead of 0 to 255")
        values = numbers.astype(np.uint8)
    if values.size != math.prod(shape):
        raise ValueError(f"{values.size} values for images of shape {shape}")
    return values.reshape(shape)


def to_strings(tensor) -> list[bytes]:
    """The bytes of a string TensorProto (N,).

    Raises:
        ValueError: another dtype.
    """
    _check_dtype(tensor, "string")
    return list(tensor.string_val)


def _check_dtype(tensor, wanted):
    if tensor.dtype not in (_INVALID, DTYPE_NUMBERS[wanted]):
        raise ValueError(f"{dtype_name(tensor.dtype)} instead of {wanted}")
