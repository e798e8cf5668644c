"""As much of PromQL as the alerts in `serving/` need: what an expression gives, from a server's pages by time."""

import promql_parser
from prometheus_client.parser import text_string_to_metric_families

LOOKBACK = 300.0  # seconds: the age at which Prometheus takes a series for gone


def samples(page: str) -> dict:
    """Value by (name, labels) of a page of metrics. The parser appends `_total` to the name of every counter."""
    return {
        (one.name.removesuffix("_total"), frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(page) for one in family.samples
    }  # fmt: skip


def evaluate(expression, pages, now: float):
    """The value of a parsed expression at a time.

    Args:
        expression: of `promql_parser.parse`: selectors, numbers, `increase`, `>`, `or`, `unless`, `offset`.
        pages: list of (time in seconds, `samples`), in order.
        now: in seconds.

    Returns:
        Value by labels, a frozenset of pairs; of a number, the number.
    """
    match expression:
        case promql_parser.NumberLiteral():
            return expression.val
        case promql_parser.ParenExpr():
            return evaluate(expression.expr, pages, now)
        case promql_parser.VectorSelector():
            end = now - (expression.offset.total_seconds() if expression.offset else 0)
            return {labels: values[-1] for labels, values in _series(expression, pages, end, LOOKBACK).items()}
        case promql_parser.Call(func=function) if function.name == "increase":
            [matrix] = expression.args
            series = _series(matrix.vector_selector, pages, now, matrix.range.total_seconds())
            return {labels: _increase(values) for labels, values in series.items() if len(values) > 1}
        case promql_parser.BinaryExpr():
            left, right = (evaluate(side, pages, now) for side in (expression.lhs, expression.rhs))
            return _combined(f"{expression.op}", left, right, _ignored(expression.modifier))
    raise NotImplementedError(expression.prettify())


def _series(selector, pages, end, seconds) -> dict:
    wanted = {(matcher.name, matcher.value) for matcher in selector.matchers.matchers}
    assert all(matcher.op == promql_parser.MatchOp.Equal for matcher in selector.matchers.matchers)
    series = {}
    for time, page in pages:
        for (name, labels), value in page.items():
            if end - seconds < time <= end and name == selector.name and wanted <= labels:
                series.setdefault(labels, []).append(value)
    return series


def _increase(values) -> float:
    """Without Prometheus's extrapolation to the range's ends, which changes no sign; a counter falls only to 0."""
    return sum(after - before if after >= before else after for before, after in zip(values, values[1:], strict=False))


def _ignored(modifier) -> frozenset:
    return frozenset(modifier.matching.labels) if modifier and modifier.matching else frozenset()


def _combined(operator, left, right, ignored):
    def key(labels):
        return frozenset(pair for pair in labels if pair[0] not in ignored)

    match operator:
        case ">":
            return {labels: value for labels, value in left.items() if value > right}
        case "or":
            return left | {labels: value for labels, value in right.items() if key(labels) not in set(map(key, left))}
        case "unless":
            return {labels: value for labels, value in left.items() if key(labels) not in set(map(key, right))}
    raise NotImplementedError(operator)
