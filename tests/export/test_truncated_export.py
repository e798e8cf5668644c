"""A family with truncation, exported and served: `generate_truncated`, and no power iteration left."""

import io

import tfgan_kit as gk
from tfgan_kit.export import contract as names
from tfgan_kit.export.graph.optimize import optimize
from tfgan_kit.export.lineage import read_lineage
from tfgan_kit.export.profile import ExportProfile
from tfgan_kit.generation.generative_model import GenerativeModel
from tfgan_kit.serving import ModelServer

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_kit_client import GeneratorClient

CHOSEN = (names.GENERATE, names.GENERATE_TRUNCATED, names.GENERATE_TRUNCATED + names.PNG_SUFFIX)
SEEDS = np.arange(5, dtype=np.int64)
LABELS = np.array([0, 1, 2, 0, 1], np.int32)
PSI = np.float32([0.3, 0.5, 0.7, 0.9, 1.1])

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(0)
    made = gk.networks.BigGANGenerator((8, 8, 1), latent_dim=4, width=2, num_classes=3, shared_dim=3, attention=(8,))
    made.get_layer("block0_attention").gamma.assign(0.5)
    made([tf.random.stateless_normal((8, 4), [0, 1]), tf.range(8) % 3], training=True)
    return made


@pytest.fixture(scope="module")
def version(generator, tmp_path_factory):
    output = tmp_path_factory.mktemp("truncated") / "clothes"
    return gk.export_generator(generator, output, profile=ExportProfile(signatures=CHOSEN, try_kernels=False))


@pytest.fixture(scope="module")
def signatures(version):
    return tf.saved_model.load(str(version)).signatures


@pytest.fixture(scope="module")
def in_memory(generator):
    """The images of SEEDS by the model in memory."""
    return GenerativeModel.of(generator).generate(seeds=SEEDS, labels=LABELS, truncation_psi=PSI)


def asked(signatures, name=names.GENERATE_TRUNCATED, rows=slice(None), psi=PSI):
    inputs = {names.SEED: SEEDS, names.LABEL: LABELS, names.TRUNCATION_PSI: psi}
    ((_, answer),) = signatures[name](**{key: tf.constant(value[rows]) for key, value in inputs.items()}).items()
    return answer.numpy()


def test_a_truncated_image_is_the_one_in_memory(in_memory, signatures):
    np.testing.assert_allclose(asked(signatures).astype(int), in_memory.astype(int), atol=1)


def test_a_truncated_row_does_not_depend_on_its_neighbours(signatures):
    every = asked(signatures)
    alone = np.concatenate([asked(signatures, rows=slice(k, k + 1)) for k in range(5)])
    np.testing.assert_allclose(alone.astype(int), every.astype(int), atol=1)


def test_pictures_are_the_images(signatures):
    pictures = asked(signatures, names.GENERATE_TRUNCATED + names.PNG_SUFFIX)
    decoded = [np.array(Image.open(io.BytesIO(picture))) for picture in pictures]
    np.testing.assert_array_equal(np.stack(decoded), asked(signatures)[..., 0])


def test_a_threshold_that_is_not_positive_is_refused(signatures):
    with pytest.raises(tf.errors.InvalidArgumentError, match="truncation_psi must be positive"):
        asked(signatures, psi=np.zeros(5, np.float32))


def test_the_certificate_covers_truncation(version):
    certificate = read_lineage(version)["certificate"]
    assert certificate[names.GENERATE_TRUNCATED]["model_max_difference"] <= 1.0
    assert names.GENERATE_TRUNCATED + names.PNG_SUFFIX in certificate


def test_the_embedded_server_answers_the_client_s_truncation(in_memory, version):
    with ModelServer(version.parent, "clothes", port=0) as server:
        with GeneratorClient(f"localhost:{server.port}", "clothes") as client:
            found = client.generate(5, labels=LABELS, truncation_psi=PSI)  # of the seeds 0 to 4
    np.testing.assert_allclose(found.astype(int), in_memory.astype(int), atol=1)


def test_other_families_do_not_offer_truncation():
    assert names.GENERATE_TRUNCATED not in names.offered(3)
    with pytest.raises(ValueError, match="no such signature.*Received: signatures=generate_truncated"):
        gk.export_generator(
            gk.networks.DCGANGenerator(8, 1, latent_dim=4, width=2),
            "nowhere",
            profile=ExportProfile(signatures=(names.GENERATE_TRUNCATED,)),
        )


def operations(function):
    graph = function.get_concrete_function(
        tf.TensorSpec([None, 4]), tf.TensorSpec([None], tf.int32)
    ).graph.as_graph_def()
    return [node.op for node in (*graph.node, *(n for f in graph.library.function for n in f.node_def))]


def test_no_power_iteration_is_left_in_an_export(generator):
    """A spectrally normalized network has as many products as one whose kernels were divided by hand."""
    twin = gk.networks.BigGANGenerator(
        (8, 8, 1), latent_dim=4, width=2, num_classes=3, shared_dim=3, attention=(8,), epsilons=(1e-5, None)
    )
    exported = [optimize(network, 4, 3)[0] for network in (generator, twin)]
    found = [operations(tf.function(lambda *inputs, f=function: f(list(inputs)))) for function in exported]
    for kind in ("MatMul", "BatchMatMulV2", "Conv2D", "Sqrt", "Rsqrt", "RealDiv", "ReadVariableOp"):
        assert found[0].count(kind) == found[1].count(kind), kind
    latents = tf.random.stateless_normal((4, 4), [3, 4])
    inputs = [latents, tf.constant([0, 1, 2, 0])]
    np.testing.assert_allclose(exported[0](inputs), generator(inputs), atol=1e-5)
