"""How concurrent requests are merged into batches: numbers, which need no TensorFlow."""

import dataclasses
import os

from tfgan_kit.export.batching import allowed_batch_sizes


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
