"""Threads for REST requests: a fixed number run, some wait, further ones are refused."""

import asyncio
import threading
from concurrent import futures

from tfgan_kit.serving.protocol.errors import RequestError

import grpc


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

    async def run(self, work):
        """Runs `work(is_cancelled)` in a thread; `is_cancelled()` is True once its caller has gone or was refused.

        Raises:
            RequestError: with TensorFlow Serving's codes and texts: no thread is free, or it took too long.
        """
        if not self._free.acquire(blocking=False):
            raise RequestError(grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")
        late = threading.Event()
        future = self._pool.submit(work, late.is_set)
        future.add_done_callback(lambda _: self._free.release())
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), self._seconds)
        except TimeoutError as error:
            text = "Timed out waiting for notification"
            raise RequestError(grpc.StatusCode.DEADLINE_EXCEEDED, text) from error
        finally:
            late.set()
            future.cancel()

    def close(self) -> None:
        """Lets running work finish, and starts no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
