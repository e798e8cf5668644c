"""Parametrised tests whose cases each take seconds: the first is quick enough, its twins are slow tests."""

import pytest


def twins(names, values, quick=1, **keywords):
    """`pytest.mark.parametrize`, with all but the first cases marked slow.

    Args:
        names, values, keywords: as of `parametrize`; a value may be a `pytest.param`.
        quick: int, how many cases are not slow.
    """
    cases = []
    for k, value in enumerate(values):
        if not hasattr(value, "marks"):
            value = pytest.param(*value) if "," in names else pytest.param(value)
        cases.append(value if k < quick else value._replace(marks=[*value.marks, pytest.mark.slow]))
    return pytest.mark.parametrize(names, cases, **keywords)
