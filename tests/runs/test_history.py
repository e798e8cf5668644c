"""Which measured value is the best: the right way round, of values that were measured alike."""

import math

from tfgan_kit.runs import history

import pytest


def line(step, value, metric="swd", protocol="p", **more):
    return {"step": step, "metric": metric, "value": value, "protocol": protocol, **more}


def steps(lines):
    return [line["step"] for line in lines]


@pytest.mark.parametrize(
    "direction, expected",
    [
        ({}, [20, 10, 30]),
        ({"best": "lowest"}, [20, 10, 30]),
        ({"best": "highest"}, [30, 10, 20]),
        ({"best": "1"}, [10, 20, 30]),  # |0.9 - 1|, |0.5 - 1|, |2.1 - 1|
    ],
)
def test_the_protocol_says_which_way_is_better(direction, expected):
    lines = [line(10, 0.9, protocol=direction), line(20, 0.5, protocol=direction), line(30, 2.1, protocol=direction)]
    assert steps(history.ranked(lines)) == expected


def test_of_equal_values_the_earlier_is_the_best():
    assert steps(history.ranked([line(10, 1.0), line(20, 1.0)])) == [10, 20]
    assert history.waited([line(10, 1.0), line(20, 1.0)]) == 1


def test_a_value_that_is_not_finite_is_never_the_best_but_counts_as_waiting():
    lines = [line(10, 2.0), line(20, math.nan), line(30, -math.inf)]
    assert steps(history.ranked(lines)) == [10]
    assert history.waited(lines) == 2
    assert history.waited(lines[1:]) == 2
    assert history.waited([]) == 0


def test_a_step_that_was_measured_again_counts_once_by_its_last_value():
    lines = [line(10, 1.0), line(20, 0.5), line(20, 3.0)]
    assert steps(history.ranked(lines)) == [10, 20] and history.waited(lines) == 1


def test_the_metric_that_was_monitored_last_decides():
    lines = [line(10, 1.0, "fd_domain"), line(10, 5.0, "kid", monitored=True), line(20, 0.5, "fd_domain")]
    assert history.history(lines) == [lines[1]]
    assert history.history([*lines, line(20, 6.0, "kid")]) == [lines[1], line(20, 6.0, "kid")]
    assert history.history([lines[0], lines[2], line(20, 1.0, "swd")]) == [lines[0], lines[2]]


def test_of_a_name_are_metrics_that_say_more_after_it():
    assert history.is_of("swd", "swd") and history.is_of("swd_128", "swd")
    assert not history.is_of("swdx", "swd") and not history.is_of("swd", "swd_128")


def test_values_of_other_protocols_are_not_compared():
    few, many = {"generated_count": 10, "best": "lowest"}, {"generated_count": 20, "best": "lowest"}
    lines = [line(10, 1.0, protocol=few), line(20, 5.0, protocol=many), line(30, 6.0, protocol=many)]
    assert steps(history.ranked(lines)) == [20, 30]
    assert steps(history.ranked([*lines, line(30, 6.0, protocol="mean of 3 steps")])) == [30]


def test_warnings_do_not_part_protocols():
    lines = [line(k, 1.0 * k, protocol={"seed": 0, "warnings": [str(k)]}) for k in (10, 20)]
    assert steps(history.ranked(lines)) == [10, 20]
    assert not history.comparable({"seed": 0, "warnings": []}, {"seed": 1, "warnings": []})


@pytest.mark.parametrize(
    "found",
    [
        [], {}, 5, "x", None, line("1", 2.0), line(True, 2.0), line(1.5, 2.0), line(1, "2"), line(1, None),
        line(1, 10**400), line(1, 2.0, metric=5), line(1, 2.0, protocol=5), line(1, 2.0, protocol={"best": []}),
        line(1, 2.0, protocol={"best": "most"}),
    ],
    ids=lambda found: str(found)[:60],
)  # fmt: skip
def test_what_is_no_measurement_is_refused(found):
    with pytest.raises(ValueError):
        history.check_line(found)


@pytest.mark.parametrize("best", ["lowest", "highest", "1", 1.0])
def test_a_measurement_is_taken(best):
    history.check_line(line(1, math.nan, protocol={"best": best}))
    history.check_line(line(1, 2, monitored=True))
