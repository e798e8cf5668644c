"""Threads for REST requests: a fixed number run, some wait, further ones are refused."""

import asyncio
import threading
from concurrent import futures

from tfgan_kit.serving.rest.dispatch import Answer, refused

import grpc

_FULL = "Server Threadpool Exhausted"  # the message of the gRPC server
_LATE = "Timed out waiting for notification"  # TensorFlow Serving's


class RestThreads:
    """Runs work outside of the event loop.

    Args:
        running: threads.
        waiting: calls that may wait for one.
        seconds: the time after which a caller gets DEADLINE_EXCEEDED. Work that has started by then continues and
            keeps its thread; waiting work is dropped.
    """

    def __init__(self, running: int, waiting: int, seconds: float):
        self._pool = futures.ThreadPoolExecutor(running, thread_name_prefix="rest")
        self._free = threading.BoundedSemaphore(running + waiting)
        self._seconds = seconds

    async def answer(self, work, model: str = "") -> Answer:
        """Runs `work(is_cancelled)` in a thread.

        Args:
            work: callable; `is_cancelled()` is True once its caller has disconnected or got DEADLINE_EXCEEDED.
            model: the model name under which a refusal is counted.
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
        """Lets running work finish, and starts no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
