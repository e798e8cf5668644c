"""REST's GET: status and metadata with the names that protocol buffers' JSON printer gives them."""

import pytest

from tests.integration.conformance import zoo
from tests.integration.conformance.calls import http_call, names
from tests.integration.conformance.starts import model
from tests.serving import toy

STATUS = {  # of a model with one good version
    "model_version_status": [
        {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    ]
}

# Paths match in any case; a label is not looked at.
STATUS_PATHS = (
    "/v1/models/toy", "/v1/models/toy/versions/1", "/v1/models/toy/versions/0001", "/V1/Models/toy",
    "/v1/models/toy/labels/nobody_looks", "/v1/models/t%6fy",
)  # fmt: skip


@pytest.mark.parametrize("path", STATUS_PATHS)
def test_status(rest, path):
    reply = http_call(rest, "GET", path)
    assert (reply.code, reply.json) == (200, STATUS)
    assert reply.headers["Content-Type"] == "application/json"


def test_status_of_a_version_that_failed(own, rest):
    own.publish(1)
    own.serve()
    (own.base_path / "2").mkdir()
    own.until(v2="END", v1="AVAILABLE")
    first, second = http_call(rest, "GET", f"/v1/models/{own.name}").json["model_version_status"]
    assert (first["version"], first["state"], first["status"]["error_code"]) == ("2", "END", "NOT_FOUND")
    assert "saved_model.pb" in first["status"]["error_message"]
    assert (second["version"], second["state"]) == ("1", "AVAILABLE")


@pytest.mark.parametrize("path", ["/v1/models/{}/metadata", "/v1/models/{}/versions/1/metadata"])
@pytest.mark.parametrize("name, names", [("toy", toy.CONDITIONAL), ("zoo", zoo.NAMES)])
def test_metadata(rest, path, name, names):
    reply = http_call(rest, "GET", path.format(name))
    assert reply.code == 200 and reply.headers["Content-Type"] == "application/json"
    assert reply.json["model_spec"] == {"name": name, "signature_name": "", "version": "1"}
    assert set(reply.json["metadata"]["signature_def"]["signature_def"]) == {*names, "__saved_model_init_op"}


def test_metadata_of_a_signature(rest):
    """Sizes are strings, and every field is there, `defaults` too."""
    everything = http_call(rest, "GET", "/v1/models/zoo/metadata").json
    found = everything["metadata"]["signature_def"]["signature_def"]["row_sums"]
    rows, columns = {"name": "", "size": "-1"}, {"name": "", "size": "4"}
    z, y = found["inputs"].pop("z"), found["outputs"].pop("y")
    assert z.pop("name").startswith("row_sums_z") and y.pop("name").endswith(":0")
    assert z == {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [rows, columns], "unknown_rank": False}}
    assert y == {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [rows], "unknown_rank": False}}
    assert found == {
        "defaults": {}, "inputs": {}, "method_name": "tensorflow/serving/predict", "outputs": {},
    }  # fmt: skip


REFUSED = {
    "unknown model": ("/v1/models/nope", 404, "nope"),
    "a path of files": ("/v1/models/%2e%2e%2fetc%2fpasswd", 404, "../etc/passwd"),
    "unknown version": ("/v1/models/toy/versions/9", 404, "9 toy"),
    "metadata of an unknown model": ("/v1/models/nope/metadata", 404, "nope"),
    "metadata of an unknown version": ("/v1/models/toy/versions/9/metadata", 404, "toy 9"),
    "metadata of an unknown label": ("/v1/models/toy/labels/zz/metadata", 400, "label zz"),
    "no name": ("/v1/models", 400, "model name"),
    "a query string": ("/v1/models/toy?x=1", 404, "toy?x=1"),
    "a trailing slash": ("/v1/models/toy/", 400, "GET /v1/models/toy/"),
    "a version that is no number": ("/v1/models/toy/versions/x", 400, "GET /v1/models/toy/versions/x"),
    "predict by GET": ("/v1/models/toy:predict", 400, "GET /v1/models/toy:predict"),
    "another path below /v1/": ("/v1/nothing", 400, "GET /v1/nothing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal(rest, case):
    path, code, words = REFUSED[case]
    found, text = http_call(rest, "GET", path).error
    assert found == code and names(text, words)


@pytest.mark.parametrize("path", ["/v1/models/toy/versions/{}", "/v1/models/toy/versions/{}/metadata"])
def test_a_version_too_large_for_int64(rest, path):
    reply = http_call(rest, "GET", path.format(2**63))
    assert (reply.code, reply.body) == (400, b"")


def test_a_label_that_there_is(own, rest):
    own.publish(1, scale=2)
    own.serve()
    rest.reload(model(own.name, own.base_path, "", {"stable": 1}))
    reply = http_call(rest, "GET", f"/v1/models/{own.name}/labels/stable/metadata")
    assert reply.json["model_spec"] == {"name": own.name, "signature_name": "", "version": "1"}
