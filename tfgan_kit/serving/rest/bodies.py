"""Reads request bodies with bounds on the size of each, on their total size, and on the time."""

import asyncio
import contextlib
import zlib

from tfgan_kit.serving.protocol.errors import RequestError
from tfgan_kit.serving.protocol.memory import RequestMemory, Unpacking

import grpc
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

_TOO_SLOW = "The request's body did not arrive within {} s."
_TOO_LARGE = (
    "The request's body is larger than {} bytes: send fewer rows, encoded images in place of "
    "lists, or raise --rest_api_max_body_bytes."
)


class BodyError(RequestError):
    """A body that is refused with an `http_status` that no gRPC code has."""

    def __init__(self, http_status: int, code: grpc.StatusCode, text: str):
        super().__init__(code, text)
        self.http_status = http_status


class Bodies:
    """Receives the bodies of requests.

    Args:
        most_bytes: the largest size of one body, compressed or decompressed.
        memory: `RequestMemory`, which bounds the total size.
        seconds: the longest time that a body may take to arrive.
    """

    def __init__(self, most_bytes: int, memory: RequestMemory, seconds: float):
        self._most_bytes, self._memory, self._seconds = most_bytes, memory, seconds

    @contextlib.asynccontextmanager
    async def read(self, request: web.BaseRequest):
        """A context with the decompressed body, whose memory counts until the context ends.

        A gzip body that is not gzip is empty, as in TensorFlow Serving.

        Raises:
            RequestError: too large, too slow, too many, or invalid HTTP.
        """
        with self._memory.request() as add:
            yield await self._received(request, add)

    async def _received(self, request, add) -> bytearray:
        self._check(request.content_length or 0)
        unpacking = Unpacking() if "gzip" in request.headers.get("Content-Encoding", "").lower() else None
        try:
            async with asyncio.timeout(self._seconds):
                await _say_continue(request)
                body = await self._content(request.content, unpacking, add)
        except TimeoutError as error:
            text = _TOO_SLOW.format(self._seconds)
            raise BodyError(408, grpc.StatusCode.DEADLINE_EXCEEDED, text) from error
        except (HttpProcessingError, web.RequestPayloadError) as error:
            raise BodyError(
                400, grpc.StatusCode.INVALID_ARGUMENT, "The request's body is not valid HTTP/1.1."
            ) from error
        except zlib.error:
            return bytearray()
        return body if unpacking is None or unpacking.whole else bytearray()

    async def _content(self, chunks, unpacking: Unpacking | None, add) -> bytearray:
        arrived, body = 0, bytearray()
        async for chunk in chunks.iter_any():
            arrived += len(chunk)
            for piece in [chunk] if unpacking is None else unpacking.feed(chunk):
                add(len(piece))
                body += piece
                self._check(len(body))
                await asyncio.sleep(0)  # a chunk may unpack to a thousand times its size; other callers come between
            self._check(arrived)
        return body

    def _check(self, size: int) -> None:
        if size > self._most_bytes:
            raise BodyError(413, grpc.StatusCode.INVALID_ARGUMENT, _TOO_LARGE.format(self._most_bytes))


async def _say_continue(request) -> None:
    # curl waits up to a second for this before it sends more than a megabyte
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # otherwise aiohttp treats the answer as already begun
