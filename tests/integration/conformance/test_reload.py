"""HandleReloadConfigRequest: the whole list replaces the old one, or is refused whole."""

import contextlib
import time

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from tests.integration.conformance import starts
from tests.integration.conformance.calls import INVALID, NOT_FOUND, predict_request, refusal, refused, states, status_of
from tests.serving import toy

SEED = {"seed": np.int64([1])}
LATEST = "Servable not found for request: Latest({})"


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
    assert refused(own.server, SEED, name=own.name) == (NOT_FOUND, LATEST.format(own.name))


def test_an_empty_list_unloads_all(plain):
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.SetInParent()
    plain.send(config)
    _until_ended(plain, "toy", "zoo")
    assert refused(plain, SEED) == (NOT_FOUND, LATEST.format("toy"))
    plain.reload()


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


def test_the_other_models_answer_while_one_is_added(own):
    own.publish(1)
    own.serve()
    assert own.scale(version=1) == 1
    answer = refusal(own.server.predictions.Predict, predict_request(SEED, name="toy", version=9))
    assert answer == (NOT_FOUND, "Servable not found for request: Specific(toy, 9)")


def _platform(platform, name="q"):
    config = starts.model(name, "/nowhere")
    config.model_platform = platform
    return config


REFUSED = {
    "name twice": (
        [starts.model("q", "/nowhere"), starts.model("q", "/nowhere")],
        "Illegal to list model q multiple times in config list",
    ),
    "relative path": (
        [starts.model("q", "models/q")],
        "Expected model q to have an absolute path or URI; got base_path()=models/q",
    ),
    "no path": (
        [starts.model("q", "")],
        "Expected model q to have an absolute path or URI; got base_path()=",
    ),
    "no platform": (
        [_platform("")],
        "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform, "
        "model name is q",
    ),
    "another platform": ([_platform("pytorch")], "Model q requests unsupported platform pytorch"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_config_is_refused_whole(plain, case):
    """Texts that the contract cuts short stand in server_core.cc."""
    models, text = REFUSED[case]
    with pytest.raises(grpc.RpcError) as caught:
        plain.reload(*models)
    assert (caught.value.code(), caught.value.details()) == (INVALID, text)
    assert refused(plain, SEED, name="q") == (NOT_FOUND, LATEST.format("q"))


def test_a_changed_platform(plain):
    config = model_server_config_pb2.ModelServerConfig()
    first, second = plain.standing
    config.model_config_list.config.append(first)
    config.model_config_list.config.append(_platform("pytorch", second.name))
    with pytest.raises(grpc.RpcError) as caught:
        plain.send(config)
    assert caught.value.code() is INVALID
    assert caught.value.details() == (
        "Illegal to change a model's platform. For model zoo platform was tensorflow and new platform requested is "
        "pytorch"
    )


def test_no_list(plain):
    with pytest.raises(grpc.RpcError) as caught:
        plain.send(model_server_config_pb2.ModelServerConfig())
    assert (caught.value.code(), caught.value.details()) == (
        INVALID,
        "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently "
        "supported",
    )


def test_a_new_model_that_does_not_load(own):
    (own.base_path / "1").mkdir()
    with pytest.raises(grpc.RpcError) as caught:
        own.serve()
    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    text = caught.value.details()
    assert text.startswith(f"1 model(s) did not become available: {{{{{{name: {own.name} version: 1}} due to error: ")
    assert text.endswith("}, }")
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
    "path, words", [("/{}", "No versions of servable q found under"), ("/" + "x" * 300, "too long")]
)
def test_a_base_path_that_cannot_be_served(plain, own, path, words):
    with pytest.raises(grpc.RpcError) as caught:
        plain.reload(starts.model("q", path.format(str(own.base_path).lstrip("/"))))
    assert caught.value.code() is INVALID and words in caught.value.details()
    assert refused(plain, SEED, name="q") == (NOT_FOUND, LATEST.format("q"))


def test_a_base_path_that_does_not_exist(plain):
    """The call ends with an error that names the path, and the next reload is answered."""
    with pytest.raises(grpc.RpcError) as caught:
        plain.reload(starts.model("q", "/nowhere/at/all"), timeout=30)
    assert caught.value.code() is INVALID and "/nowhere/at/all" in caught.value.details()
    plain.reload()
    assert refused(plain, SEED, name="q") == (NOT_FOUND, LATEST.format("q"))
