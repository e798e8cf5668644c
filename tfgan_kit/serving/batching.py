"""Concurrent requests become one batch, by the scheduler that TensorFlow Serving uses."""

import dataclasses
import itertools
import os

import tensorflow as tf

_QUEUES = itertools.count()


@dataclasses.dataclass(frozen=True)
class BatchingParameters:
    """How requests are merged; the names and defaults are TensorFlow Serving's.

    Args:
        max_batch_size: most rows of a batch, and so of a request.
        batch_timeout_micros: how long an incomplete batch waits for more. At 0 a lone caller
            never waits, and batches still form: what arrives while a batch runs makes the next.
        num_batch_threads: batches that run at one time; None: as many as there are cores.
        max_enqueued_batches: batches that may wait; more are refused with UNAVAILABLE.
        allowed_batch_sizes: a batch is padded up to the next of these, rising, the last equal
            to `max_batch_size`. None: 1, 2 and even sizes in steps of at most a quarter, for an
            odd batch from 3 on may differ by one level of 255 from the same rows alone on CPU.
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
                "allowed_batch_sizes must rise and end in max_batch_size "
                f"({self.max_batch_size}). Received: allowed_batch_sizes={sizes}"
            )

    def threads(self) -> int:
        """Batches that run at one time."""
        return self.num_batch_threads or os.cpu_count() or 1

    def sizes(self) -> list[int]:
        """The batch sizes that the model sees."""
        if self.allowed_batch_sizes is not None:
            return list(self.allowed_batch_sizes)
        sizes, size = [1], 2
        while size < self.max_batch_size:
            sizes.append(size)
            size += max(2, 2 ** (size.bit_length() - 3))
        return sizes + [self.max_batch_size] if self.max_batch_size > 1 else sizes


def batched(signature, parameters: BatchingParameters):
    """A signature that merges concurrent calls along dimension 0 and splits their answers.

    The raw op, not `tf.nondifferentiable_batch_function`: that one names its queue after the name
    scope, `batch/` for every function, and functions that share a queue run as one another. And
    the op itself, not a `tf.function` around it: that took a third more CPU time an image.

    A batch fails as a whole. Where its inputs are to blame (INVALID_ARGUMENT), every caller of it
    is answered by itself instead, so that only the one that sent the bad row fails.

    The runtime never releases a function that the op has run (measured on TensorFlow 2.21; neither
    a `tf.function` around it nor clearing the kernel cache helps): what it compiled stays after the
    version is unloaded, 10 MB a swap for the demo's six signatures, on CPU. In a graph of its own with a
    `tf.compat.v1.Session`, as TensorFlow Serving runs it, closing the session gives it back (0.3 MB a load
    of two signatures stayed, against 3 MB): the way out, at the price of loading without
    `tf.saved_model.load`.

    Args:
        signature: a loaded signature (a `ConcreteFunction` with keyword arguments).
        parameters: see `BatchingParameters`.

    Returns:
        A function of the inputs, in the order of their names, that gives a dict of the outputs.
    """
    names = sorted(signature.structured_input_signature[1])
    specs = [signature.structured_input_signature[1][name] for name in names]
    outputs = list(signature.structured_outputs)

    @tf.function(autograph=False)
    def whole_batch(*inputs):
        answer = signature(**dict(zip(names, inputs, strict=True)))
        return [answer[name] for name in outputs]

    graph = whole_batch.get_concrete_function(*specs)
    arguments = {
        "captured_tensors": graph.captured_inputs,
        "f": graph,
        "Tout": [tensor.dtype for tensor in graph.outputs],
        "num_batch_threads": parameters.threads(),
        "max_batch_size": parameters.max_batch_size,
        "batch_timeout_micros": parameters.batch_timeout_micros,
        "max_enqueued_batches": parameters.max_enqueued_batches,
        "allowed_batch_sizes": parameters.sizes(),
        # The scheduler and its threads are shared by all queues with equal parameters;
        # the queue is this signature's of this version alone.
        "shared_name": f"tfgan_kit/{parameters}",
        "batching_queue": f"{next(_QUEUES)}",
        "enable_large_batch_splitting": False,
    }

    def one_request(*inputs):
        try:
            rows = tf.raw_ops.BatchFunction(in_tensors=inputs, **arguments)
        except tf.errors.InvalidArgumentError:  # perhaps it is another caller's row
            return signature(**dict(zip(names, inputs, strict=True)))
        return dict(zip(outputs, rows, strict=True))

    return one_request
