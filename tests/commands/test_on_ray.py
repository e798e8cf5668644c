"""`--ray` gives what the commands give without it, into folders and real stores; and mistakes are one line."""

import contextlib
import io
import json
import os
import zipfile

from tfgan_kit.generation.storage import open_storage
from tfgan_kit.serving import ModelServer

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def run_dir(finished_run):
    return finished_run(steps=2)


@pytest.fixture(scope="module")
def bucket():
    """A bucket of a real S3 server."""
    server_of = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    server = server_of.ThreadedMotoServer(port=0)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    given = {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    given |= {"AWS_DEFAULT_REGION": "us-east-1"}
    client = boto3.client("s3", **OPTIONS, endpoint_url=address)
    with pytest.MonkeyPatch.context() as patch, contextlib.closing(client):
        for name, value in given.items():
            patch.setenv(name, value)
        client.create_bucket(Bucket="images")
        yield "s3://images"
    server.stop()


OPTIONS = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}


def contents(address):
    storage = open_storage(address)
    return {name: storage.read(name, 2**24) for name in storage.names()}


SIZES = ["--num_images=50", "--shard_size=20"]


@pytest.mark.slow
def test_shards_in_a_bucket_are_those_of_a_folder_with_ray_and_without(command, run_dir, bucket, tmp_path):
    outputs = [[str(tmp_path / "folder")], [f"{bucket}/plain"], [f"{bucket}/ray", "--ray=local"]]
    for output, *more in outputs:
        code, out, err = command("generate", f"--ckpt={run_dir}", *SIZES, f"--output={output}", *more)
        assert code == 0, out + err
    whole = contents(tmp_path / "folder")
    assert len(whole) == 4 and all(contents(output[0]) == whole for output in outputs)


@pytest.mark.slow
@pytest.mark.parametrize("output", ["s3://missing/x", "s3://images/x"], ids=["bucket", "credentials"])
def test_a_missing_bucket_and_refused_credentials_are_one_line(command, run_dir, bucket, output, monkeypatch):
    if output.startswith(bucket):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("HOME", "/nowhere")
    open_storage(output)._filesystem.clear_instance_cache()
    code, _, err = command("generate", f"--ckpt={run_dir}", *SIZES, f"--output={output}")
    assert code == 1 and "The store did not do as it was asked" in err and f"Received: {output}" in err
    assert len([line for line in err.splitlines() if "oneDNN" not in line]) == 1, err


@pytest.mark.slow
def test_evaluate_on_ray_gives_the_table_of_one_process(command, run_dir, tmp_path):
    results = []
    for name, *more in (["plain"], ["ray", "--ray=local"]):
        given = [f"--ckpt={run_dir}", "--quick", "--num_images=40", f"--output={tmp_path / name}.json", *more]
        code, out, err = command("evaluate", *given, "--metrics=fd,kid,swd,precision_recall")
        assert code == 0, out + err
        results.append(json.loads((tmp_path / f"{name}.json").read_text())["results"])
    assert [r["metric"] for r in results[0]] == [r["metric"] for r in results[1]]
    values = [[r["value"] for r in one] for one in results]
    np.testing.assert_allclose(values[0], values[1], rtol=1e-6)
    assert [r["protocol"] for r in results[0]] == [r["protocol"] for r in results[1]]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--output={tmp}/grid.png", "--ray=local"], "--ray has no effect without shards"),
        (["--output={tmp}/shards", "--target=localhost:1"], "one model. Received: --ckpt and --target"),
        (["--output=gs://bucket/x"], "pip install gcsfs"),
        (["--output={tmp}/shards", "--ray=nowhere"], "HOST:PORT"),
        (["--output=memory://x", "--ray=127.0.0.1:9"], "No cluster answers there"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(command, run_dir, tmp_path, arguments, message):
    given = [argument.replace("{tmp}", str(tmp_path)) for argument in arguments]
    code, out, err = command("generate", f"--ckpt={run_dir}", "--num_images=4", *given)
    assert code == 1 and message in err and "Traceback" not in out + err
    assert not list(tmp_path.glob("**/*.*")), os.listdir(tmp_path)


def pictures(folder):
    """name -> pixels, of the zip shards."""
    found = {}
    for path in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            found |= {n: np.asarray(Image.open(io.BytesIO(archive.read(n)))).astype(int) for n in archive.namelist()}
    return found


@pytest.mark.slow
def test_an_exported_model_and_a_server_generate_what_the_checkpoint_does(command, run_dir, tmp_path):
    models, labels = tmp_path / "models", "--labels=2,0,1"
    assert command("export", f"--ckpt={run_dir}", f"--output={models}")[0] == 0
    with ModelServer(models, "default", port=0) as server:
        places = {
            "checkpoint": [f"--ckpt={run_dir}"],
            "exported": [f"--exported_model={models}"],
            "exported_ray": [f"--exported_model={models}", "--ray=local"],
            "served": [f"--target=localhost:{server.port}"],
        }
        for name, given in places.items():
            code, out, err = command("generate", *given, *SIZES, labels, f"--output={tmp_path / name}")
            assert code == 0, out + err
    found = {name: pictures(tmp_path / name) for name in places}
    assert len(found["checkpoint"]) == 50 and all(each.keys() == found["checkpoint"].keys() for each in found.values())
    apart = [np.abs(each[n] - found["checkpoint"][n]).max() for each in found.values() for n in each]
    assert max(apart) <= 1  # level, as the certificate of a float32 export allows
    assert contents(tmp_path / "exported") == contents(tmp_path / "exported_ray")
    code, _, err = command("generate", *places["exported"], *SIZES, labels, f"--output={tmp_path / 'checkpoint'}")
    assert code == 1 and "made with another weights" in err


@pytest.mark.slow
def test_an_exported_model_draws_the_checkpoint_s_labels_and_a_server_needs_them(command, run_dir, tmp_path):
    models = tmp_path / "models"
    assert command("export", f"--ckpt={run_dir}", f"--output={models}")[0] == 0
    for name, given in (("checkpoint", f"--ckpt={run_dir}"), ("exported", f"--exported_model={models}")):
        assert command("generate", given, *SIZES, f"--output={tmp_path / name}")[0] == 0
    assert pictures(tmp_path / "exported").keys() == pictures(tmp_path / "checkpoint").keys()
    with ModelServer(models, "default", port=0) as server:
        code, _, err = command(
            "generate", f"--target=localhost:{server.port}", *SIZES, f"--output={tmp_path / 'served'}"
        )
    assert code == 1 and "give --labels" in err and not list((tmp_path / "served").glob("*"))
