"""Load on a server of generators, one step at a time: closed loop and open loop.

In a closed loop a caller sends its next request when it has its answer: a stalled server receives fewer
requests, so a stall counts only once per caller (Gil Tene's "coordinated omission"). In an open loop
requests are due at the times of a Poisson process, whatever the server does, and latency counts from
when a request was *due*, not from when it was sent: that is what users of a public service see. Calls
are not retried, so every refusal is counted.
"""

import collections
import dataclasses
import functools
import itertools
import threading
import time

import grpc
import numpy as np

from tfgan_kit_client.channel import PREDICT, TLS, open_channel
from tfgan_kit_client.contract import LABEL, LATENTS, SEED, STRENGTHS, TRUNCATION_PSI, Signature, W
from tfgan_kit_client.images import ImageRequest
from tfgan_kit_client.tensors import predict_request

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
_BODIES = 64  # different requests, sent in turn
_CONNECTIONS = 8  # of an open loop
_CHECK = "/grpc.health.v1.Health/Check"
_PAUSE = 0.01  # s after a refusal, so that a refused caller does not busy-loop


@dataclasses.dataclass(frozen=True)
class Step:
    """The measurements at one load.

    Args:
        loop: "closed" or "open".
        load: callers of a closed loop, requests a second of an open one.
        rows: images per request.
        seconds: from the first request to the last answer.
        latencies: s, of the requests that were answered, sorted.
        errors: dict name of the gRPC code -> count.
        words: dict name of the gRPC code -> message of the first such error.
        late: s, the 99 % quantile of the sender's own delay in an open loop.
    """

    loop: str
    load: float
    rows: int
    seconds: float
    latencies: np.ndarray
    errors: dict[str, int]
    words: dict[str, str] = dataclasses.field(default_factory=dict)
    late: float = 0.0

    @property
    def images_per_second(self) -> float:
        """Throughput of answered requests."""
        return self.rows * len(self.latencies) / self.seconds

    @property
    def milliseconds(self) -> dict[str, float]:
        """Latency quantiles of the answered requests, a dict; NaN if none was answered."""
        if not len(self.latencies):
            return dict.fromkeys(QUANTILES, float("nan"))
        # An observed latency, not an interpolated one: the k-th smallest of n is quantile k / n.
        values = np.quantile(self.latencies, list(QUANTILES.values()), method="inverted_cdf")
        return dict(zip(QUANTILES, (1e3 * values).tolist(), strict=True))

    def meets(self, target_ms: float) -> bool:
        """True if 99 % of all requests, failed ones included, were answered within the target."""
        within = np.searchsorted(self.latencies, target_ms / 1e3, side="right")
        return bool(within and within >= 0.99 * (len(self.latencies) + sum(self.errors.values())))


class Traffic:
    """Requests for one signature of one model, each with other seeds.

    Args:
        target: "host:port" of gRPC.
        model_name: the name it is served under.
        signature: the `Signature` to call.
        rows: int >= 1, images per request.
        timeout: s, the deadline of every request.
        tls: the certificates; None: not encrypted.
        version: int, str or None, as `GeneratorClient` takes it.
    """

    def __init__(
        self, target: str, model_name: str, signature: Signature, rows: int, timeout: float,
        tls: TLS | None = None, version: int | str | None = None,
    ):  # fmt: skip
        self.target, self.rows, self.timeout, self.tls = target, rows, timeout, tls
        self.bodies = [_body(model_name, signature, rows, seed, version) for seed in range(_BODIES)]

    def connect(self):
        """A new connection, and its Predict: bytes in, bytes out, no retries."""
        channel = open_channel(self.target, self.tls, retries=False)
        return channel, channel.unary_unary(PREDICT)


def _body(model_name, signature, rows, seed, version) -> bytes:
    unknown = set(signature.inputs) - {SEED, LABEL, LATENTS, W, TRUNCATION_PSI, STRENGTHS}
    if unknown:
        raise ValueError(
            "A load test sends seed, label, latents, w, truncation_psi and strengths; choose another --signature. "
            f"Received: signature={signature.name}, which takes {', '.join(sorted(unknown))}"
        )
    random = np.random.default_rng(seed)
    drawn = {
        name: random.standard_normal((rows, *signature.inputs[name].shape[1:]), np.float32)
        for name in (LATENTS, W, STRENGTHS)
        if name in signature.inputs
    }
    labels = [0] * rows if LABEL in signature.inputs else None
    given = ImageRequest(rows, seed if SEED in signature.inputs else 0, labels, **drawn)
    request = predict_request(signature, given.rows(0, rows, signature.inputs))
    request.model_spec.name = model_name
    if isinstance(version, str):
        request.model_spec.version_label = version
    elif version is not None:
        request.model_spec.version.value = version
    return request.SerializeToString()


