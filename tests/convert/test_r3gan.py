"""R3GAN with official parameters, against what the official classes answer (tests/fixtures)."""

from tfgan_kit import convert
from tfgan_kit.objectives import RelativisticPairing
from tfgan_kit.penalties import R1, R2, StepView

import numpy as np
import pytest
import tensorflow as tf

from tests.fixtures.official import Official, assert_agrees, drawn, nhwc

LABELS = tf.constant([0, 1, 2, 0])
GAMMA = 2.5


@pytest.fixture(scope="module")
def official():
    return Official("r3gan_cond16")


def load(official, letter, state=None, **changes):
    network = {"G": "generator", "D": "discriminator"}[letter]
    state = official.state(f"{letter}.") if state is None else state
    return convert.load("r3gan", state, network, **{**official.meta[letter], **changes})


@pytest.fixture(scope="module")
def step(official):
    """Both players' losses of one step, with their gradients."""
    generator, discriminator = load(official, "G"), load(official, "D")
    latents, real = tf.constant(drawn("z", (4, 8))), tf.constant(nhwc(drawn("real", (4, 3, 16, 16), 0.5)))

    def judge(images):
        return discriminator([images, LABELS])

    objective = RelativisticPairing()
    with tf.GradientTape() as of_generator:
        fake = generator([latents, LABELS])
        g_loss = objective.generator_loss(judge(real), judge(fake))
    with tf.GradientTape() as of_discriminator:
        logits = judge(real), judge(fake)
        view = StepView(real, fake, LABELS, latents, *logits, judge, None, None)
        d_loss, r1, r2 = objective.discriminator_loss(*logits), R1(GAMMA).value(view), R2(GAMMA).value(view)
        total = d_loss + r1 + r2
    return {
        "image": fake, "logits_real": logits[0], "logits_fake": logits[1],
        "g_loss": g_loss, "d_loss": d_loss, "r1": r1, "r2": r2,
        "g_grad_norms": norms(of_generator, g_loss, generator),
        "d_grad_norms": norms(of_discriminator, total, discriminator),
    }  # fmt: skip


def norms(tape, loss, network):
    gradients = tape.gradient(loss, [weight.value for weight in network.trainable_weights])
    return sorted(np.linalg.norm(np.ravel(tf.convert_to_tensor(gradient))) for gradient in gradients)


def test_images_are_the_official_ones(step, official):
    assert_agrees(step["image"], nhwc(official["image"]))


@pytest.mark.parametrize("name", ["logits_real", "logits_fake"])
def test_logits_are_the_official_ones(name, step, official):
    assert_agrees(step[name][:, 0], official[name])


@pytest.mark.parametrize("name, scale", [("d_loss", 1.0), ("g_loss", 1.0), ("r1", GAMMA / 2), ("r2", GAMMA / 2)])
def test_losses_and_penalties_are_the_means_of_the_official_ones(name, scale, step, official):
    assert_agrees(step[name], scale * official[name].mean())


@pytest.mark.parametrize("name", ["g_grad_norms", "d_grad_norms"])
def test_gradients_have_the_official_norms(name, step, official):
    np.testing.assert_allclose(step[name], np.sort(official[name]), rtol=1e-4)


ARGUMENTS = dict(
    NoiseDimension=6, WidthPerStage=[8, 4], CardinalityPerStage=[4, 2], BlocksPerStage=[2, 1], ExpansionFactor=3,
    KernelSize=5, FP16Stages=[-1], c_dim=0, img_resolution=8,
)  # fmt: skip
BLOCK = {"LinearLayer1.Layer.weight": (24, 8, 1, 1), "NonLinearity1.Bias": (24,), "NonLinearity2.Bias": (24,),
         "LinearLayer2.Layer.weight": (24, 6, 5, 5), "LinearLayer3.Layer.weight": (8, 24, 1, 1)}  # fmt: skip
LAST = {"LinearLayer1.Layer.weight": (12, 4, 1, 1), "NonLinearity1.Bias": (12,), "NonLinearity2.Bias": (12,),
        "LinearLayer2.Layer.weight": (12, 6, 5, 5), "LinearLayer3.Layer.weight": (4, 12, 1, 1)}  # fmt: skip
SHAPES = {
    "Model.MainLayers.0.Layers.0.Basis": (8, 4, 4),
    "Model.MainLayers.0.Layers.0.LinearLayer.weight": (8, 6),
    **{f"Model.MainLayers.0.Layers.{k}.{name}": shape for k in (1, 2) for name, shape in BLOCK.items()},
    "Model.MainLayers.1.Layers.0.LinearLayer.Layer.weight": (4, 8, 1, 1),
    **{f"Model.MainLayers.1.Layers.1.{name}": shape for name, shape in LAST.items()},
    "Model.AggregationLayer.Layer.weight": (3, 4, 1, 1),
}
KERNEL = {"Model.MainLayers.1.Layers.0.Resampler.Kernel": (4, 4)}


def zeros(shapes):
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize("shapes", [SHAPES, SHAPES | KERNEL], ids=["without filters", "with filters"])
def test_a_resampler_s_filter_may_be_there_or_not(shapes):
    """Another expansion, kernel size and number of blocks, without labels."""
    generator = convert.load("r3gan", zeros(shapes), **ARGUMENTS)
    assert generator(np.zeros((2, 6), np.float32)).shape == (2, 8, 8, 3)


def test_labels_for_a_network_without_classes_are_refused():
    generator = convert.load("r3gan", zeros(SHAPES), **ARGUMENTS)
    with pytest.raises(ValueError, match="unconditional, so it takes latents alone.* Received: 2 inputs"):
        generator([tf.zeros((2, 6)), tf.zeros(2, tf.int32)])


@pytest.mark.parametrize(
    "state, arguments, message",
    [
        ({"Model.More": (1,)}, {}, "surplus: Model.More"),
        ({"Model.AggregationLayer.Layer.weight": (3, 5, 1, 1)}, {}, r"\(3, 5, 1, 1\) in the place of \(3, 4, 1, 1\)"),
        ({}, dict(KernelSize=3), "of another shape: .*LinearLayer2"),
        ({}, dict(BlocksPerStage=[1, 1]), "surplus: .*Layers.2"),
        ({}, dict(BlocksPerStage=[2, 2]), "missing: .*MainLayers.1.Layers.2"),
        ({}, dict(WidthPerStage=[8, 8]), "surplus: .*Layers.0.LinearLayer"),
        ({}, dict(c_dim=3, ConditionEmbeddingDimension=2), "missing: Model.EmbeddingLayer.weight"),
        ({}, dict(img_resolution=16), "of 2 stages has images of .* 8 pixels. Received: img_resolution=16"),
        ({}, dict(BlocksPerStage=[1]), "one number a stage"),
        ({}, dict(WidthPerStage=8), "are lists with one number a stage.* Received: WidthPerStage=8"),
        ({}, dict(c_dim=3), "Received: c_dim=3, ConditionEmbeddingDimension=0"),
        ({}, dict(CardinalityPerStage=[5, 2]), "cardinality=5"),
        ({}, dict(Widths=3), "official arguments .* Received: Widths"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_by_name(state, arguments, message):
    with pytest.raises(ValueError, match=message):
        convert.load("r3gan", zeros(SHAPES | state), **{**ARGUMENTS, **arguments})
