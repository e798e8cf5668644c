"""What a value was measured by: its name, and whether two values may be compared."""

from tfgan_kit.metrics.features.weight_files import INCEPTION

_SAID_ONLY = {"warnings", "reference_source", "test_source"}  # the fingerprints tell whether data are the same


def result_name(measure, extractor=None, count=None, weights_hash=None):
    """The name of a value: what was measured, by which extractor, on how many generated images.

    `fid50k` is the Frechet distance of 50,000 images by the FID network, its published weights, with its own
    resizing, and nothing else is; everything else bears its extractor's name: `fd_domain_1250`, `fd_lite0_10k`.

    Example:
        >>> result_name("fd", "lite0", 10_000)
        'fd_lite0_10k'
    """
    if extractor is None:
        return measure
    published = (extractor, weights_hash) == ("inception", INCEPTION.sha256[:16])
    if (measure, count) == ("fd", 50_000) and published:
        return "fid50k"
    number = f"{count // 1000}k" if count >= 1000 and count % 1000 == 0 else str(count)
    return f"{measure}_{extractor}_{number}"


def history_lines(results, step):
    """The lines of `Run.append_metrics` that results of a step are."""
    return [{"step": step, **{name: result[name] for name in ("metric", "value", "protocol")}} for result in results]


def differences(a, b):
    """Where two protocols differ, as lines of text; an empty list where their values may be compared.

    Example:
        >>> differences({"seed": 0}, {"seed": 1})
        ['seed: 0 and 1']
    """
    names = [name for name in [*a, *(name for name in b if name not in a)] if name not in _SAID_ONLY]
    return [f"{name}: {a.get(name)} and {b.get(name)}" for name in names if a.get(name) != b.get(name)]


def compare(results, baseline):
    """Each result's value less the baseline's, by metric.

    Args:
        results, baseline: lists of dicts as `evaluate` returns them.

    Returns:
        A dict, metric -> float, of the metrics that both have.

    Raises:
        ValueError: no metric in common, or a protocol that differs; the message names what does.
    """
    earlier = {result["metric"]: result for result in baseline}
    common = [result for result in results if result["metric"] in earlier]
    if not common:
        raise ValueError(
            "The two evaluations have no metric in common (a name holds the extractor and the number of "
            f"images): measure both alike. Received: {[r['metric'] for r in results]} and "
            f"{[r['metric'] for r in baseline]}{_of_one_measure(results, baseline)}"
        )
    for result in common:
        found = differences(result["protocol"], earlier[result["metric"]]["protocol"])
        if found:
            raise ValueError(
                f"Values of {result['metric']} by different protocols cannot be compared: measure both "
                f"alike. Received: {'; '.join(found)}"
            )
    return {result["metric"]: result["value"] - earlier[result["metric"]]["value"] for result in common}


def _of_one_measure(results, baseline):
    """Where the first two values of one measure differ, for a message."""
    for result in results:
        for other in baseline:
            found = differences(result["protocol"], other["protocol"])
            if result.get("measure") == other.get("measure") and found:
                return f"; {'; '.join(found)}"
    return ""
