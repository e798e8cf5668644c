"""StyleGANs, exported: truncation, w, directions and noise answer as in memory, from one synthesis."""

import subprocess
import sys

import tfgan_kit as gk
from tfgan_kit.export import contract as names
from tfgan_kit.export.exporter import ExportProfile, export_generator
from tfgan_kit.export.lineage import read_lineage
from tfgan_kit.export.module import GeneratorModule
from tfgan_kit.export.verify.check import check_version
from tfgan_kit.generation.directions import Directions
from tfgan_kit.generation.generative_model import GenerativeModel
from tfgan_kit.serving import ModelServer

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfgan_kit_client import GeneratorClient

SIZE, Z, W, CLASSES = 8, 4, 5, 3
SEEDS = np.arange(3, dtype=np.int64)
LABELS = np.array([0, 2, 1], np.int32)
PSI = np.float32([-0.5, 0.6, 1.4])
STRENGTHS = np.float32([[2.0, 0.0], [0.0, -3.0], [1.0, 1.0]])
IMAGES = (names.SERVING_DEFAULT, names.GENERATE_TRUNCATED, names.GENERATE_EDITED, names.FROM_LATENT, names.FROM_W)


def style_gan(num_classes=CLASSES, **arguments):
    """A StyleGAN2 as training leaves it: with noise, and a mean of w."""
    keras.utils.set_random_seed(0)
    made = gk.networks.StyleGAN2Generator(
        SIZE, 3, Z, W, num_classes, mapping_layers=2, channel_base=32, **arguments
    )  # fmt: skip
    random = np.random.default_rng(1)
    for weight in made.weights:
        if weight.name in ("w_avg", "noise_strength", "bias"):
            weight.assign(random.normal(0.0, 0.4, weight.shape))
    return made


def directions_of(generator, space="w"):
    vectors = np.random.default_rng(2).normal(0.0, 0.3, (2, {"w": W, "z": Z}[space]))
    return Directions(vectors, space, ["age", "smile"], [[0, 2], [1, 4]] if space == "w" else None)


def saved(generator, folder, profile=ExportProfile(), directions=None, num_classes=CLASSES):  # noqa: B008
    """Its signatures, written and loaded again."""
    shape = (SIZE, SIZE, 3)
    module = GeneratorModule(generator, Z, num_classes, shape, profile=profile, directions=directions)
    tf.saved_model.save(module, str(folder), signatures=module.signatures())
    loaded = tf.saved_model.load(str(folder))
    return loaded, loaded.signatures


@pytest.fixture(scope="module")
def generator():
    return style_gan()


