"""Several models, several versions of each, labels, and lists that replace one another."""

import shutil

from tfgan_kit.serving import ModelServer, ServerOptions, StartError

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import model_management_pb2

from tests.serving import messages, toy
from tests.serving.messages import config, model, refused, until_states

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
FAILED = grpc.StatusCode.FAILED_PRECONDITION
ALL, TWO = {"all": {}}, {"latest": {"num_versions": 2}}
POLL = 0.05


def specific(*versions):
    return {"specific": {"versions": versions}}


@pytest.fixture
def three(base_path, saved):
    """`base_path` with versions 1 and 3 of scale 1, 2 of scale 2."""
    toy.publish(saved[2], base_path, 2)
    toy.publish(saved[1], base_path, 3)
    return base_path


@pytest.fixture
def server(serve):
    return serve(file_system_poll_wait_seconds=POLL)


@pytest.fixture
def caller(server):
    one = messages.Caller(f"localhost:{server.port}")
    yield one
    one.channel.close()


@pytest.fixture
def second(tmp_path, saved):
    """The folder of another model, with version 7 of scale 2."""
    (tmp_path / "second").mkdir()
    toy.publish(saved[2], tmp_path / "second", 7)
    return tmp_path / "second"


@pytest.mark.parametrize(
    "policy, served",
    [
        (None, [3]),
        ({"latest": {}}, [3]),
        (TWO, [3, 2]),
        (ALL, [3, 2, 1]),
        (specific(1), [1]),
        (specific(2, 1, 9), [2, 1]),
    ],
)
def test_a_policy_says_which_versions_answer(three, server, caller, policy, served):
    caller.reload(model(three, policy=policy))
    toy.until(lambda: [v for v, s in caller.states() if s == "AVAILABLE"] == served)
    assert caller.scale()[1] == served[0]
    for version in served:
        assert caller.scale(version=version) == (2 if version == 2 else 1, version)


def test_rolling_back_by_policy_never_leaves_a_request_without_an_answer(three, server, caller):
    with toy.callers(2, lambda k: caller.scale()) as (answers, errors):
        for version in (2, 3, 2):
            caller.reload(model(three, policy=specific(version)))
            toy.until(lambda version=version: answers[-1:] and answers[-1][1] == version)
    assert errors == []
    assert set(answers) == {(1, 3), (2, 2)}
    until_states(caller, [(3, "END"), (2, "AVAILABLE")])


def test_a_version_of_a_policy_that_is_not_on_disk_leaves_the_others(three, server, caller):
    caller.reload(model(three, policy=specific(9)))
    with refused(NOT_FOUND, "Servable not found for request: Latest(toy)"):
        caller.scale()
    toy.publish(three / "2", three, 9)
    toy.until(lambda: (9, "AVAILABLE") in caller.states())
    assert caller.scale() == (2, 9)


def test_a_specific_version_that_does_not_load_leaves_the_one_that_serves(three, server, caller):
    shutil.rmtree(three / "2" / "variables")
    caller.reload(model(three, policy=specific(2)))
    assert caller.states() == [(3, "AVAILABLE"), (2, "LOADING")]  # it is tried again
    assert caller.scale() == (1, 3)


def test_the_list_replaces_the_old_one_whole(server, caller, base_path, second):
    caller.reload(model(base_path), model(second, "second"))
    assert caller.scale("second") == (2, 7)
    caller.reload(model(second, "second"))
    with refused(NOT_FOUND, "Servable not found for request: Latest(toy)"):
        caller.scale()
    until_states(caller, [(1, "END")])  # its story stays
    caller.reload(model(base_path))
    assert caller.scale() == (1, 1)
    until_states(caller, [(7, "END")], "second")


def test_an_empty_list_unloads_all(server, caller):
    caller.reload()
    with refused(NOT_FOUND, "Servable not found for request: Latest(toy)"):
        caller.scale()


def _platform_text(name, platform):
    return f"Model {name} requests unsupported platform {platform}"


