"""The callers of `benchmarks/serving/soak.py`: raw gRPC, no retries, in a process of their own.

    serving_soak_callers.py closed TARGET CALLERS CALLS [EXPECTED.npz]
    serving_soak_callers.py open TARGET RATE SECONDS

`closed`: every caller asks for the next seed once it has an answer, and compares version and bytes,
if told what to expect; ends after CALLS, or at the end of its input when CALLS is 0. `open`: asks at
a fixed rate, whatever is answered. Prints a line of JSON about every half second; the last one has `"done": true`.
"""

import collections
import itertools
import json
import pathlib
import sys
import threading
import time

import grpc
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

from tfgan_kit_client import wire  # noqa: E402  (needs the path; imports no TensorFlow)

_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_INT64 = 9
_SEEDS = 256


def request(seed: int) -> bytes:
    """A serialised PredictRequest for one image."""
    message = wire.PredictRequest()
    message.model_spec.name = "model"
    tensor = message.inputs["seed"]
    tensor.dtype = _INT64
    tensor.tensor_shape.dim.add(size=1)
    tensor.int64_val.append(seed)
    return message.SerializeToString()


class Tally:
    """Counts of what became of the calls; many threads add to it."""

    def __init__(self):
        self._lock = threading.Lock()
        self.counts = collections.Counter()
        self.latencies = []  # seconds of every call, and whether it was answered
        self.worst = {}  # version -> largest difference in levels

    def add(self, what: str, seconds: float) -> None:
        """One call's outcome: "answered", or "status: text"."""
        with self._lock:
            self.counts[what] += 1
            self.latencies.append((what == "answered", seconds))

    def compare(self, version: int, levels: float) -> None:
        """One answer's distance from what that version should answer."""
        with self._lock:
            self.counts[f"version {version}"] += 1
            self.worst[version] = max(levels, self.worst.get(version, 0.0))

    def line(self, done=False) -> str:
        """What has been counted so far; the last line has the latencies."""
        with self._lock:
            latencies = self.latencies if done else []
            return json.dumps({
                "done": done, "time": time.monotonic(), "counts": self.counts, "worst": self.worst,
                "answered_ms": _quantiles([seconds for good, seconds in latencies if good]),
                "refused_ms": _quantiles([seconds for good, seconds in latencies if not good]),
            })  # fmt: skip


def _quantiles(seconds):
    return [] if not seconds else (1e3 * np.percentile(seconds, [50, 99, 100])).round(2).tolist()


def _report(tally, running):
    while running.is_set():
        time.sleep(0.5)
        print(tally.line(), flush=True)


def _connections(number, target):
    own = [("grpc.use_local_subchannel_pool", 1)]
    return [grpc.insecure_channel(target, own).unary_unary(_PREDICT) for _ in range(number)]


def closed(target, callers, calls, expected, tally):
    """`callers` threads ask for seeds in turn and compare, `calls` in all."""
    stop, turn = threading.Event(), itertools.count()
    if not calls:
        threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()

    def ask(predict):
        while not stop.is_set():
            number = next(turn)
            if calls and number >= calls:
                return
            _one(predict, number % _SEEDS, expected, tally)

    threads = [threading.Thread(target=ask, args=(one,)) for one in _connections(callers, target)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _one(predict, seed, expected, tally):
    started = time.perf_counter()
    try:
        answer = predict(request(seed), timeout=60)
    except grpc.RpcError as error:
        tally.add(f"{error.code().name}: {error.details()}", time.perf_counter() - started)
        time.sleep(1.0)  # as a client that was refused and backs off, or asks elsewhere
        return
    tally.add("answered", time.perf_counter() - started)
    if expected is None:
        return
    answer = wire.PredictResponse.FromString(answer)
    version = answer.model_spec.version.value
    images = np.array(answer.outputs["images"].int_val, np.int64)
    wanted = expected[version % len(expected), seed].ravel().astype(np.int64)
    same_size = images.shape == wanted.shape
    tally.compare(version, float(np.abs(images - wanted).max()) if same_size else 256.0)


def paced(target, rate, seconds, tally):
    """`rate` calls a second for `seconds`, none of which waits for another."""
    predicts, body, pending = _connections(16, target), request(1), threading.Semaphore(0)
    calls, started = int(rate * seconds), time.perf_counter()
    futures = []  # grpc cancels a call whose future nobody holds
    for number in range(calls):
        time.sleep(max(0.0, started + number / rate - time.perf_counter()))
        asked = time.perf_counter()
        futures.append(predicts[number % len(predicts)].future(body, timeout=60))
        futures[-1].add_done_callback(_noting(asked, tally, pending))
    for _ in range(calls):
        pending.acquire()


def _noting(started, tally, pending):
    def note(future):
        code = future.code()
        answered = code is grpc.StatusCode.OK
        what = "answered" if answered else f"{code.name}: {future.details()}"
        tally.add(what, time.perf_counter() - started)
        pending.release()

    return note


def main():
    """Runs one of the two until it is done."""
    kind, target, first, second, *rest = sys.argv[1:]
    tally, running = Tally(), threading.Event()
    running.set()
    reporter = threading.Thread(target=_report, args=(tally, running))
    reporter.start()
    if kind == "closed":
        expected = np.load(rest[0])["images"] if rest else None
        closed(target, int(first), int(second), expected, tally)
    else:
        paced(target, float(first), float(second), tally)
    running.clear()
    reporter.join()
    print(tally.line(done=True), flush=True)


if __name__ == "__main__":
    main()
