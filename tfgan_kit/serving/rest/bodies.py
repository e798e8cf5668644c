"""Reads the bodies of requests, with a bound on each, on all of them together, and on the time."""

import asyncio
import contextlib
import zlib

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

_TOO_SLOW = "The request's body did not arrive within {} s."
_TOO_LARGE = (
    "The request's body is larger than {} bytes: send fewer rows, encoded pictures in place of "
    "lists, or raise --rest_api_max_body_bytes."
)
_TOO_MANY = "The bodies of all running requests hold more than {} bytes: try again later."
_CODES = {400: "INVALID_ARGUMENT", 408: "DEADLINE_EXCEEDED", 413: "INVALID_ARGUMENT", 503: "UNAVAILABLE"}


class BodyError(Exception):
    """A body that is not read: the HTTP `status`, and the `code` that it is counted under."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status, self.code = status, _CODES[status]


def _too_large(most_bytes: int) -> BodyError:
    return BodyError(413, _TOO_LARGE.format(most_bytes))


class Bodies:
    """What the running requests hold in memory.

    Args:
        most_bytes: of one body, packed or unpacked.
        most_held: of all bodies together.
        seconds: that a body may take to arrive.
    """

    def __init__(self, most_bytes: int, most_held: int, seconds: float):
        self._most_bytes, self._most_held, self._seconds = most_bytes, most_held, seconds
        self._held = 0  # only the event loop's thread touches it

    @contextlib.asynccontextmanager
    async def read(self, request: web.BaseRequest):
        """Gives the body as it was sent; it counts as held until the context ends.

        Raises:
            BodyError: too large, too slow, too many, or not sent as HTTP says.
        """
        body = bytearray()
        try:
            await self._receive(request, body)
            yield bytes(body)
        finally:
            self._held -= len(body)

    async def _receive(self, request, body: bytearray) -> None:
        if (request.content_length or 0) > self._most_bytes:
            raise _too_large(self._most_bytes)
        try:
            async with asyncio.timeout(self._seconds):
                await _say_continue(request)
                async for chunk in request.content.iter_any():
                    body += chunk
                    self._held += len(chunk)
                    self._check(len(body))
        except TimeoutError as error:
            raise BodyError(408, _TOO_SLOW.format(self._seconds)) from error
        except (HttpProcessingError, web.RequestPayloadError) as error:
            raise BodyError(400, "The request's body is not sent as HTTP/1.1 says.") from error

    def _check(self, size: int) -> None:
        if size > self._most_bytes:
            raise _too_large(self._most_bytes)
        if self._held > self._most_held:
            raise BodyError(503, _TOO_MANY.format(self._most_held))


async def _say_continue(request) -> None:
    # curl waits a second for it before it sends more than a megabyte
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # aiohttp takes an answer that has begun for broken


def unpacked(body: bytes, most_bytes: int) -> bytes:
    """A gzip body's content; empty where it is no gzip, as TensorFlow Serving takes it.

    Raises:
        BodyError: it has more than `most_bytes`; no more than those are ever unpacked.
    """
    stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        content = stream.decompress(body, most_bytes + 1)
    except zlib.error:
        return b""
    if len(content) > most_bytes:
        raise _too_large(most_bytes)
    return content if stream.eof else b""
