"""What a GeneratorClient gives, and what it says when it cannot."""

import re

from tfgan_kit.serving import BatchingParameters, ModelServer

import grpc
import numpy as np
import pytest
import tensorflow as tf

from tests.serving import toy
from tfgan_kit_client import GeneratorClient, ServingError, contract, image_seeds
from tfgan_kit_client.contract import Tensor


@pytest.mark.parametrize("number", [1, 4, 5, 6, 31, 64])
def test_images_come_in_the_order_of_their_names(client, number):
    images = client.generate(number, seed=3)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, toy.expected(3 * 2**32 + np.arange(number)))


def test_the_same_names_give_the_same_images_in_any_batch(target):
    with GeneratorClient(target, "toy", batch_size=7) as one:
        some = one.generate(seeds=np.arange(40))
    with GeneratorClient(target, "toy", batch_size=32) as other:
        np.testing.assert_array_equal(some, other.generate(seeds=range(40)))


def test_labels_choose_the_conditional_signature_and_the_number(client):
    images = client.generate(labels=range(10))
    np.testing.assert_array_equal(images, toy.expected(np.arange(10), range(10)))


@pytest.mark.parametrize("labels", [None, [3] * 7])
def test_a_png_decodes_to_the_image(client, labels):
    pngs = client.generate_png(7, labels=labels)
    decoded = [tf.io.decode_png(png).numpy() for png in pngs]
    np.testing.assert_array_equal(decoded, client.generate(7, labels=labels))


def test_pil_images_are_the_same_images(client):
    pictures = client.generate_pil(3, seed=1)
    assert [(one.mode, one.size) for one in pictures] == [("L", (toy.SIZE, toy.SIZE))] * 3
    np.testing.assert_array_equal([np.array(one) for one in pictures], client.generate(3, seed=1)[..., 0])


def test_latents_are_answered_by_from_latent(client):
    latents = np.float32([[1, 2, 3], [10, 0, 0], [0, 20, 5], [7, 7, 7], [0, 0, 9], [1, 1, 1]])
    np.testing.assert_array_equal(client.generate(latents=latents), toy.expected(latents.sum(axis=1)))


def test_metadata_says_what_the_model_takes_and_gives(client):
    metadata = client.metadata()
    assert (metadata.model_name, metadata.version) == ("toy", 1)
    assert sorted(metadata.signatures) == sorted(toy.CONDITIONAL)
    generate = metadata.signatures["generate"]
    assert generate.inputs == {"label": Tensor("label", "int32", (None,)), "seed": Tensor("seed", "int64", (None,))}
    assert generate.outputs == {"images": Tensor("images", "uint8", (None, 8, 8, 1))}


def test_a_server_that_serves_is_ready(client):
    assert client.wait_until_ready() == 1


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """The address of a server that answers raw bytes, and as many of them as one asks for."""
    toy.save(tmp_path_factory.mktemp("raw") / "1")
    base_path = tmp_path_factory.getbasetemp() / "raw0"
    with ModelServer(
        base_path,
        "toy",
        port=0,
        batching=BatchingParameters(max_batch_size=100_000),
        enable_serialization_as_tensor_content=True,
    ) as server:
        yield f"localhost:{server.port}"


@pytest.mark.parametrize("number", [20, 70_000])  # the latter are 4.48 MB; gRPC's default is 4
def test_answers_as_raw_bytes_are_read_however_long(raw, number):
    with GeneratorClient(raw, "toy", batch_size=number) as client:
        np.testing.assert_array_equal(client.generate(number), toy.expected(range(number)))


def test_image_names_are_those_of_the_contract():
    assert image_seeds(2, 3).tolist() == [2**33, 2**33 + 1, 2**33 + 2]
    assert image_seeds(-1, 1).tolist() == [-(2**32)]
    assert image_seeds(0, 1).dtype == np.int64


@pytest.mark.parametrize("name, number", contract.DTYPE_NUMBERS.items())
def test_dtype_numbers_are_tensorflows(name, number):
    assert tf.dtypes.as_dtype(number).name == name


