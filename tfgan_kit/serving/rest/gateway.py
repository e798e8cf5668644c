"""TensorFlow Serving's REST API on a separate port, also for curl and Prometheus."""

import asyncio
import contextlib
import logging
import re
import threading
import time

from tfgan_kit.serving.options import ServerOptions
from tfgan_kit.serving.protocol.memory import RequestMemory
from tfgan_kit.serving.rest import routes
from tfgan_kit.serving.rest.bodies import Bodies
from tfgan_kit.serving.rest.dispatch import Answer, RestCalls, refused
from tfgan_kit.serving.rest.threads import RestThreads

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

READY_PATH = "/readyz"  # not in TensorFlow Serving
_LOGGER = logging.getLogger(__name__)
_MOST_CONNECTIONS = 512  # a process has 1,024 file descriptors by default, and needs some for other files
_LARGE_BYTES = 2**18  # of a body whose JSON takes long to read, and keeps Python's lock for much of that time
_LARGE_WAITING = 8
_LINGER_SECONDS = 1.0  # that a refused caller may keep sending, so that it can read the answer
_API = re.compile(r"/v1/.*", re.I)
_ORIGIN = re.compile(r"https?://")
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}
_NOT_FOUND = b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"


class RestGateway:
    """Answers HTTP in a separate thread, without encryption or authentication, as TensorFlow Serving does.

    Differences from TensorFlow Serving: bodies, their depth, their values and concurrent calls are bounded; large
    bodies are answered one at a time, so that small ones need not wait for them; a slow sender is disconnected; `stop`
    lets running requests finish; and for readiness probes `/readyz` answers 200 only if there is a model and every one
    is available, otherwise 503 with the names of those that are not.

    Args:
        methods: `ModelMethods`, preferably with `as_content=True`; its monitor counts the requests.
        options: `ServerOptions`, of which `host`, `rest_api_*` and `monitoring_config_file` are used; the port 0 is a
            free one, see `port`.
        memory: `RequestMemory`, which gRPC may share. None: one of the options.
        available: callable that returns, without blocking, by the name of each model whether it has an AVAILABLE
            version. None: a started gateway is always ready.

    Raises:
        ValueError: the monitoring file cannot be used.
    """

    def __init__(
        self, methods, options: ServerOptions | None = None, memory: RequestMemory | None = None, available=None
    ):
        self.options = o = options or ServerOptions()
        self.port = o.rest_api_port
        self._monitoring_path = o.metrics_path()
        self._monitor = methods.monitor
        self._available = available
        self._calls = RestCalls(methods, o.rest_api_max_json_values)
        seconds = o.rest_api_timeout_in_ms / 1000
        self._threads = RestThreads(o.rest_threads(), 4 * o.rest_threads(), seconds)
        self._large = RestThreads(1, _LARGE_WAITING, seconds)
        memory = memory or RequestMemory(o.max_request_bytes_in_work)
        self._bodies = Bodies(o.rest_api_max_body_bytes, memory, o.rest_api_read_timeout_seconds)
        self._running, self._stopping = 0, False
        self._here = set()  # the running requests whose body has arrived
        self._loop = self._thread = self._failure = None
        self._started, self._ended = threading.Event(), None

    def start(self):
        """Opens the port. Raises OSError if that fails, for example because it is in use."""
        self._thread = threading.Thread(target=self._live, name="rest", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self, grace: float = 30.0) -> bool:
        """Refuses new connections and lets running requests finish for up to `grace` seconds.

        A request whose body has not arrived by then is aborted. True if all have ended.
        """
        if self._loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
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
            self._large.close()
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        http = _HttpServer(self._handle, self.options.rest_api_idle_timeout_seconds)
        listener = await self._loop.create_server(http, self.options.host, self.port, backlog=1024)
        self.port = listener.sockets[0].getsockname()[1]
        self._started.set()
        grace = await self._ended
        self._stopping = True
        listener.close()
        await self._drain(http, grace)

    async def _drain(self, http: web.Server, grace: float) -> None:
        end = time.monotonic() + grace
        # A request that is in transit on an idle connection is still answered
        await asyncio.sleep(min(0.2, grace))
        http.pre_shutdown()
        while self._here and time.monotonic() < end:
            await asyncio.sleep(0.01)
        await http.shutdown(timeout=0.1)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._running += 1
        try:
            response = self._response(await self._answer(request), request)
            await self._send(request, response)
            return response
        finally:
            self._running -= 1
            self._here.discard(id(request))

    async def _send(self, request, response) -> None:
        self._here.add(id(request))
        try:
            async with asyncio.timeout(self.options.rest_api_read_timeout_seconds):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:  # the caller does not read it
            request.transport.abort()
        except ConnectionError:  # the caller has disconnected; aiohttp closes the connection
            pass

    async def _answer(self, request) -> Answer:
        path = routes.path_of(request.raw_path)
        alone = path.partition("?")[0]
        if alone == self._monitoring_path:
            return Answer(200, self._monitor.page().encode(), content_type="text/plain")
        if alone == READY_PATH:
            return self._readiness()
        if not _API.fullmatch(path):
            return Answer(404, _NOT_FOUND, content_type="text/html")
        started, target = time.monotonic(), routes.Target("", "")
        try:
            if request.method == "OPTIONS":
                answer = _preflight(request.headers.get("Origin", ""))
            else:
                target = routes.parse(request.method, path)
                answer = await self._called(request, target)
        except Exception as error:
            answer = refused(error)
        api = target.method.replace("status", "")
        self._monitor.request(target.name, api, "REST", answer.code, time.monotonic() - started)
        return answer

    async def _called(self, request, target) -> Answer:
        async with self._bodies.read(request) as body:
            self._here.add(id(request))
            threads = self._large if len(body) > _LARGE_BYTES else self._threads
            return await threads.run(lambda is_cancelled: self._calls.answer(target, body, is_cancelled))

    def _readiness(self) -> Answer:
        models = {} if self._available is None else self._available()
        missing = sorted(name for name, available in models.items() if not available)
        ready = not missing and not self._stopping and (bool(models) or self._available is None)
        return Answer(200 if ready else 503, orjson.dumps({"ready": ready, "unavailable": missing}))

    def _response(self, answer: Answer, request) -> web.Response:
        headers = {"Content-Type": answer.content_type, "Server": "tfgan_kit"}
        if self.options.rest_api_enable_cors_support:
            headers |= _CORS
        response = web.Response(status=answer.status, body=answer.body, headers=headers)
        if self._stopping or not request.content.is_eof():  # the rest of its body is not read
            response.force_close()
        return response


def _preflight(origin: str) -> Answer:
    if _ORIGIN.search(origin):
        return Answer(200, b"")
    return Answer(400, b"", "FAILED_PRECONDITION")


class _HttpServer(web.Server):
    """A factory of connections; a disconnect cancels the request, and excess connections are closed immediately."""

    def __init__(self, handle, idle_seconds: float):
        _LOGGER.addFilter(_is_worth_a_line)
        super().__init__(
            handle,
            handler_cancellation=True,
            keepalive_timeout=idle_seconds,
            lingering_time=_LINGER_SECONDS,
            auto_decompress=False,
            access_log=None,
            logger=_LOGGER,
        )

    def connection_made(self, handler, transport) -> None:
        """Called by aiohttp for each new connection."""
        super().connection_made(handler, transport)
        if len(self.connections) > _MOST_CONNECTIONS:
            transport.abort()


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)  # a caller's invalid HTTP is not logged
