"""Where the embedded server answers otherwise than TensorFlow Serving, on purpose.

A case is `module::test`. Such a test asks the fixture `expected` what is right:
TensorFlow Serving's answer for any other server, what stands here for the embedded one.
"""

import typing


class Difference(typing.NamedTuple):
    """Why the embedded server differs, and what it answers, by case."""

    reason: str
    ours: dict[str, object]


EXPECTED_DIFFERENCES = {
    "a half-written version is refused": Difference(
        "without its variables it would answer every request with an error, and the good one is gone",
        {"test_layout::test_a_half_written_version": {1: "AVAILABLE", 2: "END"}},
    ),
    "nothing waits for ever": Difference(
        "there the batch scheduler never answers a request of no rows; a reload, and every later one, and the "
        "start wait for a base path that does not exist",
        {
            "test_batching::test_a_request_of_no_rows": "INVALID_ARGUMENT",
            "test_reload::test_a_base_path_that_does_not_exist": "answered",
            "test_start::test_a_missing_base_path": "ended",
        },
    ),
    "callers of one batch do not fail with one another": Difference(
        "whose rows do not go together are answered one by one",
        {"test_batching::test_rows_of_other_inner_shape_in_one_batch": ["OK", "OK"]},
    ),
    "health is asked by Check alone": Difference(
        "watchers that went made gRPC's own health service for Python hold up the end of the server for ever; its "
        "clients take UNIMPLEMENTED for healthy",
        {"test_limits::test_watching_health": "UNIMPLEMENTED"},
    ),
    "a misspelt flag ends the start": Difference(
        "there the server runs without it, and nobody knows", {"test_start::test_an_unknown_flag": "ended"}
    ),
    "SIGTERM drains": Difference(
        "a rollout must not fail the requests that run", {"test_start::test_sigterm_with_a_call_running": "answered"}
    ),
    "a body's size is bounded": Difference(
        "memory is finite: what is too large is refused before it is read",
        {"test_rest_http::test_a_body_that_claims_a_terabyte": 413},
    ),
    "JSON is UTF-8": Difference(
        "bytes that are no text make JSON that no reader takes; `_bytes` in the name sends them as base64",
        {"test_rest_predict::test_a_string_that_is_no_utf8": 400},
    ),
    "there is a readiness URL": Difference(
        "a probe needs one URL that says whether every model answers", {"test_rest_http::test_a_readiness_url": 200}
    ),
    "no metrics of the batch scheduler": Difference(
        "TensorFlow's Python interface does not show what its batch op counts",
        {"test_batching::test_prometheus_has_the_batching_sessions_names": False},
    ),
    "the name of a model that there is not is no label of a metric": Difference(
        "whoever can send requests could fill the memory with names",
        {"test_rest_monitoring::test_an_unknown_models_name": ""},
    ),
}


def ours(case: str) -> list:
    """What the embedded server answers in that case: a list of one, or an empty one."""
    return [one.ours[case] for one in EXPECTED_DIFFERENCES.values() if case in one.ours]
