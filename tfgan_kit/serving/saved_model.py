"""One version of a model in memory: its signatures, checked inputs in, arrays out."""

import logging
import pathlib

import grpc
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfgan_kit.serving import batching, tensors
from tfgan_kit.serving.calls import RequestError

_LOGGER = logging.getLogger(__name__)
_SERVE = ("serve",)  # TensorFlow Serving's --saved_model_tags
_INVALID = grpc.StatusCode.INVALID_ARGUMENT


class IncompleteVersionError(Exception):
    """A version's folder lacks files; most often it is still being copied."""


class SavedModel:
    """A loaded version. Refuses a half-written one, which TensorFlow Serving would serve.

    Args:
        path: the version's folder.
        parameters: `BatchingParameters`, or None to run every request by itself.
        tags: those of the graph to load; all of them, and no other. Default `serve`.

    Raises:
        IncompleteVersionError: the folder lacks `saved_model.pb` or its variables.
        tf.errors.OpError, ValueError: TensorFlow cannot load it.
    """

    def __init__(self, path: pathlib.Path, parameters: batching.BatchingParameters | None, tags=_SERVE):
        _check_complete(path)
        self.path = path
        self.version = int(path.name)
        self.signature_defs = _signature_defs(path, set(tags))
        self._loaded = tf.saved_model.load(str(path), tags=list(tags))
        self.signatures = {
            name: Signature(name, self.signature_defs[name], function, parameters)
            for name, function in self._loaded.signatures.items()
        }

    def signature(self, name: str):
        """The signature of that name (empty: `serving_default`)."""
        name = name or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
        if name not in self.signatures:
            raise RequestError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f'Serving signature key "{name}" not found.',
            )
        return self.signatures[name]


class Signature:
    """One signature of a loaded version.

    Args:
        name: its name.
        definition: `SignatureDef`, which says what a request must hold.
        function: the loaded `ConcreteFunction`.
        parameters: `BatchingParameters`, or None.
    """

    def __init__(self, name, definition, function, parameters):
        self.name = name
        self.inputs = {alias: _Input(info) for alias, info in sorted(definition.inputs.items())}
        self.outputs = sorted(definition.outputs)
        self._limit = (parameters or batching.BatchingParameters()).max_batch_size
        self._batches = parameters is not None and self._has_free_rows()
        if parameters is not None and not self._batches:
            _LOGGER.warning("signature %s runs unbatched: an input has fixed rows or none", name)
        if self._batches:
            merged = batching.batched(function, parameters)
            self._run = lambda inputs: merged(*inputs.values())
        else:
            self._run = lambda inputs: function(**inputs)

    def _has_free_rows(self) -> bool:
        return bool(self.inputs) and all(
            spec.shape and spec.shape[0] is None for spec in self.inputs.values()
        )

    def run(self, protos) -> dict:
        """TensorProtos by name -> tensors by name. Raises RequestError for what it cannot take."""
        self._check_rows({alias: self._shape(alias, protos[alias]) for alias in self.inputs})
        return self._run({alias: self._tensor(alias, protos[alias]) for alias in self.inputs})

    def _shape(self, alias, proto):
        try:
            return tensors.shape_of(proto)
        except ValueError as error:
            raise RequestError(_INVALID, f"tensor parsing error: {alias}") from error

    def _check_rows(self, shapes):
        if self._batches and any(not shape for shape in shapes.values()):
            raise RequestError(
                _INVALID, "Batching Run() input tensors must have at least one dimension"
            )
        rows = {shape[0] for shape in shapes.values() if shape}
        if self._batches and len(rows) > 1:
            raise RequestError(
                _INVALID, "Batching Run() input tensors must have equal 0th-dimension size"
            )
        if 0 in rows:  # TensorFlow Serving never answers it when batching
            raise RequestError(_INVALID, "The request has 0 rows; send at least 1.")
        if rows and max(rows) > self._limit:
            raise RequestError(
                _INVALID,
                f"Task size {max(rows)} is larger than maximum input batch size {self._limit}",
            )

    def _tensor(self, alias, proto):
        spec = self.inputs[alias]
        if proto.dtype != spec.dtype.as_datatype_enum:
            position = list(self.inputs).index(alias)
            raise RequestError(
                _INVALID,
                f"Expects arg[{position}] to be {spec.dtype.name} "
                f"but {_type_name(proto.dtype)} is provided",
            )
        if not spec.takes(tensors.shape_of(proto)):
            raise RequestError(
                _INVALID,
                f"input {alias} has shape {list(tensors.shape_of(proto))}; signature "
                f"{self.name} takes {list(spec.shape)}, where None is any size",
            )
        try:
            return tf.constant(tensors.decode(proto), spec.dtype)
        except ValueError as error:
            raise RequestError(_INVALID, f"tensor parsing error: {alias}") from error


class _Input:
    def __init__(self, info):
        self.feed_name = info.name
        self.dtype = tf.dtypes.as_dtype(info.dtype)
        unknown = info.tensor_shape.unknown_rank
        sizes = tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)
        self.shape = None if unknown else sizes

    def takes(self, shape) -> bool:
        if self.shape is None:
            return True
        return len(shape) == len(self.shape) and all(
            want in (None, size) for want, size in zip(self.shape, shape, strict=True)
        )


def _type_name(number: int) -> str:
    # The runtime's DataTypeString: float, not float32; double, not float64.
    try:
        name = tf.dtypes.as_dtype(number).name
    except TypeError:
        return "INVALID"
    return {"float32": "float", "float64": "double", "float16": "half"}.get(name, name)


def _check_complete(path: pathlib.Path) -> None:
    if not (path / "saved_model.pb").is_file():
        raise IncompleteVersionError(f"{path} should have a file called `saved_model.pb`")
    if not (path / "variables" / "variables.index").is_file():
        raise IncompleteVersionError(f"{path} has no variables/variables.index")
    if not any((path / "variables").glob("variables.data-*")):
        raise IncompleteVersionError(f"{path} has no variables/variables.data-* file")


def _signature_defs(path: pathlib.Path, tags: set) -> dict:
    saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    for graph in saved.meta_graphs:
        if set(graph.meta_info_def.tags) == tags:
            return dict(graph.signature_def)
    found = [sorted(graph.meta_info_def.tags) for graph in saved.meta_graphs]
    raise ValueError(
        f"{path} has no graph tagged {sorted(tags)} (--saved_model_tags); it has {found}"
    )
