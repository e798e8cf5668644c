"""A stand-in for `tensorflow_model_server`: the embedded server, which here does what the real one was measured to do.

    TFGAN_KIT_SERVING_BINARY="python -m tests.integration.conformance.stub" pytest tests/integration/conformance

It shows that the suite can be run against a real server. What differs (section z of shared/field/serving.md, and
`differences.py`) differs here too, but for NOT_IMITATED; a request that would wreck a real server ends this one.
"""

import functools
import json
import os
import re
import sys
import threading
import time

from tfgan_kit.serving import ModelServer, StartError, config_files
from tfgan_kit.serving import __main__ as command
from tfgan_kit.serving.models import load_retries, loading, model_list, versions
from tfgan_kit.serving.prometheus import Monitor
from tfgan_kit.serving.protocol.errors import RequestError
from tfgan_kit.serving.protocol.methods import ModelMethods
from tfgan_kit.serving.rest import dispatch, gateway, json_answers

import grpc
import numpy as np
from absl import app, flags
from google.protobuf import message
from tensorflow.core.protobuf import saved_model_pb2

WRECKED = "WRECKED"  # what it prints at its end
NOT_IMITATED = (
    "test_batching.py::test_rows_of_other_inner_shape_in_one_batch",
    "test_limits.py::test_watching_health",
    "test_rest_hostile.py::test_ten_thousand_headers",
    "test_rest_http.py::test_a_body_that_claims_a_terabyte",
    "test_rest_predict.py::test_a_string_that_is_no_utf8",
)
_FLAGS = flags.FLAGS
_POLL = "file_system_poll_wait_seconds"
_THEIRS = {
    "num_load_threads", "num_unload_threads", "tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism",
    "tensorflow_session_parallelism", "xla_cpu_compilation_enabled", "flush_filesystem_caches", "enable_profiler",
}  # fmt: skip
_DEEP = 20_000
_PAUSE = 1.0  # seconds in which a model that was left out may not come back
_MORE_METRICS = """# TYPE :tensorflow:core:graph_optimization_usecs counter
:tensorflow:core:graph_optimization_usecs{kind="Grappler",name="tfg{any(tfg-shape-inference{graph-version=0})}"} 5
# TYPE :tensorflow:core:graph_runs counter
:tensorflow:core:graph_runs{} 28
# TYPE :tensorflow:serving:batching_session:queuing_latency histogram
"""


def _wrecked(reason: str):
    print(f"{WRECKED}: {reason}", file=sys.stderr, flush=True)
    os._exit(139)


# Versions on disk


def _version_paths(base_path) -> dict:
    names = sorted(name for name in os.listdir(base_path) if re.fullmatch("[0-9]{1,19}", name))
    found = {int(name): base_path / name for name in names if int(name) < 2**63}
    return dict(sorted(found.items(), reverse=True))


class _Hollow:
    """A version without variables: it is there, and answers nothing."""

    def __init__(self, path):
        self.path, self.version, self.signatures, self.signature_defs = path, int(path.name), {}, {}

    def signature(self, name):
        raise RequestError(grpc.StatusCode.FAILED_PRECONDITION, "Could not find variable v.")

    def close(self):
        """Nothing is held."""


def _load(self, path, whole=loading.Loader.__call__):
    graph = path / "saved_model.pb"
    if graph.is_file():
        try:
            saved_model_pb2.SavedModel.FromString(graph.read_bytes())
        except message.DecodeError as error:
            raise RequestError(grpc.StatusCode.OUT_OF_RANGE, "Read less bytes than requested") from error
    if not graph.is_file() or (path / "variables").is_dir():
        return whole(self, path)
    self._monitor.load(path, "success", 0.1)
    hollow = _Hollow(path)
    if (path / "assets.extra" / "tf_serving_warmup_requests").is_file():
        hollow.signature("")
    return hollow


def _try(self, version, path):
    retries = self._retries
    for left in range(retries._retries, -1, -1):
        self._mark(version, versions._STATUS.LOADING)
        try:
            return self._load(path)
        except Exception as error:
            failure = error
        time.sleep(retries._seconds if left else 0)
    retries.add(path, ())
    self._mark(version, versions._STATUS.END, failure)
    return None


# Reloads


def _reload(self, config):
    models = config.model_config_list.config
    for model in models:
        if not (model.model_platform or model.model_type):
            _wrecked(f"{model.name} has no model_platform")
        if "\n" in model.name:
            _wrecked(f"the name {model.name!r}")
    model_list._check(config)
    _check_harmless(self, models)
    labels = self._checked_labels(config.model_config_list)
    listed = {model.name for model in self._listed.config}
    new = [model.name for model in models if model.name not in listed]
    with self._changing:
        left = listed - {model.name for model in models}
        self.left = getattr(self, "left", {}) | dict.fromkeys(left, time.monotonic())
        self._replace(config.model_config_list, labels)
    polling = threading.Thread(target=self.poll, daemon=True)
    polling.start()
    while any(self._versions[name].current is None for name in new) and polling.is_alive():
        time.sleep(0.005)
    self._check_available(new)