@pytest.fixture(scope="module")
def exported(generator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("styles")
    loaded, signatures = saved(generator, folder, directions=directions_of(generator))
    yield signatures, folder


def ask(signatures, name, **inputs):
    ((_, answer),) = signatures[name](**{key: tf.constant(value) for key, value in inputs.items()}).items()
    return answer.numpy()


def as_pixels(images):
    return np.clip(np.round((np.asarray(images) + 1.0) * 127.5), 0, 255).astype(int)


def ws_of(generator):
    latents = tf.random.stateless_normal([3, Z], [5, 6])
    return generator.mapping(latents, tf.constant(LABELS)).numpy() * np.float32([1.0, -0.5, 2.0])[:, None, None]


EXPECTED = {
    names.SERVING_DEFAULT: lambda model: ({"seed": SEEDS}, model.generate(seeds=SEEDS)),
    names.GENERATE: lambda model: (
        {"seed": SEEDS, "label": LABELS}, model.generate(seeds=SEEDS, labels=LABELS),
    ),
    names.GENERATE_TRUNCATED: lambda model: (
        {"seed": SEEDS, "label": LABELS, "truncation_psi": PSI},
        model.generate(seeds=SEEDS, labels=LABELS, truncation_psi=PSI),
    ),
    names.GENERATE_EDITED: lambda model: (
        {"seed": SEEDS, "label": LABELS, "strengths": STRENGTHS},
        model.edit(directions_of(model.generator), STRENGTHS, seeds=SEEDS, labels=LABELS),
    ),
    names.FROM_W: lambda model: (
        {"w": (ws := ws_of(model.generator))}, as_pixels(model.generator.synthesis(ws, noise_mode="const")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_every_signature_answers_as_the_model_in_memory(generator, exported, name):
    inputs, expected = EXPECTED[name](GenerativeModel.of(generator))
    found = ask(exported[0], name, **inputs)
    assert found.std() > 10 and not np.array_equal(found[0], found[1])
    np.testing.assert_allclose(found.astype(int), expected.astype(int), atol=1)


def test_psi_one_is_no_truncation_and_psi_zero_the_mean_image(generator, exported):
    labels = {"seed": SEEDS, "label": LABELS}
    plain = ask(exported[0], names.GENERATE, **labels)
    found = ask(exported[0], names.GENERATE_TRUNCATED, truncation_psi=np.ones(3, np.float32), **labels)
    np.testing.assert_allclose(found.astype(int), plain.astype(int), atol=1)
    means = ask(exported[0], names.GENERATE_TRUNCATED, truncation_psi=np.zeros(3, np.float32), **labels)
    mean = tf.tile(tf.reshape(generator.mapping.w_avg, (1, 1, W)), (1, generator.num_ws, 1))
    expected = np.repeat(as_pixels(generator.synthesis(mean)), 3, axis=0)
    np.testing.assert_allclose(means.astype(int), expected, atol=1)


@pytest.mark.parametrize("psi", [2.01, -2.01, np.nan])
def test_psi_beyond_two_is_refused(exported, psi):
    with pytest.raises(tf.errors.InvalidArgumentError, match="truncation_psi must be from -2 to 2"):
        ask(exported[0], names.GENERATE_TRUNCATED, seed=SEEDS, label=LABELS, truncation_psi=np.full(3, psi, np.float32))


def nodes_of(folder):
    saved_model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    graph = saved_model.meta_graphs[0].graph_def
    return [*graph.node, *(node for function in graph.library.function for node in function.node_def)]


def test_all_signatures_share_one_synthesis(generator, exported):
    kinds = [node.op for node in nodes_of(exported[1])]
    # Of two levels: a convolution at 4, two at 8, of which the first doubles, and one to images at each.
    assert kinds.count("Conv2D") == 4 and kinds.count("Conv2DBackpropInput") == 1
    stored = sum(file.stat().st_size for file in (exported[1] / "variables").iterdir())
    assert stored < 4 * sum(np.size(weight) for weight in generator.get_weights()) + 5_000  # the index


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    """A generator that draws its noise, and the signatures of an export that was asked to."""
    folder = tmp_path_factory.mktemp("noisy")
    profile = ExportProfile(noise_mode="random", signatures=(names.SERVING_DEFAULT, names.FROM_W))
    loaded, signatures = saved(style_gan(num_classes=None), folder, profile, num_classes=None)
    yield style_gan(num_classes=None, noise_mode="random"), signatures


def test_random_noise_is_that_of_the_model_in_memory(noisy):
    generator, signatures = noisy
    expected = GenerativeModel.of(generator).generate(seeds=SEEDS)
    found = ask(signatures, names.SERVING_DEFAULT, seed=SEEDS)
    np.testing.assert_allclose(found.astype(int), expected.astype(int), atol=1)
    without = GenerativeModel.of(style_gan(num_classes=None)).generate(seeds=SEEDS)
    assert np.abs(found.astype(int) - without).max() > 20
    ws = generator.mapping(tf.random.stateless_normal([3, Z], [5, 6])).numpy()
    expected = as_pixels(generator.synthesis(ws, noise_mode="random"))
    np.testing.assert_allclose(ask(signatures, names.FROM_W, w=ws).astype(int), expected, atol=1)


@pytest.mark.parametrize("name, given", [(names.SERVING_DEFAULT, "seed"), (names.FROM_W, "w")])
def test_an_image_keeps_its_random_noise_in_any_batch(noisy, name, given):
    values = SEEDS if given == "seed" else noisy[0].mapping(tf.random.stateless_normal([3, Z], [5, 6])).numpy()
    every = ask(noisy[1], name, **{given: values})
    alone = np.concatenate([ask(noisy[1], name, **{given: values[k : k + 1]}) for k in (2, 0, 1)])[[1, 2, 0]]
    np.testing.assert_allclose(every.astype(int), alone.astype(int), atol=1)


def test_w_is_computed_in_float32_where_images_are_in_bfloat16(generator):
    profile = ExportProfile(precision="bfloat16", signatures=(names.SERVING_DEFAULT,))
    report = GeneratorModule(generator, Z, CLASSES, (SIZE, SIZE, 3), profile=profile).optimization
    assert report["synthesis"]["bfloat16_products"] > 0
    assert "bfloat16_products" not in report["mapping"] | report["truncation"]


def test_directions_of_the_latents_move_any_generator(tmp_path):
    dcgan = gk.networks.DCGANGenerator(SIZE, 3, latent_dim=Z, width=2)
    directions = directions_of(dcgan, "z")
    signatures = saved(dcgan, tmp_path, directions=directions, num_classes=None)[1]
    assert names.FROM_W not in signatures and names.GENERATE_TRUNCATED not in signatures
    found = ask(signatures, names.GENERATE_EDITED, seed=SEEDS, strengths=STRENGTHS)
    expected = GenerativeModel.of(dcgan).edit(directions, STRENGTHS, seeds=SEEDS)
    np.testing.assert_allclose(found.astype(int), expected.astype(int), atol=1)


@pytest.fixture(scope="module")
def version(generator, tmp_path_factory):
    profile = ExportProfile(signatures=(*IMAGES, names.FROM_W + names.PNG_SUFFIX))
    output = tmp_path_factory.mktemp("published") / "faces"
    return export_generator(generator, output, profile=profile, directions=directions_of(generator))


@pytest.mark.thorough
def test_a_published_version_certifies_every_signature_and_says_what_was_exported(version):
    lineage = read_lineage(version)
    assert lineage["model"]["noise_mode"] == "const" and lineage["model"]["directions"] == ["age", "smile"]
    certificate = lineage["certificate"]
    assert set(certificate) == {*IMAGES, names.FROM_W + names.PNG_SUFFIX}
    assert all(certificate[name]["model_max_difference"] <= 1.0 for name in IMAGES)
    assert check_version(version).answers[names.FROM_W][0] > 0


@pytest.mark.thorough
def test_the_embedded_server_answers_the_client_s_truncation_strengths_and_w(generator, version, tmp_path):
    model, ws = GenerativeModel.of(generator), ws_of(generator)
    np.save(tmp_path / "ws.npy", ws)
    with ModelServer(version.parent, "faces", port=0) as server:
        target = f"localhost:{server.port}"
        with GeneratorClient(target, "faces", batch_size=2) as client:
            truncated = client.generate(seeds=SEEDS, labels=LABELS, truncation_psi=PSI)
            edited = client.generate(seeds=SEEDS, labels=LABELS, strengths=STRENGTHS)
            of_first = client.generate(seeds=SEEDS, labels=LABELS, strengths=[2.0])
            from_w, pictures = client.from_w(ws), client.from_w(ws, png=True)
        command = [sys.executable, "-m", "tfgan_kit_client", f"--target={target}", "--model_name=faces"]
        subprocess.run([*command, "--w=ws.npy", "--output=w.npy"], cwd=tmp_path, check=True)
        subprocess.run(
            [*command, "--num_images=3", "--labels=0,2,1", "--strengths=1.5,-1", "--output=edited.npy"],
            cwd=tmp_path, check=True,
        )  # fmt: skip
    expected = model.generate(seeds=SEEDS, labels=LABELS, truncation_psi=PSI)
    np.testing.assert_allclose(truncated.astype(int), expected.astype(int), atol=1)

    def moved(strengths):
        return model.edit(directions_of(generator), strengths, seeds=SEEDS, labels=LABELS).astype(int)

    np.testing.assert_allclose(edited.astype(int), moved(STRENGTHS), atol=1)
    np.testing.assert_allclose(of_first.astype(int), moved([2.0]), atol=1)
    np.testing.assert_allclose(np.load(tmp_path / "edited.npy").astype(int), moved([1.5, -1.0]), atol=1)
    np.testing.assert_allclose(from_w.astype(int), as_pixels(generator.synthesis(ws)), atol=1)
    np.testing.assert_array_equal([tf.io.decode_png(picture).numpy() for picture in pictures], from_w)
    np.testing.assert_array_equal(np.load(tmp_path / "w.npy"), from_w)


def test_directions_of_another_generator_and_noise_of_one_without_are_refused(generator, tmp_path):
    stranger = Directions(np.ones((1, W)), "w", fingerprint="0" * 16)
    with pytest.raises(ValueError, match="found for another generator"):
        export_generator(generator, tmp_path, directions=stranger)
    dcgan = gk.networks.DCGANGenerator(SIZE, 3, latent_dim=Z, width=2)
    with pytest.raises(ValueError, match="leave `noise_mode` .*out. Received: noise_mode='none' for DCGANGenerator"):
        export_generator(dcgan, tmp_path, profile=ExportProfile(noise_mode="none"))
