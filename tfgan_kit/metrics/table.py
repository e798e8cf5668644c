"""Results of an evaluation as a plain text table."""

def format_table(results, changes=None):
    """The results of `evaluate` as aligned plain text, warnings below.

    A value stands with its 95 % interval, `[low, high]`, or with the deviation over the subsets or
    directions it is the mean of, `+- std`.

    Args:
        results: list of dicts, as `evaluate` returns them.
        changes: dict, metric -> float, as `compare` returns it, or None: a column more.

    Example:
        >>> print(format_table(results))
        metric           value                  floor    protocol
        fd_domain_1250   0.402 [0.361, 0.443]   0.0211   1250 generated / 1250 reference / ...
        kid_domain_1250  0.00412 +- 0.00051     0.00012  1250 generated / 1250 reference / ...
    """
    header = ("metric", "value", *(["change"] if changes else []), "floor", "protocol")
    rows = [header, *(_row(result, changes) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header) - 1)] + [0]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    warnings = {}
    for result in results:
        for text in result["protocol"]["warnings"]:
            warnings.setdefault(text, []).append(result["metric"])
    return "\n".join(lines + [f"warning ({', '.join(names)}): {text}" for text, names in warnings.items()])


def _row(result, changes):
    spread = ""
    if "interval" in result:
        spread = " [{:.4g}, {:.4g}]".format(*result["interval"])
    elif "std" in result:
        spread = f" +- {result['std']:.3g}"
    change = [f"{changes[result['metric']]:+.4g}" if result["metric"] in changes else ""] if changes else []
    return (result["metric"], _number(result["value"]) + spread, *change, _number(result["floor"]),
            _short(result["protocol"]))


def _number(value):
    return f"{value:.4g}"


def _short(protocol):
    text = (
        f"{protocol['generated_count']} generated / {protocol['reference_count']} reference / "
        f"{protocol['test_count']} test of {protocol['reference_source']}, seed {protocol['seed']}"
    )
    if "extractor_accuracy" in protocol:
        text += f", classifier {protocol['extractor_accuracy']:.1%} right"
    return text
