"""Runs side by side: best values by each metric's aim, and nothing compared that was measured in another way."""

import math
import re

from tfgan_kit.runs.comparison import Comparison
from tfgan_kit.runs.run import Run

import numpy as np
import pytest

PROTOCOL = {"seed": 0, "best": "lowest", "warnings": []}


def run_of(path, values, metric="swd", protocol=PROTOCOL, **flags):
    run = Run(path)
    run.write_config({"flags": flags})
    lines = [{"step": step, "metric": metric, "value": value, "protocol": protocol} for step, value in values.items()]
    run.append_metrics(lines)
    return run


@pytest.fixture
def two(tmp_path):
    """The best of the first is in the middle, that of the second at its end."""
    return {
        "a": run_of(tmp_path / "a", {10: 5.0, 20: 3.0, 30: math.nan}, batch_size=8, seed=0),
        "b": run_of(tmp_path / "b", {10: 4.0, 20: 3.5}, batch_size=16, seed=0),
    }


def test_each_runs_best_value_stands_with_its_step(two):
    assert Comparison(two).table().splitlines()[:3] == ["run  swd", "a    3 (step 20)", "b    3.5 (step 20)"]


@pytest.mark.parametrize("best, values, expected", [
    ("highest", {1: 0.2, 2: 0.9, 3: 0.5}, (2, 0.9)),
    ("lowest", {1: 0.2, 2: 0.9}, (1, 0.2)),
    ("1", {1: 0.2, 2: 1.1, 3: 3.0}, (2, 1.1)),
    ("lowest", {1: math.nan, 2: math.inf}, (2, math.inf)),
])  # fmt: skip
def test_the_best_is_by_the_metrics_aim_and_finite_where_any_is(best, values, expected, tmp_path):
    protocol = PROTOCOL | {"best": best}
    runs = {name: run_of(tmp_path / name, values, protocol=protocol) for name in "ab"}
    assert Comparison(runs).curves["swd"]["a"].best == expected


def test_values_by_another_protocol_are_marked_named_and_not_drawn_together(two, tmp_path):
    two["c"] = run_of(tmp_path / "c", {10: 1.0, 20: 1.0}, protocol=PROTOCOL | {"seed": 7})
    comparison = Comparison(two)
    assert "c    1 (step 10) *" in comparison.table()
    assert "* swd of c is by another protocol and cannot be compared: seed: 0 and 7" in comparison.table()
    assert comparison.comparable("swd").keys() == {"a", "b"}


def test_earlier_values_of_a_run_by_another_protocol_are_left_out(tmp_path):
    run = run_of(tmp_path / "a", {10: 0.1}, protocol=PROTOCOL | {"seed": 9})
    run.append_metrics([{"step": 20, "metric": "swd", "value": 3.0, "protocol": PROTOCOL}])
    curve = Comparison({"a": run, "b": run}).curves["swd"]["a"]
    assert (curve.values, curve.newest) == ({20: 3.0}, (20, 3.0))


def test_flags_that_differ_are_listed_and_no_others(two):
    assert Comparison(two).settings == {"batch_size": ["8", "16"]}


def test_a_metric_that_a_run_lacks_is_a_dash(two, tmp_path):
    two["c"] = run_of(tmp_path / "c", {10: 0.5}, metric="kid_domain_100")
    table = Comparison(two).table().splitlines()
    assert re.fullmatch(r"a +3 \(step 20\) +-", table[1]) and re.fullmatch(r"c +- +0.5 \(step 10\)", table[3])


def test_the_page_has_the_curves_and_the_samples_with_captions(two, tmp_path):
    images = np.zeros((4, 8, 8, 1), np.uint8)
    Comparison(two).write_page(tmp_path / "page.html", {"a": images, "b": images})
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert all(alt for alt in re.findall(r'alt="([^"]*)"', page))
    assert "--batch_size" in page and "3 (step 20)" in page


def test_names_from_a_strangers_file_are_escaped(two, tmp_path):
    two["<script>"] = run_of(tmp_path / "c", {10: 0.5}, evil="<b>")
    Comparison(two).write_page(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<script>" not in page and "&lt;script&gt;" in page and "&lt;b&gt;" in page
