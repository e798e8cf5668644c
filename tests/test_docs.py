"""Every statement of docs/theory.md names a test that exists."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parent.parent
NAMED = sorted(set(re.findall(r"tests/[\w/]+\.py::\w+", (ROOT / "docs" / "theory.md").read_text())))


def test_theory_names_its_tests():
    assert len(NAMED) > 30


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_theory_names_exists(name):
    path, function = name.split("::")
    tree = ast.parse((ROOT / path).read_text())
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
