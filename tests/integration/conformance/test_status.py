"""GetModelStatus: every version since the start, newest first, with what became of it."""

import pytest
from tensorflow_serving.apis import get_model_status_pb2

from tests.integration.conformance.calls import INVALID, NOT_FOUND, names, refusal, specified, status_of


def _request(**spec):
    return specified(get_model_status_pb2.GetModelStatusRequest(), **spec)


@pytest.mark.parametrize("spec", [{}, {"version": 1}, {"label": "labels are not looked at"}])
def test_an_available_version(plain, spec):
    (status,) = plain.models.GetModelStatus(_request(**spec), timeout=10).model_version_status
    assert status.version == 1
    assert status.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert status.HasField("status") and (status.status.error_code, status.status.error_message) == (0, "")


REFUSED = {
    "no model": (get_model_status_pb2.GetModelStatusRequest(), INVALID, "ModelSpec"),
    "model": (_request(name="nope"), NOT_FOUND, "nope"),
    "empty name": (_request(name=""), NOT_FOUND, "model"),
    "version": (_request(version=9), NOT_FOUND, "9 toy"),
    "version of an unknown model": (_request(name="nope", version=1), NOT_FOUND, "1 nope"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal(plain, case):
    request, code, words = REFUSED[case]
    found, text = refusal(plain.models.GetModelStatus, request)
    assert found is code and names(text, words)


def test_an_unloaded_version_ends_well_and_stays_in_the_list(own):
    own.publish(1)
    own.serve()
    own.publish(2, scale=2)
    own.until(v2="AVAILABLE", v1="END")
    assert list(own.states()) == [2, 1]  # newest first
    assert status_of(own.server, own.name, 1) == ("END", "OK", "")


def test_a_model_that_is_no_longer_configured_stays_in_the_list(own):
    own.publish(1)
    own.serve()
    own.server.reload()
    own.until(v1="END")
    assert status_of(own.server, own.name, 1) == ("END", "OK", "")
