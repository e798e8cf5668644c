"""The tables of differences name cases that there are."""

import importlib

import pytest

from tests.integration.conformance.differences import EXPECTED_DIFFERENCES, WRECKING

UNCHANGED = ("test_predict", "test_metadata", "test_status", "test_versions")
CASES = [case for difference in EXPECTED_DIFFERENCES.values() for case in difference.ours]


@pytest.mark.parametrize("name", EXPECTED_DIFFERENCES)
def test_each_has_a_reason_and_a_case(name):
    assert EXPECTED_DIFFERENCES[name].reason and EXPECTED_DIFFERENCES[name].ours


def test_no_case_stands_twice():
    assert len(set(CASES)) == len(CASES)


def _test(case):
    module, name = case.partition("[")[0].split("::")
    return getattr(importlib.import_module(f"tests.integration.conformance.{module}"), name)


@pytest.mark.parametrize("case", CASES)
def test_a_case_exists_and_asks_what_is_expected(case):
    code = _test(case).__code__
    assert "expected" in code.co_varnames[: code.co_argcount]


@pytest.mark.parametrize("case", [*CASES, *WRECKING])
def test_a_case_names_a_parameter_that_there_is(case):
    parameter = case.partition("[")[2].removesuffix("]")
    marks = [mark for mark in getattr(_test(case), "pytestmark", []) if mark.name == "parametrize"]
    assert not parameter or [parameter] == [value for mark in marks for value in mark.args[1] if value == parameter]


@pytest.mark.parametrize("case", CASES)
def test_none_is_in_predict_metadata_status_or_version_swaps(case):
    assert case.split("::")[0] not in UNCHANGED
