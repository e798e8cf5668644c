"""The protocol's methods without a transport, as the REST gateway calls them."""

import contextlib
import json

from tfgan_kit.serving import ServerOptions
from tfgan_kit.serving.models.loading import Loader
from tfgan_kit.serving.models.model_list import Models
from tfgan_kit.serving.prometheus import Monitor
from tfgan_kit.serving.protocol.errors import RequestError
from tfgan_kit.serving.protocol.methods import ModelMethods
from tfgan_kit.serving.rest import routes
from tfgan_kit.serving.rest.dispatch import RestCalls

import grpc
import numpy as np
import pytest
import tensorflow as tf

from tests.serving import messages, toy
from tests.serving.test_options import save_counter


@pytest.fixture
def models():
    return Models(Loader(None, ServerOptions(), Monitor()), ServerOptions())


@pytest.fixture
def methods(models, base_path):
    models.reload(messages.config(messages.model(base_path)))
    return ModelMethods(models)


def runs(methods, **arguments):
    answer = methods.predict(messages.predict(1, "counter"), **arguments)
    return int(tf.make_ndarray(answer.outputs["runs"])[0])


def test_a_caller_that_has_gone_costs_no_run(models, tmp_path):
    save_counter(tmp_path / "counter" / "1")
    models.reload(messages.config(messages.model(tmp_path / "counter", "counter")))
    methods = ModelMethods(models)
    before = runs(methods)
    with pytest.raises(RequestError, match="The caller has gone") as caught:
        runs(methods, is_cancelled=lambda: True)
    assert caught.value.code is grpc.StatusCode.CANCELLED
    assert runs(methods) == before + 1


def test_a_caller_that_goes_during_the_run_gets_nothing_written(models, methods):
    answers = iter([False, True])
    with pytest.raises(RequestError, match="The caller has gone"):
        methods.predict(messages.predict(1), is_cancelled=lambda: next(answers))
    assert models.drained(timeout=0)


def test_a_rest_request_that_a_swap_overtakes_runs_on_the_version_whose_signature_it_was_read_by(
    models, methods, base_path, saved
):
    class Overtaken(ModelMethods):
        @contextlib.contextmanager
        def hold(self, model_spec):
            with super().hold(model_spec) as model:
                toy.publish(saved[2], base_path, 2)
                models.poll()
                yield model

    target = routes.parse("POST", "/v1/models/toy:predict")
    first = RestCalls(Overtaken(models), 100).answer(target, b'{"instances": [5]}')
    then = methods.predict(messages.predict(5))
    assert first.status == 200
    np.testing.assert_array_equal(json.loads(first.body)["predictions"], toy.expected([5], scale=1))
    assert then.model_spec.version.value == 2