def _check_harmless(self, models):
    for model in models:
        if _is_empty(model.base_path):
            _wrecked(f"nothing in {model.base_path}")
        if time.monotonic() - getattr(self, "left", {}).get(model.name, -_PAUSE) < _PAUSE:
            _wrecked(f"{model.name} is back at once")


def _is_empty(base_path) -> bool:
    return not any(name.isdigit() for name in (os.listdir(base_path) if os.path.isdir(base_path) else ()))


# Requests


def _run(self, model, request, is_cancelled=lambda: False, run=ModelMethods.run):
    for tensor in request.inputs.values():
        tensor.tensor_shape.unknown_rank = False
        empty = tensor.tensor_shape.dim and not tensor.tensor_shape.dim[0].size
        while empty and _FLAGS.enable_batching and not is_cancelled():
            time.sleep(0.05)
    return run(self, model, request, is_cancelled)


def _answer(self, target, body, is_cancelled=lambda: False, answer=dispatch.RestCalls.answer):
    depths = np.cumsum([1 if bracket in b"[{" else -1 for bracket in re.findall(rb"[][{}]", body)] or [0])
    if depths.max() > _DEEP and depths[-1] == 0:
        _wrecked("a recursion")
    try:
        body.decode()
    except UnicodeDecodeError:
        return dispatch.Answer(400, b'{\n    "error": "JSON Value: ' + body[15:17] + b'"\n}', "INVALID_ARGUMENT")
    return answer(self, target, body, is_cancelled)


def _text(value, arrays=()) -> bytes:
    if isinstance(value, dict):
        return b"{%s}" % b", ".join(b"%s: %s" % (json.dumps(key).encode(), _text(value[key])) for key in value)
    if isinstance(value, list) or getattr(value, "ndim", 0):
        return b"[%s]" % b",\n".join(map(_text, value))
    if isinstance(value, np.floating) and np.isfinite(value):
        short = f"{value:.6g}"
        text = short if type(value)(short) == value else f"{value:.{9 if value.dtype == np.float32 else 17}g}"
        return (text if re.search("[.e]", text) else f"{text}.0").encode()
    return json.dumps(value.item() if isinstance(value, np.generic) else value).encode()


def _response(self, answer, request, response=gateway.RestGateway._response):
    made = response(self, answer, request)
    if answer.content_type == "text/html":
        made.force_close()
    return made


def _request(self, model_name, *rest, request=Monitor.request):
    if "\n" in model_name:
        _wrecked("a page of metrics")
    self.add_model(model_name)
    request(self, model_name, *rest)


def _page(self, page=Monitor.page):
    return page(self) + _MORE_METRICS


def _imitate():
    versions.version_folders = model_list.version_folders = _version_paths
    versions.Versions._try = _try
    load_retries.LoadRetries.may_try = lambda self, path: path not in self._failed
    loading.Loader.__call__ = _load
    model_list.Models.reload = _reload
    ModelMethods.run = _run
    Monitor.request, Monitor.page = _request, _page
    dispatch.RestCalls.answer = _answer
    gateway.RestGateway._response, gateway.READY_PATH = _response, None
    json_answers._text = _text
    json_answers.sorted = functools.partial(sorted, reverse=True)  # protocol buffers' maps have no order
    config_files._NOT_OFFERED = ()


# The command


def _lines(argv) -> list[str]:
    """The embedded server's own flags among those of tensorflow_model_server; an unknown one is printed."""
    given = {line.lstrip("-").partition("=")[0]: line for line in argv}
    poll = given.get(_POLL, "=1").partition("=")[2]
    if not re.fullmatch("-?[0-9]+", poll):
        print(f"usage: Couldn't interpret value {poll} for flag {_POLL}.")
        sys.exit(255)
    if int(poll) < 0:  # it never looks for a version
        threading.Event().wait()
    for name in given.keys() - set(_FLAGS) - _THEIRS:
        print(f"usage: unknown flag {name}")
    if "rest_api_port" in given and given["rest_api_port"].partition("=")[2] == given["port"].partition("=")[2]:
        print("ERROR: --rest_api_port cannot be same as --port. Please use a different port for HTTP/REST API.")
        given = {name: line for name, line in given.items() if name not in ("rest_api_port", "monitoring_config_file")}
    return [line for name, line in given.items() if name in set(_FLAGS)]


def main(argv):
    """Serves until a signal ends it, at once."""
    del argv
    while os.path.isabs(_FLAGS.model_base_path or "") and _is_empty(_FLAGS.model_base_path):
        time.sleep(0.1)
    try:
        server = ModelServer(options=command.options_of_flags()).start()
    except (StartError, ValueError) as error:
        print(f"Failed to start server. Error: {error}", flush=True)
        sys.exit(255)
    threading.Event().wait()
    del server  # not before: its ports close when it is collected


if __name__ == "__main__":
    _imitate()
    command.define_flags()
    app.run(main, [sys.argv[0], *_lines(sys.argv[1:])])
