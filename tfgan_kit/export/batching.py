"""How a server should merge requests for a model: TensorFlow Serving's BatchingParameters as text.

Not an assertion in the graph: that one sees the merged batch, and would fail every caller in it.
"""

QUEUED_BATCHES = 64  # that may wait; more are refused with UNAVAILABLE


def allowed_batch_sizes(max_batch):
    """1, 2, and even sizes in steps of an eighth to a quarter, up to `max_batch`.

    Even, because on a CPU oneDNN takes another algorithm for odd batches from 3 on, and some pixels
    are then off by one level; a quarter, so that at most a fifth of a batch is padding.

    Args:
        max_batch: int >= 1, the last of them.
    """
    sizes, size = [1], 2
    while size < max_batch:
        sizes.append(size)
        size += max(2, 2 ** (size.bit_length() - 3))
    return [*sizes, max_batch] if max_batch > 1 else sizes


def batching_text(max_batch):
    """BatchingParameters that fit a generator, a text proto.

    Without a number of threads: TensorFlow Serving's default is one a core. Without a wait: what
    arrives while a batch runs makes the next one, and a lone caller never waits.

    Example:
        >>> print(batching_text(2))
        max_batch_size { value: 2 }
        batch_timeout_micros { value: 0 }
        max_enqueued_batches { value: 64 }
        allowed_batch_sizes: 1
        allowed_batch_sizes: 2
    """
    return (
        "\n".join(
            [
                f"max_batch_size {{ value: {max_batch} }}",
                "batch_timeout_micros { value: 0 }",
                f"max_enqueued_batches {{ value: {QUEUED_BATCHES} }}",
                *(f"allowed_batch_sizes: {size}" for size in allowed_batch_sizes(max_batch)),
            ]
        )
        + "\n"
    )
