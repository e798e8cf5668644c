"""One HTTP connection: aiohttp's, and what it leaves open."""

import logging

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

_LINGER = 1.0  # seconds that a refused sender may go on, so that it reads why
_MOST = 512  # open at one time: a process has 1,024 file descriptors by default, and needs some itself
_LOGGER = logging.getLogger(__name__)


class Connections(web.Server):
    """A factory of connections for `loop.create_server`. A caller that goes ends its request.

    Args:
        handle: coroutine function, request -> response.
        idle_seconds: see `RestOptions.idle_timeout_seconds`.
    """

    def __init__(self, handle, idle_seconds: float):
        _LOGGER.addFilter(_is_worth_a_line)
        super().__init__(
            handle, keepalive_timeout=idle_seconds, auto_decompress=False, access_log=None,
            lingering_time=_LINGER, logger=_LOGGER,
            handler_cancellation=True,  # of a caller that has gone
        )  # fmt: skip

    def __call__(self):
        """A connection that has just been made; one too many is closed at once."""
        connection = _Connection(self, loop=self._loop, **self._kwargs)
        connection.all = self
        return connection


class _Connection(web.RequestHandler):
    # aiohttp 3.14 queues the error of a body behind the request that waits for that body

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        if len(self.all.connections) > _MOST:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._current_request is not None:
            self.end_broken_body(self._current_request)

    def end_broken_body(self, request) -> None:
        """Makes the reader of a request's body see that HTTP's rules were broken in it."""
        failed = bool(self._messages) and not hasattr(self._messages[-1][0], "method")
        if failed and not request.content.is_eof():
            request.content.set_exception(web.RequestPayloadError("bad chunk"))
            request.content.feed_eof()  # else the end of the request waits for the rest


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)  # a caller's bad HTTP is its own affair