class _Record:
    """Latencies and errors of a step's requests; thread-safe."""

    def __init__(self):
        self.latencies, self.errors, self.words = [], collections.Counter(), {}
        self._lock = threading.Lock()

    def answered(self, seconds):
        self.latencies.append(seconds)

    def failed(self, error):
        with self._lock:
            self.errors[error.code().name] += 1
            self.words.setdefault(error.code().name, error.details())

    def step(self, loop, load, rows, seconds, late=0.0):
        latencies = np.sort(np.array(self.latencies, np.float64))
        return Step(loop, load, rows, seconds, latencies, dict(self.errors), self.words, late)


def closed_loop(traffic: Traffic, callers: int, seconds: float) -> Step:
    """Callers, each with its own connection, send their next request when they have their answer.

    Args:
        traffic: the requests.
        callers: int >= 1.
        seconds: how long new requests are sent.
    """
    record, stopping = _Record(), threading.Event()
    ready = threading.Barrier(callers + 1)
    threads = [
        threading.Thread(target=_caller, args=(traffic, k, record, ready, stopping), daemon=True)
        for k in range(callers)
    ]
    for thread in threads:
        thread.start()
    try:
        ready.wait()
        start = time.perf_counter()
        stopping.wait(seconds)
    finally:  # also after Ctrl-C
        stopping.set()
    for thread in threads:
        thread.join()
    return record.step("closed", callers, traffic.rows, time.perf_counter() - start)


def _caller(traffic, number, record, ready, stopping):
    channel, predict = traffic.connect()
    bodies = itertools.cycle(traffic.bodies[number % _BODIES :] + traffic.bodies[: number % _BODIES])
    with channel:
        _connected([channel], traffic.timeout)
        ready.wait()
        while not stopping.is_set():
            start = time.perf_counter()
            try:
                predict(next(bodies), timeout=traffic.timeout)
            except grpc.RpcError as error:
                record.failed(error)
                stopping.wait(_PAUSE)
            else:
                record.answered(time.perf_counter() - start)


def open_loop(traffic: Traffic, rate: float, seconds: float, seed: int = 0) -> Step:
    """Requests are due at the times of a Poisson process, from which latency counts.

    Args:
        traffic: the requests.
        rate: requests per second, on average.
        seconds: duration of the process.
        seed: int; draws the times.
    """
    record, late = _Record(), []
    channels = [traffic.connect() for _ in range(_CONNECTIONS)]
    try:
        _connected([channel for channel, _ in channels], traffic.timeout)
        methods, bodies = itertools.cycle(channels), itertools.cycle(traffic.bodies)
        start, pending = time.perf_counter(), _Pending()
        for moment in poisson(rate, seconds, seed):
            due = start + moment
            time.sleep(max(0.0, due - time.perf_counter()))
            late.append(time.perf_counter() - due)
            pending.add()
            call = next(methods)[1].future(next(bodies), timeout=traffic.timeout)
            call.add_done_callback(functools.partial(_done, record, pending, due))
        pending.wait()
        took = max(seconds, time.perf_counter() - start)
    finally:
        for channel, _ in channels:
            channel.close()
    return record.step("open", rate, traffic.rows, took, float(np.quantile(late, 0.99)) if late else 0.0)


def poisson(rate: float, seconds: float, seed: int) -> np.ndarray:
    """The times of a Poisson process in s, ascending, below `seconds`."""
    rng = np.random.default_rng(seed)
    # Given their number, the times of a Poisson process are independent and uniform.
    return np.sort(rng.uniform(0, seconds, rng.poisson(rate * seconds)))


def _done(record, pending, due, call):
    now = time.perf_counter()
    try:
        error = call.exception()
        record.answered(now - due) if error is None else record.failed(error)
    finally:
        pending.remove()


class _Pending:
    """Counts running calls; `wait` returns when there are none."""

    def __init__(self):
        self._number, self._changed = 0, threading.Condition()

    def add(self):
        with self._changed:
            self._number += 1

    def remove(self):
        with self._changed:
            self._number -= 1
            self._changed.notify()

    def wait(self):
        with self._changed:
            self._changed.wait_for(lambda: self._number == 0)


def _connected(channels, timeout):
    """Connects beforehand, so that no request includes it; if the server is down, the requests fail later."""
    asked = [channel.unary_unary(_CHECK).future(b"", min(timeout, 1.0), wait_for_ready=True) for channel in channels]
    for call in asked:
        call.code()  # any answer, even UNIMPLEMENTED, means that there is a connection
