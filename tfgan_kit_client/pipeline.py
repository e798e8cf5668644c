"""Many rows in batches: several in flight, answers in order, none larger than the server accepts."""

import collections
import re
import threading

import grpc

IN_FLIGHT = 4  # batches of one request that are in flight at a time
_MOST_LIMITS = 8  # that a server may name in a row without answering

# The message of TensorFlow's batching; the embedded server gives the same one.
_TOO_LARGE = re.compile(r"Task size \d+ is larger than maximum input batch size (\d+)")


class BatchSize:
    """Rows per call: what the caller wants, or less once the server has named its limit.

    Args:
        rows: int >= 1.
    """

    def __init__(self, rows: int):
        self.rows = rows
        self._lock = threading.Lock()

    def shrinks(self, error: grpc.RpcError, sent: int) -> bool:
        """True if a call of `sent` rows failed only by its size; `rows` is then the server's limit."""
        match = _TOO_LARGE.search(error.details() or "")
        most = int(match[1]) if match else 0
        if not 0 < most < sent:
            return False
        with self._lock:
            self.rows = min(self.rows, most)
        return True


def in_order(send, start: int, number: int, size: BatchSize):
    """Yields (start, stop, response) for rows `start` to `number`, in order.

    At most `IN_FLIGHT` batches are in flight, so that memory stays bounded however many rows there are.
    Calls whose results are no longer needed are cancelled.

    Args:
        send: callable, (start, stop) -> the future of a call.
        start: int, the first row.
        number: int, one past the last row.
        size: rows per call.

    Raises:
        grpc.RpcError: a call failed, and not because of its size.
    """
    pending, limits = collections.deque(), 0
    try:
        while start < number or pending:
            while start < number and len(pending) < IN_FLIGHT:
                stop = min(start + size.rows, number)
                pending.append((start, stop, send(start, stop)))
                start = stop
            first, last, call = pending[0]
            try:
                response = call.result()
            except grpc.RpcError as error:
                limits += 1
                if limits > _MOST_LIMITS or not size.shrinks(error, last - first):
                    raise
                _cancel(pending)
                start = first
                continue
            limits = 0
            pending.popleft()
            yield first, last, response
    finally:
        _cancel(pending)


def _cancel(pending):
    while pending:
        pending.popleft()[2].cancel()
