"""A version's life in memory: what does not load, what a close gives back, what a filter spares."""

import contextlib
import gc
import itertools
import os
import shutil
import threading

from tfgan_kit.export.session import GraphSession
from tfgan_kit.serving import BatchingParameters
from tfgan_kit.serving.models.saved_model import SavedModel

import numpy as np
import psutil
import pytest
import tensorflow as tf

from tests.serving import toy

BATCHING = [None, BatchingParameters(max_batch_size=8)]
SEED = {"seed": tf.make_tensor_proto(np.int64([3]))}


@pytest.fixture
def version(saved, tmp_path):
    return shutil.copytree(saved[1], tmp_path / "1")


def resident() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


def swap(version) -> None:
    """Loads, answers with every signature of a seed at four batch sizes, unloads."""
    with contextlib.closing(SavedModel(version, BATCHING[1])) as model:
        for name, rows in itertools.product(("serving_default", "serving_default_png"), range(1, 5)):
            seeds = tf.make_tensor_proto(np.arange(rows))
            model.signature(name).run({"seed": seeds})


@pytest.mark.slow
def test_what_the_batch_op_compiled_is_given_back(version):
    """20 swaps. The eager runtime kept 0.7 MB or more of each, for ever; a session 0.03 MB.

    The allocator's own growth comes in the first ones, so the flattest five of them count.
    """
    marks = [resident()]
    for _ in range(4):
        for _ in range(5):
            swap(version)
        marks.append(resident())
    assert min(np.diff(marks)) < 5 * 0.3 * 2**20


def test_the_threads_of_a_batched_version_end_with_it(version):
    parameters = BatchingParameters(max_batch_size=8, num_batch_threads=40)
    model = SavedModel(version, BATCHING[1])  # what TensorFlow starts once a process
    model.signature("").run(SEED)
    model.close()
    before = psutil.Process().num_threads()
    model = SavedModel(version, parameters)
    model.signature("").run(SEED)
    assert psutil.Process().num_threads() >= before + 30  # threads of earlier tests may end meanwhile
    model.close()
    toy.until(lambda: psutil.Process().num_threads() <= before)


def test_a_close_is_for_one_version_and_may_come_twice(version, saved, tmp_path):
    gone = SavedModel(version, BATCHING[1])
    stays = SavedModel(shutil.copytree(saved[2], tmp_path / "2"), BATCHING[1])
    gone.close()
    gone.close()
    images = stays.signature("").run(SEED)["images"]
    stays.close()
    np.testing.assert_array_equal(images, toy.expected([3], scale=2))


def test_however_many_filters_callers_invent_only_so_many_are_kept(tmp_path, monkeypatch):
    """TensorFlow compiles each set of outputs anew, and the caller chooses it."""
    monkeypatch.setattr("tfgan_kit.export.session._MOST_CALLABLES", 2)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64, "seed")])
    def two(seed):
        return {"a": 2 * seed, "b": 3 * seed}

    module = tf.Module()
    module.two = two
    tf.saved_model.save(module, str(tmp_path / "1"), signatures={"two": two})
    with contextlib.closing(SavedModel(tmp_path / "1", None)) as model:
        for wanted in (["a"], ["b"], ["a", "b"], ["b", "a"]) * 2:
            assert set(model.signature("two").run(SEED, wanted)) == set(wanted)
        assert len(model._session._callables) == 2


def test_the_first_calls_at_once_compile_once(version, monkeypatch):
    made, whole = [], tf.compat.v1.Session._make_callable_from_options
    monkeypatch.setattr(
        tf.compat.v1.Session, "_make_callable_from_options",
        lambda session, options: made.append(options) or whole(session, options),
    )  # fmt: skip
    model, together = SavedModel(version, None), threading.Barrier(8)
    toy.at_once(8, lambda k: (together.wait(), model.signature("").run(SEED)))
    model.close()
    assert len(made) == 1


def test_a_folder_that_does_not_load_holds_no_session(version, monkeypatch):
    closed, close = [], GraphSession.close
    monkeypatch.setattr(GraphSession, "close", lambda self: closed.append(self) or close(self))
    (data,) = (version / "variables").glob("variables.data-*")
    os.truncate(data, 0)
    with pytest.raises(tf.errors.OpError):
        SavedModel(version, None)
    assert len(closed) == 1
