"""`--monitoring_config_file`: Prometheus's page, with TensorFlow Serving's names."""

import re
import shutil

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import prediction_log_pb2

from tests.integration.conformance import starts
from tests.integration.conformance.calls import http_call, post, predict, predict_request, refused
from tests.serving import toy

PATH = "/monitoring/prometheus/metrics"
SEED = {"seed": np.int64([1])}
LABEL = r'(\w+)="((?:[^"\\\n]|\\.)*)"'  # a value may hold braces
LINE = re.compile(rf"(?P<name>[a-zA-Z_:][\w:]*)\{{(?P<labels>(?:{LABEL},?)*)\}} (?P<value>\S+)")


def _page(server):
    reply = http_call(server, "GET", PATH)
    assert reply.code == 200 and reply.headers["Content-Type"].startswith("text/plain")
    return reply.text


def _values(server):
    """The samples: (name without :tensorflow:, labels) -> value."""
    return _samples(_page(server))


def _samples(page):
    samples = {}
    for line in page.split("\n"):
        if line and not line.startswith("#"):
            found = LINE.fullmatch(line)
            if not found and not starts.EMBEDDED:  # there a name that a test sent stands as it is
                continue
            assert found, line
            name, labels = found["name"].removeprefix(":tensorflow:"), found["labels"]
            samples[name, frozenset(re.findall(LABEL, labels))] = float(found["value"])
    return samples


def _value(server, name, **labels):
    return _values(server).get((name, frozenset(labels.items())), 0)


def test_a_label_may_hold_braces():
    page = ':tensorflow:a{kind="x",name="f{v=0},\\"g\\"{"} 5\n:tensorflow:b{} 3\n'
    labels = frozenset({("kind", "x"), ("name", 'f{v=0},\\"g\\"{')})
    assert _samples(page) == {("a", labels): 5, ("b", frozenset()): 3}


COUNTED = {
    "a prediction": ("OK", lambda server, model: predict(server, SEED, name=model)),
    "a prediction by REST": ("OK", lambda server, model: post(server, {"instances": [1]}, name=model)),
    "a refused one": ("INVALID_ARGUMENT", lambda server, model: refused(server, {}, name=model)),
    "a version that there is not": ("NOT_FOUND", lambda server, model: refused(server, SEED, name=model, version=9)),
}


@pytest.mark.parametrize("case", COUNTED)
def test_requests_are_counted_by_model_and_status(own, rest, case):
    status, ask = COUNTED[case]
    own.publish(1)
    own.serve()
    ask(rest, own.name)
    ask(rest, own.name)
    assert _value(rest, "serving:request_count", model_name=own.name, status=status) == 2


LATENCIES = {
    "GRPC": ("Predict", lambda server, model: predict(server, SEED, name=model)),
    "REST": ("predict", lambda server, model: post(server, {"instances": [1]}, name=model)),
}


@pytest.mark.parametrize("entrypoint", LATENCIES)
def test_latency_is_a_histogram_of_microseconds(own, rest, entrypoint):
    api, ask = LATENCIES[entrypoint]
    own.publish(1)
    own.serve()
    ask(rest, own.name)
    labels = {"model_name": own.name, "API": api, "entrypoint": entrypoint}
    name = "serving:request_latency"
    assert _value(rest, f"{name}_count", **labels) == 1
    assert 10 < _value(rest, f"{name}_sum", **labels) < 10e6
    assert _value(rest, f"{name}_bucket", **labels, le="+Inf") == 1


def test_a_refused_request_has_no_latency(own, rest):
    own.publish(1)
    own.serve()
    refused(rest, {}, name=own.name)
    labels = {"model_name": own.name, "API": "Predict", "entrypoint": "GRPC"}
    assert _value(rest, "serving:request_latency_count", **labels) == 0


NAMES = (
    "serving:request_count", "serving:request_latency", "serving:runtime_latency",
    "serving:model_warmup_latency", "cc:saved_model:load_latency", "cc:saved_model:load_attempt_count",
)  # fmt: skip


@pytest.fixture(scope="module")
def after_a_request(plain, saved, tmp_path_factory):
    """The page, once a model was loaded, warmed up and asked."""
    if plain.rest is None:
        pytest.skip(starts.why_not("plain", rest=True))
    folder = tmp_path_factory.mktemp("warm")
    toy.publish(saved[1], folder, "tmp")
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(predict_request(SEED))
    toy.write_warmup(folder / "tmp", [log.SerializeToString()])
    (folder / "tmp").rename(folder / "1")
    name = starts.new_name("warm")
    plain.reload(starts.model(name, folder))
    predict(plain, SEED, name=name)
    page = _page(plain)
    plain.reload()
    return page


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_of_that_name(after_a_request, name):
    assert f"# TYPE :tensorflow:{name} " in after_a_request


def test_no_metric_knows_versions_or_signatures(own, rest):
    own.publish(1)
    own.serve()
    predict(rest, SEED, name=own.name)
    labels = {label for name, pairs in _values(rest) for label, _ in pairs if name.startswith("serving:request")}
    assert labels <= {"model_name", "status", "API", "entrypoint", "le"}


def test_the_load_of_a_half_written_version_with_a_warmup_file(own, rest, expected):
    """There it succeeds and its warmup fails. What both have: no warmup of that version counts as good."""
    version = own.publish("tmp")
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(predict_request(SEED))
    toy.write_warmup(version, [log.SerializeToString()])
    shutil.rmtree(version / "variables")
    version.rename(own.base_path / "1")
    with pytest.raises(grpc.RpcError):
        own.serve()
    path = ("model_path", str(own.base_path / "1"))
    counted = [(name, dict(labels)["status"]) for name, labels in _values(rest) if path in labels and len(labels) == 2]
    assert ("cc:saved_model:load_attempt_count", expected("success")) in counted
    assert ("serving:model_warmup_latency_count", "OK") not in counted


def test_an_unknown_models_name(rest, expected):
    """It becomes a label all the same."""
    labels = {"model_name": expected("nobody"), "status": "NOT_FOUND"}
    before = _value(rest, "serving:request_count", **labels)
    refused(rest, SEED, name="nobody")
    assert _value(rest, "serving:request_count", **labels) == before + 1


def test_the_page_is_at_its_path_alone(rest):
    assert http_call(rest, "GET", PATH + "/").code == 404
