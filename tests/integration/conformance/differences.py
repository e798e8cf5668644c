"""Where the embedded server answers otherwise than TensorFlow Serving, on purpose.

A key is a case: `module::test` or `module::test[id]`. Such a test asks the fixture `expected` what is
right: TensorFlow Serving's answer for any other server, `ours` for the embedded one.
"""

import typing


class Difference(typing.NamedTuple):
    """What the embedded server answers, and why that is better."""

    ours: object
    reason: str


EXPECTED_DIFFERENCES: dict[str, Difference] = {
    "test_layout::test_a_half_written_version": Difference(
        ours={1: "AVAILABLE", 2: "END"},
        reason="a version without its variables would answer every request with an error",
    ),
    "test_inputs::test_a_row_of_another_inner_shape": Difference(
        ours="INVALID_ARGUMENT",
        reason="a signature is a promise: what does not fit it is the caller's mistake, said at once",
    ),
    "test_batching::test_a_request_of_no_rows": Difference(
        ours="INVALID_ARGUMENT",
        reason="the batch scheduler never answers it, and the caller waits for its deadline",
    ),
    "test_reload::test_a_base_path_that_does_not_exist": Difference(
        ours="answered",
        reason="there the call, and every later reload, waits for ever",
    ),
    "test_start::test_a_missing_base_path": Difference(
        ours="ended",
        reason="there the server waits for ever with closed ports, and nobody knows why",
    ),
    "test_start::test_an_unknown_flag": Difference(
        ours="ended",
        reason="a misspelt flag would silently not apply",
    ),
    "test_start::test_sigterm_with_a_call_running": Difference(
        ours="answered",
        reason="a rollout must not fail the requests that run",
    ),
    "test_rest_http::test_a_body_that_claims_a_terabyte": Difference(
        ours=413,
        reason="memory is bounded: the body is refused before it is read",
    ),
    "test_rest_http::test_a_readiness_url": Difference(
        ours=200,
        reason="a probe has one URL that says whether every model answers",
    ),
}
