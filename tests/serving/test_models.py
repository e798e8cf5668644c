"""Where a server's models come from: a folder or a config file, and what ends the start."""

from tfgan_kit.serving import ModelServer, ServerOptions, StartError

import pytest
from google.protobuf import text_format

from tests.serving import messages, toy
from tests.serving.messages import config, model

POLL = 0.05


@pytest.fixture
def config_file(tmp_path, base_path):
    path = tmp_path / "models.config"
    path.write_text(text_format.MessageToString(config(model(base_path))))
    return path


def test_a_config_file_that_breaks_is_one_line_in_the_log(config_file, base_path, caplog):
    options = ServerOptions(model_config_file=str(config_file), model_config_file_poll_wait_seconds=POLL)
    with ModelServer(port=0, options=options):
        rewrite(config_file, "model_config_list { config {\n nme: 1 } }")
        toy.until(lambda: '2:2 : Message type "tensorflow.serving.ModelConfig"' in caplog.text)
        rewrite(config_file, text_format.MessageToString(config(model("rel", "q"))))
        toy.until(lambda: "Model q needs an absolute path" in caplog.text)
    errors = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 2  # one each, not one a poll


def rewrite(path, text):
    """As a careful operator does: nobody reads half of it."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("model_config_list {", "models.config is not a ModelServerConfig as text: 1:"),
        (
            'model_config_list { config { name: "q" base_path: "/no/where" model_platform: "tensorflow" } }',
            "Could not find base path /no/where",
        ),
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
    with pytest.raises(StartError, match="Label stable is for version 1 of model toy"):
        ModelServer(port=0, options=ServerOptions(model_config_file=str(path))).start()
    options = ServerOptions(model_config_file=str(path), allow_version_labels_for_unavailable_models=True)
    with ModelServer(port=0, options=options) as server:
        assert messages.Caller(f"localhost:{server.port}").scale(label="stable") == (1, 1)


def test_a_path_of_metrics_without_a_slash_ends_the_start(tmp_path, base_path):
    (tmp_path / "monitoring").write_text('prometheus_config { enable: true path: "metrics" }')
    options = ServerOptions(rest_api_port=1, monitoring_config_file=str(tmp_path / "monitoring"))
    with pytest.raises(StartError, match='monitoring must start with "/".*Received'):
        ModelServer(base_path, port=0, options=options).start()
