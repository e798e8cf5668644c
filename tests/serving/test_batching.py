"""Merged requests: the same answers, fewer runs, no mixing of functions."""

import contextlib
import pathlib

from tfgan_kit.serving import BatchingParameters
from tfgan_kit.serving.models.saved_model import SavedModel
from tfgan_kit.serving.protocol.errors import status_of

import grpc
import numpy as np
import pytest
import tensorflow as tf

from tests.serving import toy


class Counted(tf.Module):
    """Answers a row's value times a factor, and in how many rows it was run."""

    def __init__(self, factor):
        super().__init__()
        self.factor = tf.Variable(factor, dtype=tf.int64)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64, name="seed")])
    def run(self, seed):
        rows = tf.shape(seed, out_type=tf.int64)[0]
        return {"value": seed * self.factor, "rows": tf.fill([rows], rows)}


@pytest.fixture
def signature(tmp_path):
    """The loaded signature of a `Counted`; what is loaded is closed after the test."""
    models = []

    def make(factor, parameters):
        module, path = Counted(factor), tmp_path / f"{factor}" / "1"
        tf.saved_model.save(module, str(path), signatures={"run": module.run})
        models.append(SavedModel(path, parameters))
        return models[-1].signature("run")

    yield make
    for model in models:
        model.close()


def ask(signature, *seeds, wanted=()):
    return signature.run({"seed": tf.make_tensor_proto(np.int64(seeds))}, wanted)


def test_concurrent_calls_run_as_one_batch_of_an_allowed_size(signature):
    parameters = BatchingParameters(max_batch_size=8, batch_timeout_micros=2_000_000, allowed_batch_sizes=(8,))
    run = signature(3, parameters)
    answers = toy.at_once(8, lambda k: ask(run, k))
    assert [int(answer["value"][0]) for answer in answers] == [3 * k for k in range(8)]
    assert {int(answer["rows"][0]) for answer in answers} == {8}


def test_a_request_for_some_outputs_is_not_merged_and_does_not_wait(signature):
    """As in TensorFlow Serving, whose queues are for all outputs of a signature."""
    run = signature(3, BatchingParameters(8, 20_000_000, allowed_batch_sizes=(8,)))
    assert ask(run, 1, 2, wanted=["rows"])["rows"].tolist() == [2, 2]


def test_outputs_in_another_order_are_all_outputs(signature):
    run = signature(3, BatchingParameters(8, allowed_batch_sizes=(8,)))
    assert ask(run, 1, wanted=["value", "rows"])["rows"].tolist() == [8]


class Table(tf.Module):
    """Answers an entry of a table of ten; another index is an InvalidArgumentError."""

    def __init__(self):
        super().__init__()
        self.entries = tf.Variable(tf.range(100, 110))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="label")])
    def run(self, label):
        return {"entry": tf.gather(self.entries, label)}


@pytest.fixture
def table(tmp_path):
    module = Table()
    tf.saved_model.save(module, str(tmp_path / "1"), signatures={"run": module.run})
    # Four callers of a row each fill the batch, so that it surely is one.
    parameters = BatchingParameters(4, 5_000_000, allowed_batch_sizes=(4,))
    with contextlib.closing(SavedModel(tmp_path / "1", parameters)) as model:
        yield model.signature("run")


def test_one_callers_bad_row_fails_that_caller_alone(table):
    def entry(label):
        try:
            return int(table.run({"label": tf.make_tensor_proto([label], tf.int32)})["entry"][0])
        except tf.errors.InvalidArgumentError as error:
            code, text = status_of(error)
            return code, text.split("\n")[0]  # which node it was follows, as in TensorFlow Serving

    refused = (grpc.StatusCode.INVALID_ARGUMENT, "indices[0] = 99 is not in [0, 10)")
    labels = [1, 99, 3, 4]
    assert toy.at_once(4, lambda k: entry(labels[k])) == [101, refused, 103, 104]


def test_a_signature_with_fixed_rows_is_served_unbatched(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([2], tf.int64, name="seed")])
    def fixed(seed):
        return {"images": seed + 1}

    module = tf.Module()
    module.fixed, module.variable = fixed, tf.Variable(1.0)
    tf.saved_model.save(module, str(tmp_path / "1"), signatures={"fixed": fixed})
    model = SavedModel(pathlib.Path(tmp_path / "1"), BatchingParameters())
    answer = ask(model.signature("fixed"), 1, 2)
    model.close()
    assert answer["images"].tolist() == [2, 3]


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_batch_size": 0},
        {"batch_timeout_micros": -1},
        {"num_batch_threads": 0},
        {"max_batch_size": 8, "allowed_batch_sizes": (2, 4)},
        {"max_batch_size": 4, "allowed_batch_sizes": (2, 2, 4)},
    ],
)
def test_parameters_that_cannot_work_are_refused(arguments):
    with pytest.raises(ValueError, match="Received: "):
        BatchingParameters(**arguments)
