"""HandleReloadConfigRequest: the whole list replaces the old one, or is refused whole."""

import contextlib
import time

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import model_management_pb2, prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from tests.integration.conformance import starts
from tests.integration.conformance.calls import (
    INVALID,
    NOT_FOUND,
    http_call,
    names,
    predict_request,
    refusal,
    refused,
    scale_of,
    states,
    status_of,
)
from tests.serving import toy

SEED = {"seed": np.int64([1])}


def _until_ended(server, *names):
    """Waits until models that were left out are unloaded: TensorFlow Serving hangs where they come back before."""
    toy.until(lambda: all(set(states(server, name).values()) == {"END"} for name in names))
    time.sleep(starts.SETTLE_SECONDS)


def test_a_reload_answers_once_a_version_of_the_new_model_is_up(own):
    own.publish(1)
    answer = own.serve()
    assert (answer.status.error_code, answer.status.error_message) == (0, "")
    assert own.scale() == 1


def test_a_model_left_out_is_served_no_more(own):
    own.publish(1)
    own.serve()
    own.server.reload()
    own.until(v1="END")
    assert refused(own.server, SEED, name=own.name)[0] is NOT_FOUND


def test_an_empty_list_unloads_all(plain):
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.SetInParent()
    plain.send(config)
    _until_ended(plain, "toy", "zoo")
    assert refused(plain, SEED)[0] is NOT_FOUND
    ready = [_readiness(plain)]
    plain.reload()
    assert [*ready, _readiness(plain)] == ([503, 200] if starts.EMBEDDED and plain.rest else [None, None])


def _readiness(server):
    """The code of /readyz, which is the embedded server's own."""
    return http_call(server, "GET", "/readyz").code if starts.EMBEDDED and server.rest else None


def test_a_model_comes_back(own):
    own.publish(1)
    own.serve()
    own.server.reload()
    _until_ended(own.server, own.name)
    own.serve()
    assert own.scale() == 1


def test_another_base_path_replaces_the_versions(own, saved, tmp_path):
    own.publish(1)
    own.serve()
    (tmp_path / "moved").mkdir()
    toy.publish(saved[2], tmp_path / "moved", 4)
    own.server.reload(starts.model(own.name, tmp_path / "moved"))
    own.until(v4="AVAILABLE", v1="END")
    assert own.scale() == 2


def _platform(platform, name="q"):
    config = starts.model(name, "/nowhere")
    config.model_platform = platform
    return config


def _of(*models):
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.extend(models)
    return config


# config, given the standing models; what the text names
REFUSED = {
    "no list": (lambda standing: model_server_config_pb2.ModelServerConfig(), "config"),
    "name twice": (lambda standing: _of(*standing, *[starts.model("q", "/nowhere")] * 2), "q"),
    "relative path": (lambda standing: _of(*standing, starts.model("q", "models/q")), "q absolute models/q"),
    "no path": (lambda standing: _of(*standing, starts.model("q", "")), "q absolute"),
    "no platform": (lambda standing: _of(*standing, _platform("")), "q platform"),
    "another platform": (lambda standing: _of(*standing, _platform("pytorch")), "q platform pytorch"),
    "a changed platform": (lambda standing: _of(standing[0], _platform("pytorch", "zoo")), "zoo platform pytorch"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_config_is_refused_whole(plain, case):
    config, words = REFUSED[case]
    code, text = refusal(plain.models.HandleReloadConfigRequest, _request(config(plain.standing)), 20)
    assert code is INVALID and names(text, words)
    assert refused(plain, SEED, name="q")[0] is NOT_FOUND
    assert scale_of(plain) == 1


def _request(config):
    return model_management_pb2.ReloadConfigRequest(config=config)


def test_a_new_model_that_does_not_load(own):
    (own.base_path / "1").mkdir()
    with pytest.raises(grpc.RpcError) as caught:
        own.serve()
    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    assert names(caught.value.details(), f"{own.name} version 1 saved_model.pb")
    assert status_of(own.server, own.name, 1)[:2] == ("END", "NOT_FOUND")


def test_a_refused_reload_leaves_the_next_one_alone(own):
    own.publish(1)
    with contextlib.suppress(grpc.RpcError):
        own.server.reload(_platform("pytorch"))
    own.serve()
    assert own.scale() == 1


@pytest.mark.slow  # two versions that take seconds to warm up
def test_labels_right_after_a_reload(own, expected):
    """Where one version of a new model is enough, the other still loads."""
    for number in (1, 2):
        version = own.publish(f"tmp-{number}", "slow")
        log = prediction_log_pb2.PredictionLog()
        log.predict_log.request.CopyFrom(predict_request(SEED, signature="slow"))
        toy.write_warmup(version, [log.SerializeToString()] * 2 * number)
        version.rename(own.base_path / str(number))
    own.serve("all {}")
    try:
        own.serve("all {}", {"old": 1, "new": 2})
        code = "OK"
    except grpc.RpcError as error:
        code = error.code().name
    assert code == expected("FAILED_PRECONDITION")
    own.until(v1="AVAILABLE", v2="AVAILABLE")


def test_a_name_of_two_lines(plain):
    with pytest.raises(grpc.RpcError) as caught:
        plain.reload(starts.model("a\nb", "/nowhere"))
    assert caught.value.code() is INVALID and "printable" in caught.value.details()


@pytest.mark.parametrize(
    "path, words", [("/{}", "No versions q"), ("/" + "x" * 300, "q too long"), ("/nowhere/at/all", "q /nowhere/at/all")]
)
def test_a_base_path_that_cannot_be_served(plain, own, path, words):
    """The call ends with an error that names it, and the next reload is answered."""
    with pytest.raises(grpc.RpcError) as caught:
        plain.reload(starts.model("q", path.format(str(own.base_path).lstrip("/"))), timeout=30)
    assert caught.value.code() is INVALID and names(caught.value.details(), words)
    assert refused(plain, SEED, name="q")[0] is NOT_FOUND
    plain.reload()
