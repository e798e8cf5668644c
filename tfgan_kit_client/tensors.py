"""NumPy arrays to the protocol's tensors, and its tensors to images."""

import numpy as np

from tfgan_kit_client import wire
from tfgan_kit_client.contract import DTYPE_NUMBERS, Signature


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
        _check_shape(values, asked)
        values = _as_dtype(values, asked)
        tensor = request.inputs[name]
        tensor.dtype = DTYPE_NUMBERS[asked.dtype]
        for size in values.shape:
            tensor.tensor_shape.dim.add(size=size)
        tensor.tensor_content = values.tobytes()
    return request


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
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if values.min() < limits.min or values.max() > limits.max:
            raise ValueError(
                f"the model takes {asked.name} as {asked.dtype}, from {limits.min} to {limits.max}. "
                f"Received: {asked.name} from {values.min()} to {values.max()}"
            )
    return np.ascontiguousarray(values, dtype)


def to_images(tensor) -> np.ndarray:
    """A uint8 TensorProto, holding raw bytes or numbers, as uint8 (N, H, W, C)."""
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, np.uint8).reshape(shape)
    return np.array(tensor.int_val, np.uint8).reshape(shape)
