"""What the discriminator of an exported version recovers from images: labels, codes."""

import tfgan_kit as gk
from tfgan_kit.export import ExportProfile, read_lineage
from tfgan_kit.export import contract as names
from tfgan_kit.export.graph.operations import check_operations
from tfgan_kit.export.judge import Judge
from tfgan_kit.export.verify.check import check_version
from tfgan_kit.networks.infogan import Codes

import keras
import numpy as np
import pytest
import tensorflow as tf

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)
FLOATS = (IMAGES / 127.5 - 1.0).astype(np.float32)


def acgan():
    return gk.GAN(
        gk.networks.DCGANGenerator(8, 1, latent_dim=4, width=2, num_classes=3),
        gk.networks.ACGANDiscriminator(gk.networks.DCGANDiscriminator(8, 1, width=2), 3),
    )


def infogan():
    return gk.GAN(
        gk.networks.InfoGANGenerator(gk.networks.DCGANGenerator(8, 1, latent_dim=6, width=2), [3], 2),
        gk.networks.InfoGANDiscriminator(gk.networks.DCGANDiscriminator(8, 1, width=2), [3], 2, width=4),
    )


def softmax(logits):
    powers = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module", params=[acgan, infogan], ids=["acgan", "infogan"])
def exported(request, tmp_path_factory):
    """A GAN whose heads say something, and its version's folder and signatures."""
    keras.utils.set_random_seed(0)
    gan = request.param()
    for weight in (*gan.discriminator.trainable_weights, *gan.ema_generator.weights):
        weight.assign(10.0 * weight)
    version = gk.export_generator(gan, tmp_path_factory.mktemp("models") / "digits", discriminate=True)
    return gan, version, tf.saved_model.load(str(version)).signatures


def recovered(gan):
    """The signature, its output and its value by the Keras model."""
    heads = gan.discriminator(FLOATS, training=False)
    if "classes" in heads:
        return names.RECOVER_LABELS, names.LABEL_PROBABILITIES, softmax(heads["classes"])
    codes = heads["codes"]
    return names.RECOVER_CODES, names.CODES, np.concatenate([softmax(codes["categorical"][0]), codes["mean"]], axis=1)


@pytest.mark.thorough
def test_a_version_recovers_what_the_discriminator_does(exported):
    gan, _, signatures = exported
    name, output, expected = recovered(gan)
    found = signatures[name](images=tf.constant(IMAGES))
    assert set(found) == {output} and found[output].dtype == tf.float32
    np.testing.assert_allclose(found[output], expected, atol=1e-5)
    assert expected.std(axis=0).max() > 1e-3  # it depends on the image


@pytest.mark.thorough
def test_its_score_is_the_logit_of_images_without_labels(exported):
    gan, _, signatures = exported
    found = signatures[names.DISCRIMINATE](images=tf.constant(IMAGES))[names.SCORE]
    np.testing.assert_allclose(found, gan.discriminator(FLOATS, training=False)["logits"][:, 0], atol=1e-5)


@pytest.mark.thorough
def test_what_is_recovered_is_certified_and_warmed_up(exported):
    gan, version, signatures = exported
    name, output, _ = recovered(gan)
    row = read_lineage(version)["certificate"][name]
    assert row["output"] == output and row["reloaded_max_difference"] == 0.0
    assert set(check_version(version).answers) == set(signatures)


@pytest.mark.thorough
def test_its_signatures_are_those_of_the_contract(exported):
    gan, _, signatures = exported
    judged = (names.SCORE, recovered(gan)[1])
    assert set(signatures) == set(names.offered(gan.num_classes, judged))
    contract = names.contract()["signatures"]
    assert {name: set(signatures[name].structured_outputs) for name in signatures} == {
        name: set(contract[name]["outputs"]) for name in signatures
    }


@pytest.mark.thorough
@pytest.mark.parametrize("exported", [infogan], indirect=True)
def test_images_of_chosen_codes_are_made_from_their_latents(exported):
    gan, _, signatures = exported
    latents = gan.generator.with_codes(np.zeros((2, 6), np.float32), [[0, 1, 0, 0.5, -0.5], [0, 0, 1, 0.5, -0.5]])
    found = signatures[names.FROM_LATENT](latents=latents)[names.IMAGES].numpy().astype(int)
    assert np.abs(found - gk.pixels.to_uint8(gan.ema_generator(latents)).numpy()).max() <= 1
    assert (found[0] != found[1]).any()


def test_a_plain_discriminator_recovers_nothing():
    judge = Judge(gk.networks.DCGANDiscriminator(8, 1, width=2), (8, 8, 1), None)
    assert judge.columns == {names.SCORE: slice(0, 1)}


@pytest.mark.thorough
def test_a_generator_of_codes_is_exported_in_bfloat16(tmp_path):
    profile = ExportProfile(signatures=(names.FROM_LATENT,), precision="bfloat16")
    version = gk.export_generator(infogan(), tmp_path / "digits", profile=profile)
    row = read_lineage(version)["certificate"][names.FROM_LATENT]
    assert row["float32_max_difference"] <= 1.0


def test_the_codes_layer_holds_no_operation_that_a_server_lacks():
    codes = Codes([3, 2], 2)
    function = tf.function(lambda x: codes(x), input_signature=[tf.TensorSpec([None, 8])])
    check_operations("from_latent", function.get_concrete_function())
