"""The files of the server's flags: what they say, and what they may not say."""

from tfgan_kit.serving import BatchingParameters
from tfgan_kit.serving.config_files import read_batching_parameters, read_model_config, read_ssl_config

import pytest


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


@pytest.mark.parametrize(
    "text, reason",
    [
        ("max_batch_size: 8", r"a.config is not a BatchingParameters as text: 1:17"),
        ("max_batch_size { value: 8 } allowed_batch_sizes: 4", "must increase and end with max_batch_size"),
        ("pad_variable_length_inputs: true", "has no pad_variable_length_inputs. Remove it"),
    ],
)
def test_a_batching_file_that_cannot_work_says_where(file, text, reason):
    with pytest.raises(ValueError, match=reason):
        read_batching_parameters(file(text))


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
