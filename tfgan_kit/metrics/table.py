"""Results of an evaluation as a plain text table."""


def format_table(results, changes=None):
    """The results of `evaluate` as aligned plain text, protocol and warnings below.

    A value stands with its 95 % interval, `[low, high]`, or with the deviation over the subsets or
    directions it is the mean of, `+- std`; beside it the same of real test images, the floor.

    Args:
        results: list of dicts, as `evaluate` returns them.
        changes: dict, metric -> float, as `compare` returns it, or None: a column more.

    Example::

        print(format_table(results))

        metric           value                  real against real
        fd_domain_1250   0.406 [0.342, 0.470]   0.289
        swd              12.33 +- 0.45          9.339
        1250 generated / 1250 reference / 1250 test images of mnist5k, seed 0; classifier 98.6% right
    """
    header = ("metric", "value", *(["change"] if changes else []), "real against real")
    rows = [header, *(_row(result, changes) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    protocols = dict.fromkeys(_short(result["protocol"]) for result in results)
    warnings = {}
    for result in results:
        for text in result["protocol"]["warnings"]:
            warnings.setdefault(text, []).append(result["metric"])
    lines += [max(protocols, key=len)]  # an extractor's facts are in some only
    lines += [
        f"warning: {text}" if len(names) == len(results) > 1 else f"warning ({', '.join(names)}): {text}"
        for text, names in warnings.items()
    ]
    return "\n".join(lines)


def _row(result, changes):
    spread = ""
    if "interval" in result:
        spread = " [{:.4g}, {:.4g}]".format(*result["interval"])
    elif "std" in result:
        spread = f" +- {result['std']:.3g}"
    change = [f"{changes[result['metric']]:+.4g}" if result["metric"] in changes else ""] if changes else []
    return result["metric"], _number(result["value"]) + spread, *change, _number(result["floor"])


def _number(value):
    return f"{value:.4g}"


def _short(protocol):
    text = (
        f"{protocol['generated_count']} generated / {protocol['reference_count']} reference / "
        f"{protocol['test_count']} test images of {protocol['reference_source']}, seed {protocol['seed']}"
    )
    if "extractor_accuracy" in protocol:
        text += f"; classifier {protocol['extractor_accuracy']:.1%} right"
    return text
