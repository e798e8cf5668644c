"""Merges concurrent requests into batches, with the scheduler of TensorFlow Serving."""

import itertools

from tfgan_kit.serving.batching_parameters import BatchingParameters

import tensorflow as tf

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")


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
