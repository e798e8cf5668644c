"""What the rarer options change, on real versions."""

import shutil

from tfgan_kit.serving import BatchingParameters, ServerOptions, StartError
from tfgan_kit.serving.models.loading import Loader
from tfgan_kit.serving.prometheus import Monitor

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.serving import messages, toy


@pytest.fixture
def version(tmp_path, saved):
    return shutil.copytree(saved[1], tmp_path / "5")


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


@pytest.mark.parametrize(
    "options, runs",
    [
        ({}, 2),
        ({"num_request_iterations_for_warmup": 3}, 6),
        ({"enable_model_warmup": False, "num_request_iterations_for_warmup": 3}, 0),
    ],
)
def test_each_recorded_request_is_replayed_so_often(tmp_path, options, runs):
    save_counter(tmp_path / "1")
    model = Loader(None, ServerOptions(**options), Monitor())(tmp_path / "1")
    seed = tf.make_tensor_proto(np.int64([1]))
    answer = model.signature("").run({"seed": seed})
    assert int(answer["runs"][0]) == runs + 1


def test_a_graph_of_other_tags_is_not_served(version):
    with pytest.raises(ValueError, match=r"no graph tagged \['gpu', 'serve'\].*it has \[\['serve'"):
        Loader(None, ServerOptions(saved_model_tags="serve,gpu"), Monitor())(version)


@pytest.mark.parametrize("per_model, file, limit", [(False, 8, 4), (True, 8, 8)])
def test_a_version_is_batched_as_its_own_file_says(version, per_model, file, limit):
    (version / "batching_params.pbtxt").write_text(f"max_batch_size {{ value: {file} }}")
    options = ServerOptions(enable_per_model_batching_parameters=per_model)
    signature = Loader(BatchingParameters(4), options, Monitor())(version).signature("")
    rows = tf.make_tensor_proto(np.zeros(limit + 1, np.int64))
    with pytest.raises(Exception, match=f"Task size {limit + 1} is larger than .* {limit}"):
        signature.run({"seed": rows})


def test_a_versions_own_batching_file_that_is_broken_refuses_the_version(serve, base_path):
    (base_path / "1" / "batching_params.pbtxt").write_text("max_batch_size: 8")
    options = ServerOptions(enable_per_model_batching_parameters=True)
    with pytest.raises(StartError, match="not a BatchingParameters as text: 1:17"):
        serve(batching=BatchingParameters(4), options=options)


@pytest.mark.parametrize(
    "arguments, reason",
    [
        ({"max_num_load_retries": -1}, "at least 0. Received: max_num_load_retries=-1"),
        ({"load_retry_interval_micros": -1}, "Received: load_retry_interval_micros=-1"),
        ({"grpc_socket_path": "socket"}, "absolute. Received: grpc_socket_path='socket'"),
    ],
)
def test_an_option_that_cannot_work_is_refused(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        ServerOptions(**arguments)
