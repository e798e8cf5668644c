"""`serving/train-job.yaml`: of Kubernetes' own schema, and each Pod finds its place by its index."""

import os
import pathlib

from tfgan_kit import train
from tfgan_kit.distribution import strategies

import kubernetes_validate
import pytest
import yaml

MANIFEST = pathlib.Path(__file__).parents[2] / "serving" / "train-job.yaml"
SERVICE, JOB = yaml.safe_load_all(MANIFEST.read_text())
SPEC, POD = JOB["spec"], JOB["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]


@pytest.mark.parametrize("manifest", [SERVICE, JOB], ids=["Service", "Job"])
def test_it_is_of_kubernetes_own_schema(manifest):
    kubernetes_validate.validate(manifest, "1.35", strict=True)


@pytest.mark.parametrize("index", range(SPEC["completions"]))
def test_every_index_is_a_place_in_the_cluster_at_the_pod_s_own_address(index):
    names = [each["name"] for each in CONTAINER["env"]]
    assert names.index("JOB_COMPLETION_INDEX") < names.index("TF_CONFIG")  # else Kubernetes does not put it in
    value = CONTAINER["env"][names.index("TF_CONFIG")]["value"].replace("$(JOB_COMPLETION_INDEX)", str(index))
    assert strategies._fault(value) is None
    address = f"{JOB['metadata']['name']}-{index}.{POD['subdomain']}:{CONTAINER['ports'][0]['containerPort']}"
    assert f'"{address}"' in value


def test_all_workers_run_at_once_and_are_found_before_they_are_ready():
    assert SPEC["completionMode"] == "Indexed" and SPEC["parallelism"] == SPEC["completions"]
    assert SERVICE["spec"]["selector"] == {"job-name": JOB["metadata"]["name"]}
    assert SERVICE["metadata"]["name"] == POD["subdomain"] and SERVICE["spec"]["publishNotReadyAddresses"]


def test_the_code_that_asks_for_a_restart_is_not_counted_as_a_failure():
    asks, moved = SPEC["podFailurePolicy"]["rules"]
    assert asks["onExitCodes"]["values"] == [os.EX_TEMPFAIL] and asks["action"] == moved["action"] == "Ignore"
    assert asks["onExitCodes"]["containerName"] == CONTAINER["name"] and POD["restartPolicy"] == "Never"
    assert f"--sigterm_exit_code={os.EX_TEMPFAIL}" in CONTAINER["args"]


def test_its_flags_are_flags_of_train():
    source = pathlib.Path(train.__file__).read_text()
    names = [argument.removeprefix("--").partition("=")[0] for argument in CONTAINER["args"]]
    assert [name for name in names if f'"{name}"' not in source] == []
    assert CONTAINER["command"] == ["python", "-m", train.__name__]
