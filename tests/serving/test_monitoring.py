"""The metrics page, read by Prometheus's own parser."""

from tfgan_kit.serving.prometheus import Monitor

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.serving import toy

PREFIX = ":tensorflow:serving:"


def samples(monitor) -> dict:
    """Value by (name, labels). The parser calls every counter NAME_total, whatever its line says."""
    families = text_string_to_metric_families(monitor.page())
    return {
        (one.name.removesuffix("_total"), *sorted(one.labels.items())): one.value
        for family in families for one in family.samples
    }  # fmt: skip


def labels(**values):
    return tuple(sorted(values.items()))


@pytest.mark.parametrize(
    "microseconds, limit", [(0, "10"), (10, "10"), (11, "18"), (18, "18"), (33, "58.32"), (10**7, "1.3382e+07")]
)
def test_a_latency_is_in_every_bucket_from_its_own_on(microseconds, limit):
    monitor = Monitor()
    monitor.runtime("toy", "Predict", microseconds / 1e6)
    buckets = {
        dict(key[1:])["le"]: value for key, value in samples(monitor).items()
        if key[0] == f"{PREFIX}runtime_latency_bucket"
    }  # fmt: skip
    assert len(buckets) == 34 and buckets["+Inf"] == 1  # 10 * 1.8^k, k = 0..32, and infinity
    assert {float(key) for key, value in buckets.items() if value} == {
        float(key) for key in buckets if float(key) >= float(limit)
    }


def test_a_listed_model_that_never_answered_has_a_label():
    monitor = Monitor()
    monitor.add_model("toy")
    monitor.request("toy", "Predict", "GRPC", "UNAVAILABLE", 0.001)
    assert (f"{PREFIX}request_count", *labels(model_name="toy", status="UNAVAILABLE")) in samples(monitor)


def test_a_label_of_any_text_stays_one_label():
    monitor = Monitor()
    name = 'a"b\\c\nd{}=,é'
    monitor.request(name, "Predict", "GRPC", "OK", 0.001)
    assert samples(monitor)[f"{PREFIX}request_count", *labels(model_name=name, status="OK")] == 1


def test_no_count_is_lost_between_threads():
    monitor = Monitor()

    def call(k):
        for _ in range(2000):
            monitor.request("toy", "Predict", "GRPC", "OK", 1e-6 * k)

    toy.at_once(8, call)
    found = samples(monitor)
    assert found[f"{PREFIX}request_count", *labels(model_name="toy", status="OK")] == 16_000
    which = labels(model_name="toy", API="Predict", entrypoint="GRPC")
    assert found[f"{PREFIX}request_latency_sum", *which] == 2000 * sum(range(8))
