"""Merges concurrent requests into batches, with the scheduler of TensorFlow Serving."""

import dataclasses
import itertools
import os

from tfgan_kit.export.batching import allowed_batch_sizes

import tensorflow as tf

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")


@dataclasses.dataclass(frozen=True)
class BatchingParameters:
    """How requests are merged; the names and defaults are TensorFlow Serving's.

    Args:
        max_batch_size: most rows of a batch, and so of a request.
        batch_timeout_micros: how long an incomplete batch waits for more rows. At 0 a single caller never waits, and
            batches still form from the requests that arrive while a batch runs.
        num_batch_threads: batches of a version that run concurrently (TensorFlow Serving counts those of all its
            models); None: the number of cores.
        max_enqueued_batches: batches that may wait; further ones are refused with UNAVAILABLE.
        allowed_batch_sizes: sizes in increasing order, to the next of which a batch is padded; the last equals
            `max_batch_size`. None: those that an export writes, see `tfgan_kit.export.batching.allowed_batch_sizes`.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    num_batch_threads: int | None = None
    max_enqueued_batches: int = 10
    allowed_batch_sizes: tuple[int, ...] | None = None

    def __post_init__(self):
        for name, least in (
            ("max_batch_size", 1),
            ("batch_timeout_micros", 0),
            ("num_batch_threads", 1),
            ("max_enqueued_batches", 1),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} must be at least {least}. Received: {name}={value}")
        sizes = self.sizes()
        if sizes != sorted(set(sizes)) or sizes[0] < 1 or sizes[-1] != self.max_batch_size:
            raise ValueError(
                "allowed_batch_sizes must increase and end with max_batch_size "
                f"({self.max_batch_size}). Received: allowed_batch_sizes={sizes}"
            )

    def threads(self) -> int:
        """The number of batches that run concurrently."""
        return self.num_batch_threads or os.cpu_count() or 1

    def sizes(self) -> list[int]:
        """The batch sizes that the model sees."""
        if self.allowed_batch_sizes is not None:
            return list(self.allowed_batch_sizes)
        return allowed_batch_sizes(self.max_batch_size)


def batched(graph: tf.Graph, inputs, outputs, name: str, parameters: BatchingParameters):
    """Adds to a graph the op that merges concurrent runs along dimension 0 and splits their outputs.

    TensorFlow's batch op then calls the signature's function, with a queue and threads that belong only to the
    session of this graph.

    Args:
        graph: the graph of a `GraphSession`.
        inputs: names of the signature's input tensors.
        outputs: names of its output tensors.
        name: of the queue, unique for every signature.
        parameters: see `BatchingParameters`.

    Returns:
        The names of the tensors to fetch in place of `outputs`.

    Raises:
        ValueError: the outputs are not those of one function call with the inputs, the form in which TensorFlow 2
            writes a signature.
    """
    feeds = [graph.get_tensor_by_name(tensor) for tensor in inputs]
    fetches = [graph.get_tensor_by_name(tensor) for tensor in outputs]
    call = fetches[0].op
    rows, captured = _arguments(call, feeds)
    if call.type not in _CALLS or captured is None or any(t.op is not call for t in fetches):
        raise ValueError(f"the outputs of {name} are not those of one function of its inputs")
    with graph.as_default():
        answers = tf.raw_ops.BatchFunction(
            in_tensors=rows,
            captured_tensors=captured,
            f=call.get_attr("f").name,
            Tout=[tensor.dtype for tensor in call.outputs],
            num_batch_threads=parameters.threads(),
            max_batch_size=parameters.max_batch_size,
            batch_timeout_micros=parameters.batch_timeout_micros,
            max_enqueued_batches=parameters.max_enqueued_batches,
            allowed_batch_sizes=parameters.sizes(),
            shared_name="batches",  # one scheduler, whose threads all signatures share
            batching_queue=name,  # functions with the same queue would be confused
            enable_large_batch_splitting=False,
        )
    return [answers[tensor.value_index].name for tensor in fetches]


def _arguments(call: tf.Operation, feeds):
    """A call's inputs as (feeds, variables and tables); the latter are None in another order."""
    names = {tensor.name for tensor in feeds}
    rows = list(itertools.takewhile(lambda tensor: tensor.name in names, call.inputs))
    captured = list(call.inputs)[len(rows) :]
    # A value that is computed from an input differs between callers.
    plain = all(not tensor.op.inputs and tensor.name not in names for tensor in captured)
    return rows, captured if rows and plain else None
