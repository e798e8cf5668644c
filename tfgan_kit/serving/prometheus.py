"""The server's metrics for Prometheus, with TensorFlow Serving's names, labels and buckets.

Counters and histograms start with the process and never decrease, as Prometheus requires. Written by hand because
prometheus_client appends `_total` to a counter's name, and TensorFlow Serving's names have no such suffix.
"""

import bisect
import threading

_PREFIX = ":tensorflow:serving:"
_LOAD = ":tensorflow:cc:saved_model:"
# Microseconds: scale 10, growth 1.8, 33 limits, to about 25 minutes; then infinity
_LIMITS = [10 * 1.8**k for k in range(33)]
_LABELS = {
    f"{_LOAD}load_attempt_count": ("counter", ("model_path", "status")),
    f"{_LOAD}load_latency": ("counter", ("model_path",)),
    f"{_PREFIX}model_warmup_latency": ("histogram", ("model_path", "status")),
    f"{_PREFIX}model_warmup_records_read": ("counter", ("model_path", "status")),
    f"{_PREFIX}request_count": ("counter", ("model_name", "status")),
    f"{_PREFIX}request_latency": ("histogram", ("model_name", "API", "entrypoint")),
    f"{_PREFIX}runtime_latency": ("histogram", ("model_name", "API", "runtime")),
}
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class Monitor:
    """Counts requests, run times, loads and warmups. Any thread may call it; a call costs 1 to 2 µs.

    TensorFlow Serving uses any model name in a request as a label, so that anyone who can send requests can exhaust
    its memory. Here a name becomes a label only if the model exists: after a request that was answered OK, or
    `add_model`. Other names count as "".

    Example:

    ```python
    monitor = Monitor()
    monitor.request("digits", "Predict", "GRPC", "OK", 0.004)
    print(monitor.page())
    ```
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._models = set()
        self._points = {name: {} for name in _LABELS}

    def add_model(self, name: str) -> None:
        """Allows a name as a label before the first successful request."""
        self._models.add(name)

    def request(self, model_name: str, api: str, entrypoint: str, status: str, seconds: float):
        """Counts a request, and its latency if it was answered OK, as TensorFlow Serving does.

        Args:
            model_name: the name in the request.
            api: "Predict", "Classify", ... over gRPC; the method in the URL over REST, "" for status.
            entrypoint: "GRPC" or "REST".
            status: name of the gRPC code, "OK", "NOT_FOUND", ...
            seconds: from its arrival to its answer.
        """
        if status == "OK":
            self._models.add(model_name)
            self._observe("request_latency", (model_name, api, entrypoint), seconds)
        elif model_name not in self._models:
            model_name = ""
        self._count(f"{_PREFIX}request_count", (model_name, status))

    def runtime(self, model_name: str, api: str, seconds: float, runtime: str = "TF1") -> None:
        """Counts a run of the graph; "TF1" is TensorFlow Serving's name for any runtime but TFRT."""
        self._observe("runtime_latency", (model_name, api, runtime), seconds)

    def warmup(self, model_path: str, status: str, records: int, seconds: float) -> None:
        """Counts the warmup of a version: its folder, the name of the code, the records read, the time."""
        self._observe("model_warmup_latency", (str(model_path), status), seconds)
        self._count(f"{_PREFIX}model_warmup_records_read", (str(model_path), status), records)

    def load(self, model_path: str, status: str, seconds: float) -> None:
        """Counts the load of a version; status is "success" or "fail"."""
        self._count(f"{_LOAD}load_attempt_count", (str(model_path), status))
        self._count(f"{_LOAD}load_latency", (str(model_path),), round(seconds * 1e6))

    def _count(self, metric, labels, by=1):
        with self._lock:
            points = self._points[metric]
            points[labels] = points.get(labels, 0) + by

    def _observe(self, name, labels, seconds):
        microseconds = max(0, round(seconds * 1e6))
        bucket = bisect.bisect_left(_LIMITS, microseconds)
        with self._lock:
            points = self._points[_PREFIX + name]
            if labels not in points:
                points[labels] = [0] * (len(_LIMITS) + 1) + [0]
            points[labels][bucket] += 1
            points[labels][-1] += microseconds

    def page(self) -> str:
        """The exposition text (version 0.0.4); a metric without values is left out."""
        lines = []
        for metric, (kind, labels) in _LABELS.items():
            with self._lock:
                points = [(key, _copied(value)) for key, value in self._points[metric].items()]
            if points:
                lines.append(f"# TYPE {metric} {kind}")
            write = _histogram if kind == "histogram" else _counter
            for key, value in points:
                lines += write(metric, _pairs(labels, key), value)
        return "\n".join(lines) + "\n"


def _copied(value):
    return list(value) if isinstance(value, list) else value


def _pairs(names, values) -> str:
    pairs = zip(names, values, strict=True)
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in pairs)


def _counter(metric, pairs, value):
    return [f"{metric}{{{pairs}}} {value}"]


def _histogram(metric, pairs, value):
    *buckets, total = value
    limits = [*(f"{limit:g}" for limit in _LIMITS), "+Inf"]
    count, lines = 0, []
    for limit, number in zip(limits, buckets, strict=True):
        count += number
        lines.append(f'{metric}_bucket{{{pairs},le="{limit}"}} {count}')
    return [*lines, f"{metric}_sum{{{pairs}}} {total}", f"{metric}_count{{{pairs}}} {count}"]