@pytest.mark.parametrize(
    "arguments, reason",
    [
        ({"num_images": 0}, "num_images must be an integer from 1"),
        ({"num_images": 2.0}, "num_images must be an integer"),
        ({"num_images": True}, "num_images must be an integer"),
        ({"seed": 2**31}, "seed must be an integer"),
        ({"seed": "7"}, "seed must be an integer"),
        ({"seeds": []}, "seeds must be a list of at least 1 integer"),
        ({"seeds": [1.5]}, "seeds must be a list of at least 1 integer. Received: float64"),
        ({"seeds": [[1, 2]]}, "seeds must be a list of at least 1 integer"),
        ({"seeds": [[1], [1, 2]]}, "seeds must be a list of integers"),
        ({"seeds": 5}, "seeds must be a list of at least 1 integer"),
        ({"seeds": [True]}, "seeds must be a list of at least 1 integer"),
        ({"seeds": [2**63]}, "seeds must fit int64"),
        ({"seeds": [1, 2], "num_images": 3}, "leave out seed and num_images"),
        ({"seeds": [1, 2], "seed": 3}, "leave out seed and num_images"),
        ({"num_images": 3, "labels": [1]}, "labels must have one entry per image"),
        ({"labels": []}, "num_images must be an integer from 1"),
        ({"num_images": 1, "labels": [0.5]}, "labels must be a list of at least 1 integer"),
        ({"num_images": 1, "labels": [2**31]}, "labels must fit int32"),
        ({"num_images": 1, "labels": [-1]}, "labels must be at least 0"),
        ({"latents": [1.0, 2.0]}, "latents must be one row of numbers per image"),
        ({"latents": np.zeros((0, 3))}, "latents must be one row of numbers per image"),
        ({"latents": [["a"]]}, "latents must be finite numbers"),
        ({"latents": [[float("nan")]]}, "latents must be finite numbers"),
        ({"latents": [[1e300]]}, "latents must be finite numbers in float32"),
        ({"latents": np.float64([[0.0, -3.5e38]])}, "latents must be finite numbers in float32"),
        ({"truncation_psi": 1e39}, "truncation_psi must be finite numbers in float32"),
        ({"latents": [[1.0]], "seeds": [1]}, "leave out seed and num_images and seeds"),
        ({"latents": [[1.0]], "num_images": 2}, "leave out seed and num_images and seeds"),
        ({"truncation_psi": float("inf")}, "truncation_psi must be finite numbers"),
        ({"num_images": 3, "truncation_psi": [0.5]}, "truncation_psi must be a number, or one per image"),
        ({"num_images": 3, "strengths": [[0.5]]}, r"one per direction .* or a row per image.* \(1, 1\), 3 images"),
        ({"strengths": 0.5}, "strengths must be numbers, one per direction"),
        ({"strengths": [float("nan")]}, "strengths must be finite numbers"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_sent(arguments, reason):
    with GeneratorClient("localhost:1") as nobody, pytest.raises(ValueError, match=reason):
        nobody.generate(**arguments)


@pytest.mark.parametrize("w", [np.zeros((2, 3)), np.zeros((0, 3, 4))])
def test_w_that_has_no_rows_is_refused_before_anything_is_sent(w):
    with GeneratorClient("localhost:1") as nobody, pytest.raises(ValueError, match="w must be some rows per image"):
        nobody.from_w(w)


def test_w_for_a_model_that_is_no_stylegan_is_refused(client):
    with pytest.raises(ValueError, match="model 'toy' takes no w: it is no StyleGAN"):
        client.from_w(np.zeros((1, 4, 5)))


@pytest.mark.parametrize(
    "arguments, reason",
    [
        ({"signature": "zz"}, "has no signature 'zz'. It offers: from_latent"),
        ({"signature": "from_latent"}, "does not take seed and give images"),
        ({"signature": "generate"}, "does not take seed and give images"),
        ({"signature": "serving_default", "labels": [1]}, "does not take seed and label"),
        ({"truncation_psi": 0.5}, "takes no truncation_psi: leave it out. It offers: "),
        ({"strengths": [0.5]}, "takes no strengths: it was exported without directions. It offers: "),
        ({"latents": [[0.0, 1.0]]}, r"takes latents of shape \(None, 3\).* latents of shape \(1, 2\)"),
    ],
)
def test_a_signature_that_does_not_fit_is_refused(client, arguments, reason):
    with pytest.raises(ValueError, match=reason):
        client.generate(**arguments)


def test_labels_for_an_unconditional_model_are_refused(unconditional):
    with GeneratorClient(unconditional, "toy") as client:
        with pytest.raises(ValueError, match="model 'toy' takes no labels: leave them out"):
            client.generate(labels=[1, 2])
        with pytest.raises(ValueError, match="no signature of model 'toy' takes seed and gives png_bytes"):
            client.generate_png(2)


def test_no_server_says_so_with_the_command_that_starts_one():
    with GeneratorClient("localhost:1", "digits") as client:
        with pytest.raises(ServingError, match="no server answers at localhost:1.*--port 1") as e:
            client.generate(1)
    assert e.value.code is grpc.StatusCode.UNAVAILABLE


def test_an_unknown_model_is_named(target):
    with GeneratorClient(target, "nope") as client:
        with pytest.raises(ServingError, match="has no model 'nope'") as caught:
            client.generate(1)
    assert caught.value.code is grpc.StatusCode.NOT_FOUND


def test_a_deadline_is_named_and_the_client_goes_on(target):
    with GeneratorClient(target, "toy", timeout=0.7) as client:
        client.metadata()
        with pytest.raises(ServingError, match="did not answer within 0.7 s") as caught:
            client.generate(1, signature="slow")
        assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert len(client.generate(3)) == 3


@pytest.mark.parametrize("number", [33, 64, 200])
def test_a_batch_beyond_the_servers_limit_is_split_once_and_remembered(target, number):
    with GeneratorClient(target, "toy", batch_size=64) as client:
        np.testing.assert_array_equal(client.generate(number), toy.expected(range(number)))
        assert client.batch_size == 32
        assert len(client.generate(64)) == 64


@pytest.mark.parametrize("target, name", [("localhost:1", "toy"), (None, "nope")])
def test_what_never_gets_ready_is_given_up(server, target, name):
    with GeneratorClient(target or f"localhost:{server.port}", name) as client:
        with pytest.raises(ServingError, match="not ready after 0.3 s"):
            client.wait_until_ready(timeout=0.3)


REFUSED = {
    "timeout": [0, -1, float("nan"), float("inf"), 1e12, "5", None, True],
    "batch_size": [0, -1, 2.5, "4", True, None, 2**64],
    "version": [0, -1, 1.5, True, "", 2**63, [1]],
    "model_name": ["", None, 5, b"toy"],
    "target": ["", None, 8500],
}


@pytest.mark.parametrize("name, value", [(name, value) for name, values in REFUSED.items() for value in values])
def test_a_client_that_cannot_work_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be .*\. Received: {name}={re.escape(repr(value))}$"):
        GeneratorClient(**{name: value})


@pytest.mark.parametrize(
    "arguments",
    [{"timeout": 1e9}, {"timeout": np.float32(5)}, {"batch_size": np.int64(4)}, {"version": np.int32(1)}],
    ids=str,
)
def test_numbers_of_numpy_and_long_deadlines_are_taken(target, arguments):
    with GeneratorClient(target, "toy", **arguments) as client:
        np.testing.assert_array_equal(client.generate(5), toy.expected(range(5)))


@pytest.mark.parametrize("timeout", [0, float("nan"), "5", None])
def test_a_time_to_wait_is_more_than_none(timeout):
    with GeneratorClient("localhost:1") as nobody, pytest.raises(ValueError, match="timeout must be .*Received: "):
        nobody.wait_until_ready(timeout)


def test_a_client_that_dies_leaves_the_server_answering(target, client):
    import subprocess
    import sys

    script = (
        "import os, threading; from tfgan_kit_client import GeneratorClient\n"
        f"client = GeneratorClient('{target}', 'toy'); client.metadata()\n"
        "threading.Timer(0.3, os._exit, [9]).start()\n"
        "client.generate(16, signature='slow')"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=30).returncode == 9
    assert len(client.generate(5)) == 5
