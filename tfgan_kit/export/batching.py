"""How a server should batch requests for a model: TensorFlow Serving's BatchingParameters as text.

A limit in the graph itself would see the merged batch, and fail every caller in it.
"""

QUEUED_BATCHES = 64  # batches that may wait; more are refused with UNAVAILABLE


def allowed_batch_sizes(max_batch):
    """1, 2, and even sizes in steps of an eighth to a quarter, up to `max_batch`.

    They are even because on a CPU oneDNN uses another algorithm for odd batches from 3 on, with which some
    pixels differ by one level; steps of at most a quarter keep the padding to a fifth of a batch.

    Args:
        max_batch: int >= 1, the largest size.
    """
    sizes, size = [1], 2
    while size < max_batch:
        sizes.append(size)
        size += max(2, 2 ** (size.bit_length() - 3))
    return [*sizes, max_batch] if max_batch > 1 else sizes


def batching_text(max_batch):
    """BatchingParameters that suit a generator, a text proto.

    The number of threads is left to TensorFlow Serving, one per core. The timeout is 0: requests that
    arrive while a batch runs form the next one, and a single caller never waits.

    Example:
        >>> print(batching_text(2))
        max_batch_size { value: 2 }
        batch_timeout_micros { value: 0 }
        max_enqueued_batches { value: 64 }
        allowed_batch_sizes: 1
        allowed_batch_sizes: 2
        <BLANKLINE>
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
