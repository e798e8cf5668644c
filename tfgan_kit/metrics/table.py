"""Results of an evaluation as a plain text table."""

HEADER = ("metric", "value", "floor", "protocol")


def format_table(results):
    """The results of `evaluate` as aligned plain text, warnings below.

    Example:
        >>> print(format_table(results))
        metric      value             floor    protocol
        fd_domain   12.3              0.521    1250 generated / 1250 reference / 1250 test of ...
        kid_domain  0.123 +- 0.00412  0.00012  1250 generated / 1250 reference / 1250 test of ...
    """
    rows = [HEADER, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER) - 1)] + [0]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    warnings = [
        f"warning ({result['metric']}): {text}"
        for result in results for text in result["protocol"]["warnings"]
    ]
    return "\n".join(lines + warnings)


def _row(result):
    spread = f" +- {result['std']:.3g}" if "std" in result else ""
    return (result["metric"], _number(result["value"]) + spread, _number(result["floor"]),
            _short(result["protocol"]))


def _number(value):
    return f"{value:.4g}"


def _short(protocol):
    text = (
        f"{protocol['generated_count']} generated / {protocol['reference_count']} reference / "
        f"{protocol['test_count']} test of {protocol['reference_source']}, seed {protocol['seed']}"
    )
    if "extractor" in protocol:
        text += f", {protocol['extractor']} ({protocol['extractor_accuracy']:.1%} right)"
    return text
