"""The table of expected differences is short, and names cases that there are."""

import importlib

import pytest

from tests.integration.conformance.differences import EXPECTED_DIFFERENCES

UNCHANGED = ("test_predict", "test_metadata", "test_status", "test_versions")


def test_there_are_at_most_ten():
    assert len(EXPECTED_DIFFERENCES) <= 10


@pytest.mark.parametrize("case", EXPECTED_DIFFERENCES)
def test_an_entry_is_a_case_that_asks_for_it(case):
    module, name = case.split("::")
    test = getattr(importlib.import_module(f"tests.integration.conformance.{module}"), name.split("[")[0])
    code = test.__code__
    assert "expected" in code.co_varnames[: code.co_argcount]


@pytest.mark.parametrize("case", EXPECTED_DIFFERENCES)
def test_an_entry_has_a_reason(case):
    assert EXPECTED_DIFFERENCES[case].reason


@pytest.mark.parametrize("case", EXPECTED_DIFFERENCES)
def test_none_is_in_predict_metadata_status_or_version_swaps(case):
    assert case.split("::")[0] not in UNCHANGED
