"""The table of expected differences is short, and names cases that there are."""

import importlib

import pytest

from tests.integration.conformance.differences import EXPECTED_DIFFERENCES

UNCHANGED = ("test_predict", "test_metadata", "test_status", "test_versions")
CASES = [case for difference in EXPECTED_DIFFERENCES.values() for case in difference.ours]


def test_there_are_at_most_twelve():
    assert len(EXPECTED_DIFFERENCES) <= 12


@pytest.mark.parametrize("name", EXPECTED_DIFFERENCES)
def test_each_has_a_reason_and_a_case(name):
    assert EXPECTED_DIFFERENCES[name].reason and EXPECTED_DIFFERENCES[name].ours


def test_no_case_stands_twice():
    assert len(set(CASES)) == len(CASES)


def _arguments(case):
    module, name = case.split("::")
    test = getattr(importlib.import_module(f"tests.integration.conformance.{module}"), name)
    return test.__code__.co_varnames[: test.__code__.co_argcount]


@pytest.mark.parametrize("case", CASES)
def test_a_case_exists_and_asks_what_is_expected(case):
    assert "expected" in _arguments(case)


@pytest.mark.parametrize("case", CASES)
def test_none_is_in_predict_metadata_status_or_version_swaps(case):
    assert case.split("::")[0] not in UNCHANGED
