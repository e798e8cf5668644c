"""A client that was started with one version of a model goes on with the next, whatever it asks for."""

from tfgan_kit.serving import ModelServer, ServerOptions

import numpy as np
import pytest
import tensorflow as tf

from tests.serving import toy
from tests.twins import twins
from tfgan_kit_client import GeneratorClient, ServingError

SEED, LABEL = tf.TensorSpec([None], tf.int64, name="seed"), tf.TensorSpec([None], tf.int32, name="label")
TRUNCATION = tf.TensorSpec([None], tf.float32, name="truncation_psi")


def images(seed, label=0, brightness=0):
    first = tf.cast(seed, tf.int64) + 16 * tf.cast(label, tf.int64) + tf.cast(brightness, tf.int64)
    pixels = first[:, None] + tf.range(toy.SIZE**2, dtype=tf.int64)
    return {"images": tf.reshape(tf.cast(pixels % 256, tf.uint8), [-1, toy.SIZE, toy.SIZE, 1])}


def truncated(seed, truncation_psi):
    return images(seed, 0, 100 * truncation_psi)


def truncated_of_class(seed, label, truncation_psi):
    return images(seed, label, 100 * truncation_psi)


INT32_SEED = tf.TensorSpec([None], tf.int32, name="seed")
VERSIONS = {  # signature: (function, inputs), and what the same request gives there
    "the same": ({"serving_default": (images, [SEED])}, 0),
    "another name": ({"make": (images, [SEED])}, 0),
    "truncation": ({"serving_default": (truncated, [SEED, TRUNCATION])}, 100),
    "both": ({"serving_default": (images, [SEED]), "more": (truncated, [SEED, TRUNCATION])}, 0),
    "int32": ({"serving_default": (images, [INT32_SEED])}, 0),
}


def save(path, signatures):
    module = tf.Module()
    for name, (function, inputs) in signatures.items():
        setattr(module, name, tf.function(function, input_signature=inputs))
    tf.saved_model.save(module, str(path), {name: getattr(module, name) for name in signatures})


@pytest.fixture
def swap(tmp_path):
    """`swap(signatures)` serves the next version; its `client` has read version 1's metadata."""
    folder, versions = tmp_path / "toy", iter(range(1, 9))

    def publish(signatures):
        number = next(versions)
        save(tmp_path / str(number), signatures)
        toy.publish(tmp_path / str(number), folder, number)
        if number > 1:
            publish.server.versions.poll()

    folder.mkdir()
    publish(VERSIONS["the same"][0])
    with ModelServer(folder, "toy", port=0, file_system_poll_wait_seconds=0) as server:
        with GeneratorClient(f"localhost:{server.port}", "toy", batch_size=3) as client:
            publish.server, publish.client = server, client
            client.generate(1)
            yield publish


@twins("name", VERSIONS, quick=3)
def test_an_old_client_sends_what_the_new_version_asks_for(swap, name):
    signatures, brightness = VERSIONS[name]
    swap(signatures)
    np.testing.assert_array_equal(swap.client.generate(7), toy.expected(np.arange(7) + brightness))
    assert swap.client.metadata().version == 2


def test_what_only_the_new_version_offers_is_found(swap):
    swap({"serving_default": (images, [SEED]), "generate": (images, [SEED, LABEL])})
    np.testing.assert_array_equal(swap.client.generate(labels=range(5)), toy.expected(range(5), range(5)))


def test_truncation_goes_with_its_image(swap):
    swap({"generate_truncated": (truncated_of_class, [SEED, LABEL, TRUNCATION])})
    made = swap.client.generate(labels=[0] * 5, truncation_psi=[0, 0.1, 0.2, 0.5, 1])
    np.testing.assert_array_equal(made, toy.expected(np.arange(5) + [0, 10, 20, 50, 100]))
    alike = swap.client.generate(labels=[0] * 5, truncation_psi=0.5)
    np.testing.assert_array_equal(alike, toy.expected(np.arange(5) + 50))


def test_a_stream_does_not_mix_versions(swap):
    stream = swap.client.stream(100)
    given = [next(stream) for _ in range(3)]
    swap(VERSIONS["the same"][0])
    with pytest.raises(ServingError, match=r"replaced .*\(versions 1, 2\): \d+ images of version 1 were given"):
        given.extend(stream)
    np.testing.assert_array_equal(given, toy.expected(range(len(given))))


def test_a_version_that_takes_the_request_no_more_says_what_it_takes(swap):
    swap({"generate": (images, [SEED, LABEL])})
    with pytest.raises(ValueError, match=r"no signature of model 'toy' takes seed .*generate\(label, seed\)"):
        swap.client.generate(2)


def test_seeds_beyond_what_a_version_takes_are_refused(swap):
    swap(VERSIONS["int32"][0])
    with pytest.raises(ValueError, match="takes seed as int32, from -2147483648 to 2147483647"):
        swap.client.generate(2, seed=1)


def test_a_client_of_one_version_stays_with_it(swap):
    with GeneratorClient(swap.client.target, "toy", version=1) as one:
        np.testing.assert_array_equal(one.generate(2), toy.expected(range(2)))
        assert one.wait_until_ready(5) == 1
        swap(VERSIONS["the same"][0])
        with pytest.raises(ServingError, match=r"Specific\(toy, 1\)"):
            one.generate(2)


def test_a_label_leads_to_its_version(tmp_path):
    folder = tmp_path / "toy"
    for number in (1, 2):
        toy.save(folder / str(number), scale=number, names=toy.UNCONDITIONAL)
    (tmp_path / "models.config").write_text(
        f'model_config_list {{ config {{ name: "toy" base_path: "{folder}" model_platform: "tensorflow"'
        " model_version_policy { all {} } version_labels { key: 'canary' value: 2 }"
        " version_labels { key: 'stable' value: 1 } } }"
    )
    options = ServerOptions(
        model_config_file=str(tmp_path / "models.config"), allow_version_labels_for_unavailable_models=True
    )
    with ModelServer(port=0, options=options) as server:
        target = f"localhost:{server.port}"
        with GeneratorClient(target, "toy", version="canary") as canary:
            np.testing.assert_array_equal(canary.generate(3), toy.expected(range(3), scale=2))
        with GeneratorClient(target, "toy", version="stable") as stable:
            np.testing.assert_array_equal(stable.generate(3), toy.expected(range(3), scale=1))
        with GeneratorClient(target, "toy", version="zz") as nobody:
            with pytest.raises(ServingError, match="Unrecognized servable version label: zz"):
                nobody.generate(3)
