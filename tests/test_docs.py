"""Every statement of docs/theory.md names a test that exists."""

import ast
import pathlib
import re

from tfgan_kit.data import open as data_open

ROOT = pathlib.Path(__file__).parent.parent


def functions_of(path):
    if not path.exists():
        return set()
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_theory_names_tests_that_exist():
    named = set(re.findall(r"(tests/[\w/]+\.py)::(\w+)", (ROOT / "docs" / "theory.md").read_text()))
    assert len(named) > 30
    assert [f"{path}::{name}" for path, name in sorted(named) if name not in functions_of(ROOT / path)] == []


def test_documents_link_to_files_that_exist():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "export").glob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())]
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []


def test_the_table_of_sources_is_the_registrys():
    assert data_open.table() in (ROOT / "docs" / "data.md").read_text()