REFUSED = {
    "twice": (lambda base: [model(base), model(base)], "Illegal to list model toy multiple times in config list"),
    "relative": (
        lambda base: [model("models/q", "q")],
        "Expected model q to have an absolute path or URI; got base_path()=models/q",
    ),
    "no platform": (
        lambda base: [model(base, "q", platform="")],
        "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
        "ModelServerConfig::model_platform, model name is q",
    ),
    "other platform": (lambda base: [model(base, "q", platform="pytorch")], _platform_text("q", "pytorch")),
    "changed platform": (
        lambda base: [model(base, platform="pytorch")],
        "Illegal to change a model's platform. For model toy platform was tensorflow "
        "and new platform requested is pytorch",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_list_is_refused_whole_with_the_contracts_text(server, caller, base_path, second, case):
    make, text = REFUSED[case]
    with refused(INVALID, text):
        caller.reload(model(second, "second"), *make(base_path))
    assert caller.scale() == (1, 1)
    with refused(NOT_FOUND, "Servable not found for request: Latest(second)"):
        caller.scale("second")


def test_a_request_without_a_list_is_refused(server, caller):
    text = (
        "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported"
    )
    with refused(INVALID, text):
        caller.service.HandleReloadConfigRequest(model_management_pb2.ReloadConfigRequest())


def test_a_base_path_that_is_not_there_is_refused_at_once_and_blocks_nothing(
    server, caller, base_path, tmp_path, second
):
    with pytest.raises(grpc.RpcError) as caught:
        caller.reload(model(base_path), model(tmp_path / "nowhere", "q"))
    assert caught.value.code() is INVALID
    assert f"Could not find base path {tmp_path}/nowhere for servable q" in caught.value.details()
    caller.reload(model(base_path), model(second, "second"))
    assert caller.scale("second") == (2, 7)


def test_a_base_path_without_versions_is_refused(server, caller, tmp_path):
    (tmp_path / "empty").mkdir()
    text = (
        f"No versions of servable q found under base path {tmp_path}/empty. "
        "Did you forget to name your leaf directory as a number (eg. '/1/')?"
    )
    with refused(INVALID, text):
        caller.reload(model(tmp_path / "empty", "q"))


def test_a_new_model_that_does_not_load_is_named_and_the_others_serve(server, caller, base_path, second):
    shutil.rmtree(second / "7" / "variables")
    with pytest.raises(grpc.RpcError) as caught:
        caller.reload(model(base_path), model(second, "broken"))
    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    assert caught.value.details().startswith(
        "1 model(s) did not become available: {{{name: broken version: 7} due to error: "
    )
    assert caught.value.details().endswith("}, }")
    assert caller.scale() == (1, 1)
    assert caller.states("broken") == [(7, "LOADING")]


def test_a_label_leads_to_its_version_and_moves_with_a_reload(three, server, caller):
    caller.reload(model(three, policy=ALL))
    caller.reload(model(three, policy=ALL, labels={"stable": 1, "canary": 2}))
    assert caller.scale(label="stable") == (1, 1)
    assert caller.scale(label="canary") == (2, 2)
    caller.reload(model(three, policy=ALL, labels={"stable": 2}))
    assert caller.scale(label="stable") == (2, 2)
    with refused(INVALID, "Unrecognized servable version label: canary"):
        caller.scale(label="canary")


def test_a_label_of_a_version_that_is_not_available_refuses_the_list_whole(three, server, caller):
    text = "Request to assign label to version 2 of model toy, which is not currently available for inference"
    with refused(FAILED, text):  # the list would load version 2, but the labels come first
        caller.reload(model(three, policy=ALL, labels={"canary": 2}))
    assert caller.states() == [(3, "AVAILABLE")]


def test_a_label_whose_version_is_unloaded_is_not_found(three, server, caller):
    caller.reload(model(three, policy=specific(1, 3)))
    caller.reload(model(three, policy=specific(1, 3), labels={"stable": 1}))
    shutil.rmtree(three / "1")
    until_states(caller, [(3, "AVAILABLE"), (1, "END")])
    with refused(NOT_FOUND, "Servable not found for request: Specific(toy, 1)"):
        caller.scale(label="stable")


def test_where_it_is_allowed_a_new_label_may_come_before_its_version_but_may_not_move(three, serve):
    options = ServerOptions(allow_version_labels_for_unavailable_models=True)
    caller = messages.Caller(f"localhost:{serve(options=options).port}")
    caller.reload(model(three, policy=TWO, labels={"canary": 2}))
    assert caller.scale(label="canary") == (2, 2)
    text = "Request to assign label to version 1 of model toy, which is not currently available for inference"
    with refused(FAILED, text):
        caller.reload(model(three, policy=TWO, labels={"canary": 1}))


@pytest.fixture
def config_file(tmp_path, base_path):
    path = tmp_path / "models.config"
    path.write_text(text_format.MessageToString(config(model(base_path))))
    return path


def test_a_config_file_starts_all_its_models(three, second, tmp_path):
    path = tmp_path / "models.config"
    path.write_text(
        f'''
        # as an operator writes it
        model_config_list {{
          config {{
            name: "toy" base_path: "{three}" model_platform: "tensorflow"
            model_version_policy {{ all {{}} }}
          }}
          config {{ name: "second" base_path: "{second}" model_platform: "tensorflow" }}
        }}
        '''
    )
    with ModelServer(port=0, options=ServerOptions(model_config_file=str(path))) as server:
        caller = messages.Caller(f"localhost:{server.port}")
        assert caller.scale(version=2) == (2, 2)
        assert caller.scale("second") == (2, 7)


def test_a_config_file_is_read_again_and_a_broken_one_changes_nothing(config_file, base_path, second, caplog):
    options = ServerOptions(model_config_file=str(config_file), model_config_file_poll_wait_seconds=POLL)
    with ModelServer(port=0, options=options) as server:
        caller = messages.Caller(f"localhost:{server.port}")
        rewrite(config_file, "model_config_list { config {\n nme: 1 } }")
        toy.until(lambda: '2:2 : Message type "tensorflow.serving.ModelConfig"' in caplog.text)
        assert caller.scale() == (1, 1)
        rewrite(config_file, text_format.MessageToString(config(model("rel", "q"))))
        toy.until(lambda: "Expected model q to have an absolute path" in caplog.text)
        assert caller.scale() == (1, 1)
        both = config(model(base_path), model(second, "second"))
        rewrite(config_file, text_format.MessageToString(both))
        toy.until(lambda: states(server) == [("toy", 1), ("second", 7)])
    errors = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 2  # one each, not one a poll


def rewrite(path, text):
    """As a careful operator does: nobody reads half of it."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)


def states(server):
    return [(one.name, one.current and one.current.version) for one in server.models.listed()]


@pytest.mark.parametrize(
    "text, reason",
    [
        ("model_config_list {", "models.config is not a ModelServerConfig as text: 1:"),
        (
            'model_config_list { config { name: "q" base_path: "models/q" model_platform: "tensorflow" } }',
            "Expected model q to have an absolute path",
        ),
        ('model_config_list { config { name: "q" base_path: "/no/where" } }', "no folder /no/where"),
        ("", "models.config has no model_config_list"),
    ],
)
def test_a_config_file_that_cannot_be_served_ends_the_start(tmp_path, text, reason):
    (tmp_path / "models.config").write_text(text)
    options = ServerOptions(model_config_file=str(tmp_path / "models.config"))
    with pytest.raises(StartError) as caught:
        ModelServer(port=0, options=options).start()
    assert reason in str(caught.value)


def test_labels_at_the_start_need_their_flag(tmp_path, base_path):
    path = tmp_path / "models.config"
    labelled = config(model(base_path, labels={"stable": 1}))
    path.write_text(text_format.MessageToString(labelled))
    with pytest.raises(StartError, match="assign label to version 1 of model toy"):
        ModelServer(port=0, options=ServerOptions(model_config_file=str(path))).start()
    options = ServerOptions(model_config_file=str(path), allow_version_labels_for_unavailable_models=True)
    with ModelServer(port=0, options=options) as server:
        assert messages.Caller(f"localhost:{server.port}").scale(label="stable") == (1, 1)


def test_a_base_path_that_no_file_system_takes_is_refused(server, caller):
    with pytest.raises(grpc.RpcError) as caught:
        caller.reload(model("/" + "x" * 300, "long"))
    assert caught.value.code() is INVALID and "File name too long" in caught.value.details()


@pytest.mark.parametrize(
    "arguments", [{"grpc_max_threads": 0}, {"file_system_poll_wait_seconds": float("nan")},
                  {"file_system_poll_wait_seconds": float("inf")}],
)  # fmt: skip
def test_numbers_that_mean_nothing_are_refused(base_path, arguments):
    with pytest.raises(ValueError, match=f"Received: {next(iter(arguments))}="):
        ModelServer(base_path, **arguments)


def test_a_path_of_metrics_without_a_slash_ends_the_start(tmp_path, base_path):
    (tmp_path / "monitoring").write_text('prometheus_config { enable: true path: "metrics" }')
    options = ServerOptions(rest_api_port=1, monitoring_config_file=str(tmp_path / "monitoring"))
    with pytest.raises(StartError, match='monitoring must start with "/".*Received'):
        ModelServer(base_path, port=0, options=options).start()


@pytest.mark.parametrize("arguments", [{}, {"model_config_file": "/a", "model_base_path": "/b"}])
def test_a_server_has_one_source_of_models(arguments):
    options = ServerOptions(model_config_file=arguments.get("model_config_file"))
    with pytest.raises(ValueError, match="give either.*Received: "):
        ModelServer(arguments.get("model_base_path"), options=options)
