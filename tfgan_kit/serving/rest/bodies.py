"""Reads request bodies with bounds on the size of each, on their total size, and on the time."""

import asyncio
import contextlib
import zlib

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

_TOO_SLOW = "The request's body did not arrive within {} s."
_TOO_LARGE = (
    "The request's body is larger than {} bytes: send fewer rows, encoded images in place of "
    "lists, or raise --rest_api_max_body_bytes."
)
_TOO_MANY = "The bodies of all running requests hold more than {} bytes: try again later."
_CODES = {400: "INVALID_ARGUMENT", 408: "DEADLINE_EXCEEDED", 413: "INVALID_ARGUMENT", 503: "UNAVAILABLE"}


class BodyError(Exception):
    """A body that is refused: the HTTP `status`, and the `code` under which it is counted."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status, self.code = status, _CODES[status]


def _too_large(most_bytes: int) -> BodyError:
    return BodyError(413, _TOO_LARGE.format(most_bytes))


class Bodies:
    """The request bodies in memory.

    Args:
        most_bytes: the largest size of one body, compressed or decompressed.
        most_held: the largest total size of all bodies.
        seconds: the longest time that a body may take to arrive.
    """

    def __init__(self, most_bytes: int, most_held: int, seconds: float):
        self._most_bytes, self._most_held, self._seconds = most_bytes, most_held, seconds
        self._held = 0  # only the event loop's thread uses it

    @contextlib.asynccontextmanager
    async def read(self, request: web.BaseRequest):
        """A context with the body as it was sent, which counts as held until the context ends.

        Raises:
            BodyError: too large, too slow, too many, or invalid HTTP.
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
            raise BodyError(400, "The request's body is not valid HTTP/1.1.") from error

    def _check(self, size: int) -> None:
        if size > self._most_bytes:
            raise _too_large(self._most_bytes)
        if self._held > self._most_held:
            raise BodyError(503, _TOO_MANY.format(self._most_held))


async def _say_continue(request) -> None:
    # curl waits up to a second for this before it sends more than a megabyte
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # otherwise aiohttp treats the answer as already begun


def unpacked(body: bytes, most_bytes: int) -> bytes:
    """A gzip body's content; empty if it is not gzip, as in TensorFlow Serving.

    Raises:
        BodyError: it is larger than `most_bytes`; no more than that is ever decompressed.
    """
    stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        content = stream.decompress(body, most_bytes + 1)
    except zlib.error:
        return b""
    if len(content) > most_bytes:
        raise _too_large(most_bytes)
    return content if stream.eof else b""
