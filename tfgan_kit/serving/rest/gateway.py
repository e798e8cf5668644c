"""TensorFlow Serving's REST surface on a port of its own, for people, curl and Prometheus."""

import asyncio
import contextlib
import logging
import re
import threading
import time

from tfgan_kit.serving.prometheus import Monitor
from tfgan_kit.serving.rest import json_answers
from tfgan_kit.serving.rest.bodies import Bodies, BodyError
from tfgan_kit.serving.rest.dispatch import Answer, BodyTooLargeError, RestCalls, unpacked
from tfgan_kit.serving.rest.routes import model_of
from tfgan_kit.serving.rest.threads import RestThreads
from tfgan_kit.serving.rest_options import RestOptions

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

READY_PATH = "/readyz"  # ours; TensorFlow Serving has no such URL


_API = re.compile(r"/v1/.*", re.I)


_ORIGIN = re.compile(r"https?://")


_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}


_NOT_FOUND = b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"


class RestGateway:
    """Answers HTTP from a thread of its own. Neither encrypted nor authenticated, as there.

    Better than TensorFlow Serving on purpose: bodies, their depth and the calls at one time are
    bounded; a slow sender is cut off; `stop` lets running requests finish; and `/readyz` says 200
    only if every model can answer (503 and their names where one cannot), which a probe can use.

    Args:
        methods: `ModelMethods`, best with `as_content=True`.
        host: the address to listen on.
        port: 0 takes a free one; see `port`.
        options: `RestOptions`.
        monitor: `Monitor` that counts the requests; None: one of its own.
        unavailable: callable that gives the names of the models without an AVAILABLE version,
            quickly. None: a started gateway is always ready.

    Example:

    ```python
    gateway = RestGateway(methods, port=8501).start()
    # curl -d '{"instances": [1, 2, 3]}' http://127.0.0.1:8501/v1/models/digits:predict
    ```
    """

    def __init__(
        self,
        methods,
        host: str = "127.0.0.1",
        port: int = 8501,
        options: RestOptions | None = None,
        monitor: Monitor | None = None,
        unavailable=None,
    ):
        self.host, self.port = host, port
        self.options = options or RestOptions()
        self.monitor = monitor or Monitor()
        self._unavailable = unavailable or (lambda: ())
        self._calls = RestCalls(methods)
        o = self.options
        self._threads = RestThreads(o.threads(), 4 * o.threads(), o.timeout_in_ms / 1000)
        self._bodies = Bodies(o.max_body_bytes, 8 * o.max_body_bytes, o.read_timeout_seconds)
        self._running, self._stopping = 0, False
        self._here = set()  # of them, whose body is here
        self._loop = self._thread = self._failure = None
        self._started, self._ended = threading.Event(), None

    def start(self):
        """Opens the port. Raises OSError if it cannot: the port is in use, say."""
        self._thread = threading.Thread(target=self._live, name="rest", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self, grace: float = 30.0) -> bool:
        """Refuses new connections, lets running requests finish for up to `grace` seconds.

        A request whose body is not here by then is cut off.

        Returns:
            Whether all have ended.
        """
        if self._loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop has just ended
                self._loop.call_soon_threadsafe(self._ended.set_result, grace)
            self._thread.join(grace + 5)
        return not self._running

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _live(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._failure = error
        finally:
            self._threads.close()
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        http = Connections(self._handle, self.options.idle_timeout_seconds)
        listener = await self._loop.create_server(http, self.host, self.port, backlog=1024)
        self.port = listener.sockets[0].getsockname()[1]
        self._started.set()
        grace = await self._ended
        self._stopping = True
        listener.close()
        await self._drain(http, grace)

    async def _drain(self, http, grace: float) -> None:
        end = time.monotonic() + grace
        # A request may be on its way on a connection that is idle here: it is still answered
        await asyncio.sleep(min(0.2, grace))
        http.pre_shutdown()
        while self._here and time.monotonic() < end:
            await asyncio.sleep(0.01)
        await http.shutdown(timeout=0.1)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        started = time.monotonic()
        self._running += 1
        try:
            response = self._response(await self._answer(request), request, started)
            await self._send(request, response)
            return response
        finally:
            self._running -= 1
            self._here.discard(id(request))

    async def _send(self, request, response) -> None:
        self._here.add(id(request))
        try:
            async with asyncio.timeout(self.options.read_timeout_seconds):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:  # nobody reads it
            request.transport.abort()
        except ConnectionError:  # the caller has gone; aiohttp closes what is left
            pass

    async def _answer(self, request) -> Answer:
        path = request.raw_path
        if path == self.options.monitoring_path:
            return Answer(200, self.monitor.page().encode(), api="metrics", content_type="text/plain")
        if path == READY_PATH:
            return _readiness(self._unavailable(), self._stopping)
        if not _API.fullmatch(path):
            return Answer(404, _NOT_FOUND, content_type="text/html")
        if request.method == "OPTIONS":
            return _preflight(request.headers.get("Origin", ""))
        try:
            async with self._bodies.read(request) as body:
                self._here.add(id(request))
                return await self._called(request, body)
        except BodyError as error:
            return _unread(error)

    async def _called(self, request, body: bytes) -> Answer:
        verb, path = request.method, request.raw_path
        packed = "gzip" in request.headers.get("Content-Encoding", "").lower()

        def work(is_wanted) -> Answer:
            try:
                content = unpacked(body, self.options.max_body_bytes) if packed else body
            except BodyTooLargeError:
                return _unread(self._bodies.too_large())
            return self._calls.answer(verb, path, content, is_wanted)

        return await self._threads.answer(work, model_of(verb, path))

    def _response(self, answer: Answer, request, started) -> web.Response:
        if _API.fullmatch(request.raw_path):
            self.monitor.request(answer.model, answer.api, "REST", answer.code, time.monotonic() - started)
        headers = {"Content-Type": answer.content_type, "Server": "tfgan_kit"}
        if self.options.enable_cors_support:
            headers |= _CORS
        response = web.Response(status=answer.status, body=answer.body, headers=headers)
        if self._stopping or answer.closes:
            response.force_close()
        return response


def _readiness(missing, stopping: bool) -> Answer:
    missing = sorted(missing)
    ready = not missing and not stopping
    return Answer(200 if ready else 503, orjson.dumps({"ready": ready, "unavailable": missing}))


def _unread(error: BodyError) -> Answer:
    return Answer(error.status, json_answers.error_body(str(error)), error.code, closes=True)


def _preflight(origin: str) -> Answer:
    if _ORIGIN.search(origin):
        return Answer(200, b"")
    return Answer(400, b"", "FAILED_PRECONDITION")


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
