"""Threads for REST requests: so many run, a few wait, the rest is refused at once."""

import asyncio
import threading
from concurrent import futures

from tfgan_kit.serving.rest.dispatch import Answer, refused

import grpc

_FULL = "Server Threadpool Exhausted"  # what the gRPC side says
_LATE = "Timed out waiting for notification"  # TensorFlow Serving's


class RestThreads:
    """Runs work off the event loop.

    Args:
        running: threads.
        waiting: calls that may wait for one.
        seconds: that a caller waits for its answer. Work that has begun by then goes on, and keeps its thread; work
            that has not is dropped.
    """

    def __init__(self, running: int, waiting: int, seconds: float):
        self._pool = futures.ThreadPoolExecutor(running, thread_name_prefix="rest")
        self._free = threading.BoundedSemaphore(running + waiting)
        self._seconds = seconds

    async def answer(self, work, model: str = "") -> Answer:
        """`work(is_cancelled)` in a thread.

        Args:
            work: callable, given one that is True once its caller has gone or was told it is late.
            model: the name to count it under where it is refused.
        """
        if not self._free.acquire(blocking=False):
            return refused(grpc.StatusCode.RESOURCE_EXHAUSTED, _FULL, model)
        late = threading.Event()
        future = self._pool.submit(work, late.is_set)
        future.add_done_callback(lambda _: self._free.release())
        try:
            waited = asyncio.shield(asyncio.wrap_future(future))
            return await asyncio.wait_for(waited, self._seconds)
        except TimeoutError:
            return refused(grpc.StatusCode.DEADLINE_EXCEEDED, _LATE, model)
        finally:
            late.set()
            future.cancel()

    def close(self) -> None:
        """Lets running work end by itself, and starts no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
