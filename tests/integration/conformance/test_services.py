"""The methods besides Predict: Classify, Regress, MultiInference, and those that there are not."""

import grpc
import pytest
from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

from tests.integration.conformance.calls import INVALID, NOT_FOUND, names, refusal, specified

UNIMPLEMENTED = grpc.StatusCode.UNIMPLEMENTED
METHOD = "tensorflow/serving/{}"


def _with_examples(request, number=2):
    for value in range(number):
        example = request.input.example_list.examples.add()
        example.features.feature["x"].int64_list.value.append(value)
    return request


def _classify(number=2, name="zoo", signature="classify", **spec):
    request = _with_examples(classification_pb2.ClassificationRequest(), number)
    return specified(request, name=name, signature=signature, **spec)


def _regress(number=2, name="zoo", signature="regress", **spec):
    request = _with_examples(regression_pb2.RegressionRequest(), number)
    return specified(request, name=name, signature=signature, **spec)


def _task(request, method, signature, name="zoo"):
    specified(request.tasks.add(method_name=METHOD.format(method)), name=name, signature=signature)


def test_classify_answers_labels_and_scores(plain):
    answer = plain.predictions.Classify(_classify(), timeout=10)
    rows = [[(one.label, one.score) for one in row.classes] for row in answer.result.classifications]
    assert rows == [[("neg", 0.75), ("pos", 0.25)]] * 2
    spec = answer.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("zoo", 1, "classify")


def test_regress_answers_values(plain):
    answer = plain.predictions.Regress(_regress(), timeout=10)
    assert [row.value for row in answer.result.regressions] == [3.0, 3.0]
    assert answer.model_spec.signature_name == "regress"


def _examples(request, *values):
    for x in values:
        request.input.example_list.examples.add().features.feature["x"].float_list.value.append(x)
    return request


def test_scores_without_classes_have_no_labels(plain):
    request = _examples(specified(classification_pb2.ClassificationRequest(), "zoo", signature="scores"), 1, 2)
    answer = plain.predictions.Classify(request, timeout=10)
    assert [[(one.label, one.score) for one in row.classes] for row in answer.result.classifications] == [
        [("", 1)],
        [("", 2)],
    ]


@pytest.mark.parametrize("signature", ["regress_x", "column"])
def test_each_example_has_its_number(plain, signature):
    request = _examples(specified(regression_pb2.RegressionRequest(), "zoo", signature=signature), 1, 2)
    assert [one.value for one in plain.predictions.Regress(request, timeout=10).result.regressions] == [3, 6]


def test_an_example_wins_over_the_context(plain):
    request = specified(regression_pb2.RegressionRequest(), "zoo", signature="regress_x")
    listed = request.input.example_list_with_context
    listed.context.features.feature["x"].float_list.value.append(5)
    listed.examples.add().features.feature["x"].float_list.value.append(1)
    listed.examples.add()
    assert [one.value for one in plain.predictions.Regress(request, timeout=10).result.regressions] == [3, 15]


def test_several_signatures_answer_for_the_same_examples(plain):
    request = _examples(_several(("classify", "classify_x"), ("regress", "regress_x"), number=0), 2)
    first, second = plain.predictions.MultiInference(request, timeout=10).results
    (row,) = first.classification_result.classifications
    assert [(one.label, one.score) for one in row.classes] == [("neg", 2), ("pos", 4)]
    assert [one.value for one in second.regression_result.regressions] == [6]
    assert second.model_spec.signature_name == "regress_x"


def _several(*tasks, number=2):
    request = _with_examples(inference_pb2.MultiInferenceRequest(), number)
    for task in tasks:
        _task(request, *task)
    return request


REGRESS, CLASSIFY = ("regress", "regress"), ("classify", "classify")
NO_MODEL = classification_pb2.ClassificationRequest()

# A generator has no such signature. method, request, code, what the text names
REFUSED = {
    "classify a generator": ("Classify", _classify(name="toy", signature=""), INVALID, "inputs"),
    "regress a generator": ("Regress", _regress(name="toy", signature=""), INVALID, "inputs"),
    "classify with two inputs": ("Classify", _classify(signature="several"), INVALID, "input"),
    "regress with two inputs": ("Regress", _regress(signature="several"), INVALID, "input"),
    "classify without the signature": ("Classify", _classify(signature="zz"), INVALID, "zz"),
    "regress without the signature": ("Regress", _regress(signature="zz"), INVALID, "zz"),
    "classify nothing": ("Classify", _classify(number=0), INVALID, "input"),
    "classify an unknown model": ("Classify", _classify(name="nope"), NOT_FOUND, "nope"),
    "regress an unknown version": ("Regress", _regress(version=9), NOT_FOUND, "zoo 9"),
    "classify without a model": ("Classify", NO_MODEL, INVALID, "ModelSpec"),
    "regress nothing": ("Regress", _regress(number=0), INVALID, "input"),
    "regress by the default signature": ("Regress", _regress(signature=""), INVALID, "inputs"),
    "regress two numbers an example": ("Regress", _regress(signature="wide_x"), INVALID, "output 2"),
    "regress other rows": ("Regress", _regress(signature="first_x"), INVALID, "output 2 1"),
    "regress by two outputs": ("Regress", _regress(signature="classify"), INVALID, "output"),
    "scores that are no floats": ("Classify", _classify(signature="whole_x"), INVALID, "scores float int64"),
    "multi-inference of one signature twice": ("MultiInference", _several(REGRESS, REGRESS), INVALID, "regress"),
    "multi-inference without the signature": ("MultiInference", _several(("regress", "zz")), INVALID, "zz"),
    "multi-inference of no task": ("MultiInference", inference_pb2.MultiInferenceRequest(), INVALID, "name"),
    "multi-inference of two models": ("MultiInference", _several(CLASSIFY, (*REGRESS, "toy")), INVALID, "model"),
    "multi-inference of another method": ("MultiInference", _several(("zz", "classify")), UNIMPLEMENTED, "serving/zz"),
    "multi-inference of a generator": ("MultiInference", _several(("classify", "", "toy")), INVALID, "inputs"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal(plain, case):
    method, request, code, words = REFUSED[case]
    found, text = refusal(getattr(plain.predictions, method), request)
    assert found is code and names(text, words)


UNKNOWN = {
    "health's watch, off by default": "/grpc.health.v1.Health/Watch",
    "streamed": "/tensorflow.serving.PredictionService/PredictStreamed",
    "session": "/tensorflow.serving.SessionService/SessionRun",
    "health, off by default": "/grpc.health.v1.Health/Check",
    "nonsense": "/no.such.Service/NoSuchMethod",
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_a_method_that_there_is_not(plain, case):
    call = plain.channel.unary_unary(UNKNOWN[case])
    assert refusal(call, b"")[0] is UNIMPLEMENTED


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_a_packed_message_means_the_same(plain, compression):
    with grpc.insecure_channel(plain.target) as channel:
        call = channel.unary_unary(
            "/tensorflow.serving.PredictionService/Classify",
            request_serializer=classification_pb2.ClassificationRequest.SerializeToString,
            response_deserializer=classification_pb2.ClassificationResponse.FromString,
        )
        answer = call(_classify(number=100), timeout=10, compression=compression)
    assert len(answer.result.classifications) == 100


def test_a_text_is_cut_at_1024_characters(plain):
    _, text = refusal(plain.predictions.Classify, _classify(signature="z" * 3000))
    assert len(text) == 1024 + len("...TRUNCATED") and text.endswith("z...TRUNCATED")
