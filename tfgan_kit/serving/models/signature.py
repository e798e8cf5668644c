"""One signature of a loaded version: from checked inputs to arrays."""

import contextlib
import logging

from tfgan_kit.serving.models import batching
from tfgan_kit.serving.protocol import tensors
from tfgan_kit.serving.protocol.errors import RequestError, invalid

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

_LOGGER = logging.getLogger(__name__)


class Signature:
    """A signature of a version.

    Args:
        name: its name.
        definition: `SignatureDef`, with the inputs of a request.
        session: `GraphSession` of the version, not run yet.
        parameters: `BatchingParameters`, or None.
        needs_xla: True refuses every request, as TensorFlow Serving does; see `compiled_signatures`.
        rows: `Turns` of the rows that run unbatched.
    """

    def __init__(self, name: str, definition, session, parameters, needs_xla: bool, rows):
        self.name = name
        self.inputs = {alias: _Input(info) for alias, info in sorted(definition.inputs.items())}
        self.outputs = sorted(definition.outputs)
        self._tensors = {alias: definition.outputs[alias].name for alias in self.outputs}
        self._session = session
        self._parameters = parameters
        self._needs_xla = needs_xla
        self._rows = rows
        self._batched = None if parameters is None else self._merged(parameters)

    def _merged(self, parameters):
        feeds = [spec.feed_name for spec in self.inputs.values()]
        fetches = list(self._tensors.values())
        try:
            if not all(spec.has_free_rows() for spec in self.inputs.values()):
                raise ValueError(f"an input of {self.name} has fixed rows or none")
            return tuple(batching.batched(self._session.graph, feeds, fetches, self.name, parameters))
        except ValueError as error:
            _LOGGER.warning("signature %s runs unbatched: %s", self.name, error)
            return None

    @contextlib.contextmanager
    def running(self, protos, wanted=(), is_cancelled=lambda: False):
        """A context with the answer to a request, which ran in a batch with others if batching is on.

        As in TensorFlow Serving, a request for some of the outputs runs alone, so that an output that cannot be
        split into rows does not affect requests for other outputs. The rows of a request that ran alone count as
        running until the context ends.

        Args:
            protos: `TensorProto` by input, for every input.
            wanted: names of outputs; empty: all.
            is_cancelled: callable, True once the caller has disconnected and need not wait for its turn.

        Yields:
            Arrays by output.

        Raises:
            RequestError: inputs that the signature refuses, or a function with jit_compile=True.
            tf.errors.OpError: an error of the graph.
        """
        wanted = sorted(wanted) or self.outputs
        shapes = [_parsed(tensors.shape_of, alias, protos[alias]) for alias in self.inputs]
        merges = self._parameters is not None and wanted == self.outputs
        if merges:
            self._check_rows(shapes)
        merges = merges and self._batched is not None
        with self._rows.hold(0 if merges else self._rows_alone(shapes), is_cancelled):
            feeds = {spec.feed_name: self._array(alias, protos[alias]) for alias, spec in self.inputs.items()}
            if self._needs_xla:
                raise RequestError(grpc.StatusCode.INTERNAL, "XLA compilation disabled")
            values = self._merge(feeds) if merges else self._alone(feeds, wanted)
            yield {alias: _array(value) for alias, value in zip(wanted, values, strict=True)}

    def run(self, protos, wanted=()) -> dict[str, np.ndarray]:
        """The answer of `running`, outside of its context."""
        with self.running(protos, wanted) as outputs:
            return outputs

    def _merge(self, feeds):
        # A batch fails as a whole. If its inputs are invalid, every request of it is run alone, so that
        # only the one with the invalid row fails.
        try:
            return self._session.run(self._batched, feeds)
        except tf.errors.InvalidArgumentError:
            return self._alone(feeds, self.outputs)

    def _alone(self, feeds, wanted):
        return self._session.run(tuple(self._tensors[alias] for alias in wanted), feeds)

    def _check_rows(self, shapes):
        if not all(shapes):
            raise invalid("Batching Run() input tensors must have at least one dimension")
        rows = {shape[0] for shape in shapes}
        if len(rows) > 1:
            raise invalid("Batching Run() input tensors must have equal 0th-dimension size")
        if 0 in rows:  # with batching TensorFlow Serving never answers it
            raise invalid("The request has 0 rows; send at least 1.")
        limit = self._parameters.max_batch_size
        if rows and max(rows) > limit:
            raise invalid(f"Task size {max(rows)} is larger than maximum input batch size {limit}")

    def _rows_alone(self, shapes) -> int:
        rows = max((shape[0] for shape in shapes if shape), default=1)
        if rows > self._rows.most:
            raise invalid(
                f"The request has {rows} rows, more than {self._rows.most}: send several requests, or raise "
                "--max_request_rows"
            )
        return rows

    def _array(self, alias, proto):
        wanted = self.inputs[alias].dtype.as_datatype_enum
        if proto.dtype != wanted:
            raise invalid(f"Input {alias} must be {_type(wanted)}. Received: {_type(proto.dtype)}")
        return _parsed(tensors.decode, alias, proto)


def _parsed(read, alias, proto):
    try:
        return read(proto)
    except ValueError as error:
        raise invalid(f"Input {alias} is no tensor: {error}") from error


def _type(number: int) -> str:
    known = types_pb2.DataType.DESCRIPTOR.values_by_number.get(number)
    return known.name if known else str(number)


class _Input:
    def __init__(self, info):
        self.feed_name = info.name
        self.dtype = tf.dtypes.as_dtype(info.dtype)
        unknown = info.tensor_shape.unknown_rank
        sizes = tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)
        self.shape = None if unknown else sizes

    def has_free_rows(self) -> bool:
        return self.shape is None or (bool(self.shape) and self.shape[0] is None)


def _array(value) -> np.ndarray:
    # The session returns a scalar string as bytes, which NumPy would convert to a fixed-width string.
    return np.asarray(value, object) if isinstance(value, bytes) else np.asarray(value)
