"""Classify, Regress and MultiInference: for a generator as TensorFlow Serving, and for real."""

from tfgan_kit.serving import ModelServer

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from tests.serving import toy
from tests.serving.messages import refused

INVALID = grpc.StatusCode.INVALID_ARGUMENT
CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


def parsed(inputs):
    return tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32, 0.0)})["x"]


class Judge(tf.Module):
    """Of an example's feature x: scores x and 2 x of classes neg and pos; number 3 x."""

    def __init__(self):
        super().__init__()
        self.factor = tf.Variable(3.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def classify(self, inputs):
        x = parsed(inputs)
        names = tf.tile([["neg", "pos"]], [tf.size(x), 1])
        return {"classes": names, "scores": tf.stack([x, 2 * x], axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def scores(self, inputs):
        return {"scores": parsed(inputs)[:, None]}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def regress(self, inputs):
        return {"outputs": self.factor * parsed(inputs)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def column(self, inputs):
        return {"outputs": self.factor * parsed(inputs)[:, None]}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def wide(self, inputs):
        return {"outputs": tf.zeros([tf.size(inputs), 2])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def first_only(self, inputs):
        return {"outputs": parsed(inputs)[:1]}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def whole_numbers(self, inputs):
        return {"scores": tf.cast(parsed(inputs), tf.int64)[:, None]}


NAMES = ("classify", "scores", "regress", "column", "wide", "first_only", "whole_numbers")


@pytest.fixture(scope="module")
def stub(tmp_path_factory):
    """Serves a Judge as `judge`."""
    folder = tmp_path_factory.mktemp("judge")
    judge = Judge()
    signatures = {name: getattr(judge, name) for name in NAMES}
    tf.saved_model.save(judge, str(folder / "1"), signatures=signatures)
    _warm_by_every_method(folder / "1")
    with ModelServer(folder, "judge", port=0) as server:
        with grpc.insecure_channel(f"localhost:{server.port}") as channel:
            yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def _warm_by_every_method(version):
    logs = [prediction_log_pb2.PredictionLog() for _ in range(3)]
    logs[0].classify_log.request.CopyFrom(request(classification_pb2.ClassificationRequest))
    logs[1].regress_log.request.CopyFrom(request(regression_pb2.RegressionRequest, "regress"))
    logs[2].multi_inference_log.request.CopyFrom(many(("classify", CLASSIFY)))
    toy.write_warmup(version, [log.SerializeToString() for log in logs])


def example(x):
    values = tf.train.Feature(float_list=tf.train.FloatList(value=[x]))
    return tf.train.Example(features=tf.train.Features(feature={"x": values}))


def request(kind, signature="classify", values=(1.0, 2.0), model="judge"):
    message = kind()
    message.model_spec.name, message.model_spec.signature_name = model, signature
    message.input.example_list.examples.extend([example(x) for x in values])
    return message


def many(*tasks, values=(2.0,), model="judge"):
    message = inference_pb2.MultiInferenceRequest()
    for signature, method in tasks:
        task = message.tasks.add(method_name=method)
        task.model_spec.name, task.model_spec.signature_name = model, signature
    message.input.example_list.examples.extend([example(x) for x in values])
    return message


def classes(result):
    return [[(one.label, one.score) for one in row.classes] for row in result.classifications]


def test_classes_and_scores_of_each_example(stub):
    answer = stub.Classify(request(classification_pb2.ClassificationRequest))
    assert classes(answer.result) == [[("neg", 1), ("pos", 2)], [("neg", 2), ("pos", 4)]]
    spec = answer.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("judge", 1, "classify")


def test_scores_without_classes_have_no_labels(stub):
    answer = stub.Classify(request(classification_pb2.ClassificationRequest, "scores"))
    assert classes(answer.result) == [[("", 1)], [("", 2)]]


@pytest.mark.parametrize("signature", ["regress", "column"])
def test_a_number_of_each_example(stub, signature):
    answer = stub.Regress(request(regression_pb2.RegressionRequest, signature))
    assert [one.value for one in answer.result.regressions] == [3, 6]


def test_an_example_wins_over_the_context(stub):
    message = request(regression_pb2.RegressionRequest, "regress", values=())
    message.input.example_list_with_context.context.CopyFrom(example(5.0))
    message.input.example_list_with_context.examples.extend([example(1.0), tf.train.Example()])
    answer = stub.Regress(message)
    assert [one.value for one in answer.result.regressions] == [3, 15]


def test_several_signatures_answer_for_the_same_examples(stub):
    answer = stub.MultiInference(many(("classify", CLASSIFY), ("regress", REGRESS)))
    first, second = answer.results
    assert classes(first.classification_result) == [[("neg", 2), ("pos", 4)]]
    assert [one.value for one in second.regression_result.regressions] == [6]
    assert second.model_spec.signature_name == "regress"


@pytest.mark.parametrize(
    "signature, text",
    [
        ("zz", "No signature was found with the name: zz"),
        ("", "No signature was found with the name: serving_default"),
        ("wide", "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got [2,2]"),
        ("first_only", "Input batch size did not match output batch size: 2 vs. 1"),
        ("classify", "Expected one output Tensor."),
    ],
)
def test_a_regression_is_refused_in_tensorflow_servings_words(stub, signature, text):
    with refused(INVALID, text):
        stub.Regress(request(regression_pb2.RegressionRequest, signature))


def test_scores_that_are_no_floats_are_refused(stub):
    with refused(INVALID, "Expected scores Tensor of DT_FLOAT. Got: DT_INT64"):
        stub.Classify(request(classification_pb2.ClassificationRequest, "whole_numbers"))


@pytest.mark.parametrize("method", ["Classify", "Regress"])
def test_no_example_is_refused(stub, method):
    kind, signature = {
        "Classify": (classification_pb2.ClassificationRequest, "classify"),
        "Regress": (regression_pb2.RegressionRequest, "regress"),
    }[method]
    with refused(INVALID, "Input is empty."):
        getattr(stub, method)(request(kind, signature, values=()))


def test_without_a_model_spec_there_is_nothing_to_classify(stub):
    with refused(INVALID, "Missing ModelSpec"):
        stub.Classify(classification_pb2.ClassificationRequest())


TWICE = [("regress", REGRESS), ("regress", REGRESS)]


@pytest.mark.parametrize(
    "tasks, code, text",
    [
        (TWICE, INVALID, "Duplicate evaluation of signature: regress"),
        ([("zz", REGRESS)], INVALID, "Requested signature not found in model graph: zz"),
        (
            [("regress", "tensorflow/serving/predict")],
            grpc.StatusCode.UNIMPLEMENTED,
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
        ([], INVALID, "ModelSpec has no name specified."),
    ],
)
def test_tasks_are_refused_in_tensorflow_servings_words(stub, tasks, code, text):
    with refused(code, text):
        stub.MultiInference(many(*tasks))


def test_tasks_of_two_models_are_refused(stub):
    message = many(("classify", CLASSIFY), ("regress", REGRESS))
    message.tasks[1].model_spec.name = "another"
    text = "All ModelSpecs in a MultiInferenceRequest must access the same model name."
    with refused(INVALID, text):
        stub.MultiInference(message)


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    toy.save(tmp_path_factory.mktemp("generator") / "toy" / "1")
    with ModelServer(tmp_path_factory.getbasetemp() / "generator0" / "toy", "toy", port=0) as server:
        with grpc.insecure_channel(f"localhost:{server.port}") as channel:
            yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def test_a_generator_neither_classifies_nor_regresses(generator):
    with refused(INVALID, "Expected one input Tensor."):
        generator.Regress(request(regression_pb2.RegressionRequest, "generate", model="toy"))
    with pytest.raises(grpc.RpcError) as caught:
        generator.Classify(request(classification_pb2.ClassificationRequest, "", model="toy"))
    text = "No classification inputs found in SignatureDef: inputs {"
    assert caught.value.code() is INVALID and caught.value.details().startswith(text)
