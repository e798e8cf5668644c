"""The tables of differences name cases that there are."""

import importlib

from tests.integration.conformance.differences import EXPECTED_DIFFERENCES, WRECKING

UNCHANGED = ("test_predict", "test_metadata", "test_status", "test_versions")
CASES = [case for difference in EXPECTED_DIFFERENCES.values() for case in difference.ours]


def _test(case):
    module, name = case.partition("[")[0].split("::")
    return getattr(importlib.import_module(f"tests.integration.conformance.{module}"), name)


def test_each_has_a_reason_and_a_case_of_its_own():
    assert [name for name, one in EXPECTED_DIFFERENCES.items() if not (one.reason and one.ours)] == []
    assert len(set(CASES)) == len(CASES)


def _asks(code):
    return "expected" in code.co_varnames[: code.co_argcount]


def test_a_case_exists_and_asks_what_is_expected():
    assert [case for case in CASES if not _asks(_test(case).__code__)] == []


def _has_parameter(case):
    parameter = case.partition("[")[2].removesuffix("]")
    marks = [mark for mark in getattr(_test(case), "pytestmark", []) if mark.name == "parametrize"]
    return not parameter or any(parameter in mark.args[1] for mark in marks)


def test_a_case_names_a_parameter_that_there_is():
    assert [case for case in (*CASES, *WRECKING) if not _has_parameter(case)] == []


def test_none_is_in_predict_metadata_status_or_version_swaps():
    assert [case for case in CASES if case.split("::")[0] in UNCHANGED] == []
