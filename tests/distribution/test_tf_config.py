"""A TF_CONFIG that names no place in a cluster is one sentence, before TensorFlow waits for anybody."""

import json

from tfgan_kit.distribution import strategies

import pytest

HOSTS = ["host0:12345", "host1:12345"]


def config(cluster=None, **task):
    return json.dumps({"cluster": cluster or {"worker": HOSTS}, "task": {"type": "worker", "index": 0} | task})


def workers(*addresses):
    return config({"worker": list(addresses)})


@pytest.mark.parametrize(
    "value, reason",
    [
        (config(index=-1), "the index -1 is none of the 2 of worker"),
        (config(index=2), "the index 2 is none"),
        (config(index=True), "the index True"),
        (config(index=0.5), "the index 0.5"),
        (config(index="٢"), "the index"),
        (config(index=9 * "9" * 600), "the index"),
        (config(type="evaluator"), "'evaluator' is none of chief, worker"),
        (config(type="chief"), "the cluster has no chief"),
        (config({"worker": HOSTS, "ps": HOSTS}), "'ps' is none of"),
        (config({"worker": HOSTS, "chief": ["a:1", "b:1"]}), "several chiefs"),
        (config({"worker": []}), "the index 0 is none of the 0"),
        (workers("host0:99999"), "'host0:99999' of worker is no host:port"),
        (workers("host0:0"), "no host:port"),
        (workers("host0"), "no host:port"),
        (workers("grpc://host0:1"), "no host:port"),
        (workers("host0:1", 5), "5 of worker is no host:port"),
        (workers("host0:1", "host0:1"), "an address is there twice"),
        (config({"worker": "host0:1"}), "'h' of worker is no host:port"),
        ('{"cluster": [], "task": {"type": "worker", "index": 0}}', "it is missing, is no JSON"),
        ('{"cluster": {"worker": 5}, "task": {"type": "worker", "index": 0}}', "it is missing, is no JSON"),
        ('{"cluster": {"worker": ["a:1"]}, "task": []}', "it is missing, is no JSON"),
        ("[" * 20_000, "it is missing, is no JSON"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_tf_config_is_said(monkeypatch, value, reason):
    monkeypatch.setenv("TF_CONFIG", value)
    with pytest.raises(ValueError, match=f"TF_CONFIG.*host0:12345.*Here .*{reason}.*Received: ") as error:
        strategies.get("multi_worker")
    assert len(str(error.value)) < 1500


@pytest.mark.parametrize(
    "value",
    [
        config(), config(index="1"), workers("127.0.0.1:1"), workers("[::1]:65535"),
        config({"chief": ["a.b-c:1"], "worker": HOSTS}, type="chief"),
    ],
)  # fmt: skip
def test_a_place_in_a_cluster_is_taken(value):
    assert strategies._fault(value) is None
