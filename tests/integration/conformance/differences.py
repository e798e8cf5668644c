"""Where the embedded server answers otherwise than TensorFlow Serving, and what would end a TensorFlow Serving.

A case is `module::test`, or `module::test[parameter]`. Such a test asks the fixture `expected` what is right:
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
        {
            "test_layout::test_a_half_written_version": {1: "AVAILABLE", 2: "END"},
            "test_rest_monitoring::test_the_load_of_a_half_written_version_with_a_warmup_file": "fail",
        },
    ),
    "a plain file is no version": Difference(
        "it cannot be one, and the version before it would wait for its retries",
        {"test_layout::test_a_plain_file_named_by_a_number": {1: "AVAILABLE"}},
    ),
    "an unreadable saved_model.pb is an internal error": Difference(
        "there the end of the file is reported instead of what is wrong in it",
        {"test_layout::test_the_code_of_a_cut_graph": "INTERNAL"},
    ),
    "nothing waits for ever": Difference(
        "there the batch scheduler never answers a request of no rows; a reload, and every later one, and the "
        "start wait for a base path that does not exist; with negative poll seconds it never looks for a version",
        {
            "test_batching::test_a_request_of_no_rows": "INVALID_ARGUMENT",
            "test_start::test_a_missing_base_path": "ended",
            "test_start::test_poll_seconds[negative]": "ended",
        },
    ),
    "a version that does not load holds up no other": Difference(
        "there the next one waits until all its retries are over, five minutes by default",
        {"test_start::test_a_good_version_after_one_that_does_not_load": "at once"},
    ),
    "a reload returns once every version was tried": Difference(
        "a label may then name any of them; there it returns after one version of each new model",
        {"test_reload::test_labels_right_after_a_reload": "OK"},
    ),
    "callers of one batch do not fail with one another": Difference(
        "whose rows do not go together are answered one by one",
        {"test_batching::test_rows_of_other_inner_shape_in_one_batch": ["OK", "OK"]},
    ),
    "a shape of unknown rank is refused": Difference(
        "there its sizes are taken as if the rank were known",
        {"test_hostile::test_a_shape_of_unknown_rank": "INVALID_ARGUMENT"},
    ),
    "health is asked by Check alone": Difference(
        "watchers that went made gRPC's own health service for Python hold up the end of the server for ever; its "
        "clients take UNIMPLEMENTED for healthy",
        {"test_limits::test_watching_health": "UNIMPLEMENTED"},
    ),
    "a misspelt flag ends the start": Difference(
        "there the server runs without it, and nobody knows", {"test_start::test_an_unknown_flag": "ended"}
    ),
    "a flag without an effect here ends the start": Difference(
        "TensorFlow's threads, XLA and TFLite are not for this server to set",
        {"test_start::test_a_flag_of_theirs": "ended"},
    ),
    "poll seconds may be fractions": Difference(
        "so that tests and demos need not wait for a second", {"test_start::test_poll_seconds[a fraction]": "runs"}
    ),
    "batches are neither padded in other dimensions nor split": Difference(
        "TensorFlow's batch op, which this server uses, cannot", {"test_start::test_padding_and_splitting": "ended"}
    ),
    "one port for gRPC and REST ends the start": Difference(
        "there the server runs without REST", {"test_start::test_one_port_for_both": "ended"}
    ),
    "a failed start says so in other words": Difference(
        "they come from a command that prints one line",
        {"test_start::test_a_model_that_does_not_load": "Cannot start: "},
    ),
    "SIGTERM drains": Difference(
        "a rollout must not fail the requests that run", {"test_start::test_sigterm_with_a_call_running": "answered"}
    ),
    "a body's size is bounded": Difference(
        "memory is finite: what is too large is refused before it is read",
        {"test_rest_http::test_a_body_that_claims_a_terabyte": 413},
    ),
    "ten thousand headers are refused": Difference(
        "memory is finite", {"test_rest_hostile::test_ten_thousand_headers": [400, None]}
    ),
    "a connection lives on after an HTML page": Difference(
        "HTTP/1.1 asks for no less", {"test_rest_http::test_a_connection_after_an_html_404": "kept"}
    ),
    "JSON is UTF-8": Difference(
        "bytes that are no text make JSON that no reader takes; `_bytes` in the name sends them as base64",
        {
            "test_rest_predict::test_a_string_that_is_no_utf8": 400,
            "test_rest_hostile::test_the_refusal_of_a_string_that_is_no_utf8": True,
        },
    ),
    "floats have as few digits as read back exactly": Difference(
        "an image's JSON is a third shorter; there they have six, or else nine and seventeen",
        {"test_rest_predict::test_the_digits_of_a_third": ["0.33333334", "0.3333333333333333"]},
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

# What is sent to the embedded server alone, and what a TensorFlow Serving would do.
WRECKING = {
    "test_reload::test_a_config_is_refused_whole[no platform]": "takes no reload nor config file until its restart",
    "test_reload::test_a_base_path_that_cannot_be_served": "takes no reload any more: it waits for the path",
    "test_reload::test_a_name_of_two_lines": "has no readable page of metrics any more",
    "test_rest_hostile::test_a_hostile_body_is_the_callers_fault[nested and closed]": "dies in a recursion",
    "test_rest_hostile::test_a_hostile_body_is_the_callers_fault[objects nested]": "dies in a recursion",
}


def case_of(item, parameter: bool = True) -> str:
    """`module::test[parameter]` of a pytest item, or without its parameter."""
    name = item.name if parameter else item.originalname
    return f"{item.module.__name__.split('.')[-1]}::{name}"


def ours(item) -> list:
    """What the embedded server answers in that test: a list of one, or an empty one."""
    names = {case_of(item), case_of(item, parameter=False)}
    return [value for one in EXPECTED_DIFFERENCES.values() for case, value in one.ours.items() if case in names]


def wrecks(item) -> str | None:
    """What a TensorFlow Serving would do after that test; None: it goes on."""
    return WRECKING.get(case_of(item)) or WRECKING.get(case_of(item, parameter=False))
