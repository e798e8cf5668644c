"""What the rarer options change, on real versions."""

from tfgan_kit.serving import BatchingParameters, ModelServer, ServerOptions, StartError
from tfgan_kit.serving.models.loading import Loader
from tfgan_kit.serving.prometheus import Monitor

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.serving import messages, toy

SOURCE = {"model_base_path": "/models/toy"}


def save_counter(path):
    """A version whose `serving_default` answers how often it has run, warmed by two records."""
    module = tf.Module()
    module.count = tf.Variable(0, dtype=tf.int64)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64, name="seed")])
    def count(seed):
        return {"runs": module.count.assign_add(1) + 0 * seed}

    module.serve = count
    tf.saved_model.save(module, str(path), signatures={"serving_default": count})
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(messages.predict(1))
    toy.write_warmup(path, [log.SerializeToString()] * 2)


def test_without_warmup_no_recorded_request_is_replayed(tmp_path):
    save_counter(tmp_path / "1")
    options = ServerOptions(enable_model_warmup=False, num_request_iterations_for_warmup=3)
    model = Loader(None, options, Monitor())(tmp_path / "1")
    assert model.signature("").run({"seed": tf.make_tensor_proto(np.int64([1]))})["runs"][0] == 1


def test_a_versions_own_batching_file_that_is_broken_refuses_the_version(serve, base_path):
    (base_path / "1" / "batching_params.pbtxt").write_text("max_batch_size: 8")
    options = ServerOptions(enable_per_model_batching_parameters=True)
    with pytest.raises(StartError, match="not a BatchingParameters as text: 1:17"):
        serve(batching=BatchingParameters(4), options=options)


@pytest.mark.parametrize(
    "arguments, reason",
    [
        ({"max_num_load_retries": -1}, "at least 0. Received: max_num_load_retries=-1"),
        ({"port": 65536}, "at most 65535. Received: port=65536"),
        ({"grpc_channel_arguments": "a"}, "name=value, separated by commas. Received: grpc_channel_arguments='a'"),
        ({"monitoring_config_file": "/a"}, "give rest_api_port too. Received: monitoring_config_file='/a'"),
        ({"grpc_socket_path": "socket"}, "absolute. Received: grpc_socket_path='socket'"),
        ({"file_system_poll_wait_seconds": float("nan")}, "finite and at least 0. Received: file_system_poll_wait"),
        ({"file_system_poll_wait_seconds": float("inf")}, "finite and at least 0. Received: file_system_poll_wait"),
        ({}, "give either --model_base_path.*Received: "),
        (SOURCE | {"model_config_file": "/models.config"}, "give either --model_base_path.*Received: "),
        (SOURCE | {"max_batch_size": 8}, "--max_batch_size needs --enable_batching"),
        (SOURCE | {"batching_parameters_file": "/a"}, "--batching_parameters_file needs --enable_batching"),
        (
            SOURCE | {"enable_batching": True, "batching_parameters_file": "/a", "max_batch_size": 8},
            "--max_batch_size and --batching_parameters_file: give one",
        ),
        (SOURCE | {"enable_batching": True, "batching_parameters_file": "/no/where"}, "cannot read /no/where"),
    ],
)
def test_an_option_that_cannot_work_is_refused(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        ModelServer(options=ServerOptions(**arguments))


def test_an_argument_of_a_server_stands_in_for_the_option_of_its_name(base_path):
    server = ModelServer(base_path, port=0, options=ServerOptions(model_name="toy", port=9))
    assert (server.options.model_name, server.options.port, server.options.model_base_path) == ("toy", 0, base_path)
