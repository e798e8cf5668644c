import pytest

from benchmarks.quality import report
from benchmarks.quality.records import Records

TIMES = [5.0, 10.0, 20.0]
NAMES = {"guide": "the guide", "preset": "ours"}


def points(*values):
    return [{"seconds": t, "steps": int(10 * t), "fd_domain": value} for t, value in zip(TIMES, values, strict=True)]


RUNS = {
    "guide": {0: points(9, 6, 4), 1: points(12, 8, 6), 2: points(16, 8, 8)},
    "preset": {0: points(6, 3, 2), 1: points(6, 5, 1), 2: points(10, 8, 4)},
}


@pytest.mark.parametrize("target, seconds", [(9.0, 5.0), (6.0, 10.0), (5.9, 20.0), (4.0, 20.0), (3.9, None)])
def test_a_distance_is_reached_at_the_first_checkpoint_at_or_below_it(target, seconds):
    assert report.seconds_to_reach(TIMES, [9.0, 6.0, 4.0], target) == seconds


def test_the_table_has_median_and_range_and_the_best_first():
    lines = report.table(RUNS, TIMES, NAMES, "fd_domain").splitlines()
    assert lines[2] == "| ours | 3 | 200 | 6.00 (6.00 to 10.00) | 5.00 (3.00 to 8.00) | 2.00 (1.00 to 4.00) |"
    assert lines[3].startswith("| the guide | 3 | 200 | 12.00 (9.00 to 16.00) |")


def test_answers_compare_seed_by_seed():
    # The guide ends at 4, 6, 8 (median 6); ours is there at 10, 5 and 10 s, its median (6, 5, 2) at 5 s.
    reached, _, *ratios = report.answers(RUNS, TIMES, "fd_domain", "guide", "preset")
    assert "median of 20 s at its checkpoint of 5 s; seed by seed: 10 s, 5 s, 10 s" in reached
    assert ratios[0].split(": ") == ["      5 s", "1.60 (1.50 to 2.00)"]
    assert ratios[2].split(": ") == ["     20 s", "2.00 (2.00 to 6.00)"]


def test_only_seeds_that_both_have_are_compared():
    runs = {"guide": {1: RUNS["guide"][1]}, "preset": RUNS["preset"]}
    assert report.answers(runs, TIMES, "fd_domain", "guide", "preset")[0].endswith("seed by seed: 5 s")
    assert report.answers({"preset": RUNS["preset"]}, TIMES, "fd_domain", "guide", "preset") == []


def test_the_plot_is_a_picture(tmp_path):
    pytest.importorskip("matplotlib")
    report.plot(tmp_path / "curves.png", RUNS, TIMES, NAMES, {"fd_domain": 0.1})
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_stopped_benchmark_goes_on_with_what_is_missing(tmp_path):
    records = Records(tmp_path, {"times": TIMES})
    records.write("guide", 0, points(3, 2, 1), beside=["guide"])
    again = Records(tmp_path, {"times": tuple(TIMES)})
    assert again.missing(["guide", "preset"], 0) == ["preset"]
    assert again.missing(["guide", "preset"], 1) == ["guide", "preset"]
    assert again.read() == {"guide": {0: points(3, 2, 1)}}


def test_runs_of_another_protocol_are_not_mixed_in(tmp_path):
    Records(tmp_path, {"times": TIMES, "slice": 5.0})
    with pytest.raises(ValueError, match="slice=5.0.*Received: slice=2.0"):
        Records(tmp_path, {"times": TIMES, "slice": 2.0})
