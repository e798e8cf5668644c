"""`serving/bulk-job.yaml`: of Kubernetes' own schema, its flags are the command's, and no image is made by two Pods."""

import pathlib

from tfgan_kit import generate

import kubernetes_validate
import numpy as np
import yaml

from tfgan_kit_client.images import image_seeds

JOB = yaml.safe_load((pathlib.Path(__file__).parents[2] / "serving" / "bulk-job.yaml").read_text())
SPEC, POD = JOB["spec"], JOB["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]
FLAGS = dict(argument.removeprefix("--").split("=", 1) for argument in CONTAINER["args"])
INDEX = "$(JOB_COMPLETION_INDEX)"


def test_it_is_of_kubernetes_own_schema():
    kubernetes_validate.validate(JOB, "1.35", strict=True)


def test_its_flags_are_flags_of_generate():
    source = pathlib.Path(generate.__file__).read_text()
    assert [name for name in FLAGS if name != "ckpt" and f'"{name}"' not in source] == []
    assert CONTAINER["command"] == ["python", "-m", generate.__name__]


def test_no_image_and_no_folder_is_of_two_pods():
    assert SPEC["completionMode"] == "Indexed" and INDEX in [f"$({each['name']})" for each in CONTAINER["env"]]
    assert INDEX in FLAGS["seed"] and INDEX in FLAGS["output"]
    ends = [image_seeds(k, 1, int(FLAGS["num_images"]) - 1)[0] for k in range(SPEC["completions"])]
    starts = [image_seeds(k, 1)[0] for k in range(1, SPEC["completions"])]
    assert (np.array(ends[:-1]) < np.array(starts)).all()
