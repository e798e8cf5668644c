"""The files of the server's flags: what they say, and what they may not say."""

import pathlib

from tfgan_kit.serving import BatchingParameters
from tfgan_kit.serving.config_files import (
    read_batching_parameters,
    read_model_config,
    read_monitoring_config,
    read_ssl_config,
)

import pytest

SHIPPED = pathlib.Path(__file__).parents[2] / "serving" / "batching.config"


@pytest.fixture
def file(tmp_path):
    def write(text):
        (tmp_path / "a.config").write_text(text)
        return tmp_path / "a.config"

    return write


def test_what_a_batching_file_leaves_out_is_the_default(file):
    assert read_batching_parameters(file("")) == BatchingParameters()


def test_a_batching_file_is_read_field_by_field(file):
    text = """
        max_batch_size { value: 8 }  # a remark
        batch_timeout_micros { value: 200000 }
        max_enqueued_batches { value: 3 }
        num_batch_threads { value: 4 }
        thread_pool_name { value: "pool" }
        allowed_batch_sizes: [2, 8]
        pad_variable_length_inputs: false
        enable_large_batch_splitting { value: false }
    """
    assert read_batching_parameters(file(text)) == BatchingParameters(8, 200_000, 4, 3, (2, 8))


def test_the_file_that_we_ship_is_read():
    parameters = read_batching_parameters(SHIPPED)
    assert parameters.max_batch_size == parameters.sizes()[-1] == 32


@pytest.mark.parametrize(
    "text, reason",
    [
        ("max_batch_size: 8", r"a.config is not a BatchingParameters as text: 1:17"),
        ("\n max_batch: 8", r"2:2.*no field named \"max_batch\". Its fields are max_batch_size, "),
        ("max_batch_size { value: 8 } allowed_batch_sizes: 4", "must increase and end with max_batch_size"),
        ("max_batch_size { value: 0 }", "at least 1. Received: max_batch_size=0"),
        ("pad_variable_length_inputs: true", "has no pad_variable_length_inputs. Remove it"),
        ("max_execution_batch_size { value: 4 }", "has no max_execution_batch_size"),
    ],
)
def test_a_batching_file_that_cannot_work_says_where(file, text, reason):
    with pytest.raises(ValueError, match=reason):
        read_batching_parameters(file(text))


def test_a_monitoring_file_is_read(file):
    config = read_monitoring_config(file('prometheus_config { enable: true, path: "/metrics" }'))
    assert config.prometheus_config.enable and config.prometheus_config.path == "/metrics"


@pytest.mark.parametrize(
    "text, reason",
    [
        ('server_key: "K"', "lacks server_cert"),
        ('server_cert: "C"', "lacks server_key"),
        ('server_key: "K" server_cert: "C" client_verify: true', "client_verify needs custom_ca"),
        ('server_key: "K', "a.config is not a SSLConfig as text: 1:13"),
    ],
)
def test_an_ssl_file_that_cannot_work_says_why(file, text, reason):
    with pytest.raises(ValueError, match=reason):
        read_ssl_config(file(text))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=f"cannot read {tmp_path}/no.config"):
        read_model_config(tmp_path / "no.config")
