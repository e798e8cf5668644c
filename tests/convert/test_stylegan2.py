"""StyleGAN2 with official parameters, against what the official classes answer (tests/fixtures/networks).

NVlabs/stylegan2-ada-pytorch d72cc7d with torch 2.13 on a CPU, in float32. Images that are no squares are of the same
classes with a constant, noise and a last dense layer of other sides.
"""

from tfgan_kit import convert
from tfgan_kit.convert import stylegan2
from tfgan_kit.convert.state import State
from tfgan_kit.penalties.path_length import path_lengths

import numpy as np
import pytest
import tensorflow as tf

from tests.fixtures.official import Official, assert_agrees, drawn, nhwc

LABELS = {"sg2_g_skip_cond32": [0, 1, 2, 0], "sg2_d_resnet_cond32": [0, 1, 2, 0, 1, 2, 0, 1]}
GENERATORS = (
    "sg2_g_skip_cond32", "sg2_g_skip_clamp16", "sg2_g_resnet16", "sg2_g_orig_cond16", "sg2_g_skip_8x12",
    "sg2_g_resnet_10x14",
)  # fmt: skip
DISCRIMINATORS = ("sg2_d_resnet_cond32", "sg2_d_skip_clamp16", "sg2_d_orig_cond16", "sg2_d_resnet_8x12")
ANSWERS = {
    "psi1_const": (dict(), "const"),
    "psi07_none": (dict(truncation_psi=0.7), "none"),
    "psi05_cut2_const": (dict(truncation_psi=0.5, truncation_cutoff=2), "const"),
    "psi-1_const": (dict(truncation_psi=-1.0), "const"),
}


class Recorded(State):
    """Also remembers which variable an official name belongs to."""

    def __init__(self, arrays):
        super().__init__(arrays, stylegan2.unused)
        self.variables = {}

    def fill(self, variable, name, *layout):
        self.variables[name] = variable
        super().fill(variable, name, *layout)


class Case:
    """A network with its official parameters and inputs."""

    def __init__(self, name, make):
        self.official = Official(name)
        self.state = Recorded(self.official.state())
        self.network = make(self.state, **self.official.meta["config"])
        self.state.finish(name)
        labels = LABELS.get(name) or self.official.meta.get("labels")
        self.labels = None if labels is None else tf.constant(labels)

    def assert_norms(self, tape, loss, kind, prefix=""):
        """Gradient norms by official name; of what a loss does not depend on, there is none."""
        expected = dict(zip(self.official[f"{kind}_names"], self.official[f"{kind}_norms"], strict=True))
        gradients = tape.gradient(loss, [self.state.variables[prefix + name].value for name in expected])
        found = [tf.norm(tf.convert_to_tensor(gradient)).numpy() for gradient in gradients]
        # A norm that is rounding beside the largest has no digits to compare.
        np.testing.assert_allclose(found, list(expected.values()), rtol=1e-4, atol=1e-7 * max(expected.values()))


@pytest.fixture(scope="module", params=GENERATORS)
def generator(request):
    case = Case(request.param, stylegan2.generator)
    count = len(case.official["ws"])
    case.latents = tf.constant(drawn("z", (count, case.network.latent_dim)))
    return case


@pytest.fixture(scope="module", params=DISCRIMINATORS)
def discriminator(request):
    case = Case(request.param, stylegan2.discriminator)
    height, width = case.network.inputs[0].shape[1:3]
    shape = (len(case.official["logits"]), case.network.channels, height, width)
    case.images = tf.constant(nhwc(drawn("images", shape, 0.5)))
    return case


def test_styles_are_the_official_ones(generator):
    assert_agrees(generator.network.mapping(generator.latents, generator.labels), generator.official["ws"])


@pytest.mark.parametrize(
    "generator, answer",
    [(name, answer) for name in GENERATORS for answer in ANSWERS if (name, answer) != (GENERATORS[0], "psi-1_const")],
    indirect=["generator"],
)
def test_images_are_the_official_ones(generator, answer):
    truncation, noise_mode = ANSWERS[answer]
    ws = generator.network.mapping(generator.latents, generator.labels, **truncation)
    assert_agrees(generator.network.synthesis(ws, noise_mode=noise_mode), nhwc(generator.official[answer]))


@pytest.mark.parametrize("generator", GENERATORS[1:], indirect=True)
def test_gradients_of_the_mean_square_have_the_official_norms(generator):
    with tf.GradientTape() as tape:
        images = generator.network.synthesis(generator.network.mapping(generator.latents, generator.labels))
        loss = tf.reduce_mean(tf.square(images))
    generator.assert_norms(tape, loss, "grad")


@pytest.mark.parametrize("generator", GENERATORS[:1], indirect=True)
def test_path_lengths_and_the_gradients_of_their_penalty_are_the_official_ones(generator):
    network, official = generator.network, generator.official
    noise = tf.constant(nhwc(drawn("pl_noise", (2, 3, 32, 32))))
    with tf.GradientTape() as tape:
        ws = network.mapping(generator.latents[:2], generator.labels[:2])
        lengths = path_lengths(network.synthesis, ws, lambda shape: noise)
        loss = tf.reduce_mean(2.0 * tf.square(lengths - 0.3))
    assert_agrees(lengths, official["path_lengths"])
    generator.assert_norms(tape, loss, "pl_grad", "synthesis.")


def test_logits_penalties_and_their_gradients_are_the_official_ones(discriminator):
    network, official = discriminator.network, discriminator.official
    with tf.GradientTape() as tape:
        with tf.GradientTape() as inner:
            inner.watch(discriminator.images)
            labels = discriminator.labels
            logits = network(discriminator.images if labels is None else [discriminator.images, labels])
        slope = inner.gradient(logits, discriminator.images)
        r1 = tf.reduce_sum(tf.square(slope), axis=[1, 2, 3])
        loss = tf.reduce_mean(tf.nn.softplus(-logits) + 5.0 * r1[:, None])
    assert_agrees(logits, official["logits"])
    assert_agrees(r1, official["r1"])
    assert_agrees(slope[0], np.transpose(official["image_grad0"], (1, 2, 0)))
    discriminator.assert_norms(tape, loss, "grad")


# Arguments

TINY_G = dict(
    z_dim=4, c_dim=0, w_dim=5, img_resolution=8, img_channels=1, mapping_kwargs=dict(num_layers=1),
    synthesis_kwargs=dict(channel_base=16, channel_max=3),
)  # fmt: skip
TINY_D = dict(c_dim=0, img_resolution=8, img_channels=1, channel_base=16, channel_max=3)


def zeros(network, arguments):
    """The parameters that a network of these arguments has, by official names."""
    shapes = {}

    class Asked(State):
        def __init__(self):
            super().__init__({}, stylegan2.unused)

        def take(self, name, shape):
            shapes[name] = shape

    getattr(stylegan2, network)(Asked(), **arguments)
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def tiny():
    return {"generator": zeros("generator", TINY_G), "discriminator": zeros("discriminator", TINY_D)}


@pytest.mark.parametrize(
    "network, name", [("generator", "synthesis.b8.conv0.resample_filter"), ("discriminator", "b8.resample_filter")]
)
def test_a_resampler_s_filter_may_be_there_or_not(network, name, tiny):
    arguments = TINY_G if network == "generator" else TINY_D
    for state in (tiny[network], tiny[network] | {name: np.zeros((4, 4), np.float32)}):
        assert convert.load("stylegan2", state, network, **arguments).channels == 1


def test_a_generator_without_noise_has_no_noise_in_its_file(tiny):
    without = {name: array for name, array in tiny["generator"].items() if "noise" not in name}
    synthesis = {**TINY_G["synthesis_kwargs"], "use_noise": False}
    generator = convert.load("stylegan2", without, **{**TINY_G, "synthesis_kwargs": synthesis})
    ws = tf.zeros((1, 4, 5))
    np.testing.assert_array_equal(generator.synthesis(ws), generator.synthesis(ws, noise_mode="none"))


def test_frozen_layers_are_frozen_here_too(tiny):
    arguments = {**TINY_D, "block_kwargs": {"freeze_layers": 2}}
    frozen = convert.load("stylegan2", tiny["discriminator"], "discriminator", **arguments)
    assert sorted(layer.name for layer in frozen.layers if not layer.trainable) == [
        "level1_conv0",
        "level1_from_images",
    ]


@pytest.mark.parametrize(
    "network, change, arguments, message",
    [
        ("generator", {"mapping.fc1.weight": (5, 5)}, {}, "surplus: mapping.fc1.weight"),
        ("generator", {"mapping.w_avg": (4,)}, {}, r"of another shape: mapping.w_avg float32 \(4,\)"),
        ("generator", {}, dict(c_dim=2), "missing: mapping.embed.weight"),
        ("generator", {}, dict(img_resolution=16), r"missing: .*synthesis.b16.conv0"),
        ("generator", {}, dict(img_resolution=12), r"of another shape: .*const"),
        ("generator", {}, dict(img_resolution=4), "Received: image_size=4"),
        ("generator", {}, dict(mapping_kwargs=dict(num_layers=2)), "missing: mapping.fc1.weight"),
        ("generator", {}, dict(mapping_kwargs=dict(lr_multiplier=1)), "lr_multiplier=0.01 is known.* lr_multiplier=1"),
        ("generator", {}, dict(mapping_kwargs=dict(w_avg_beta=None)), "without `w_avg`.* Received: w_avg_beta=None"),
        ("generator", {}, dict(mapping_kwargs=dict(depth=1)), "official mapping_kwargs are .* Received: depth"),
        ("generator", {}, dict(synthesis_kwargs=dict(activation="relu")), "activation='lrelu' is known.*'relu'"),
        ("generator", {}, dict(synthesis_kwargs=8), "`synthesis_kwargs` is a dict.* Received: synthesis_kwargs=8"),
        ("generator", {}, dict(resolution=8), "official arguments of stylegan2's generator .* Received: resolution"),
        ("discriminator", {"b8.conv0.weight": (3, 3, 1, 1)}, {}, "of another shape: b8.conv0.weight"),
        ("discriminator", {}, dict(architecture="skip"), "missing: b4.fromrgb.weight"),
        ("discriminator", {}, dict(architecture="deep"), "Received: architecture='deep'"),
        ("discriminator", {}, dict(epilogue_kwargs=dict(mbstd_num_channels=0)), "of another shape: b4.conv.weight"),
        ("discriminator", {}, dict(epilogue_kwargs=dict(group=4)), "epilogue_kwargs are .* Received: group"),
        ("discriminator", {}, dict(block_kwargs=dict(freeze_layers=9)), "frozen_layers=9"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_by_name(network, change, arguments, message, tiny):
    state = tiny[network] | {name: np.zeros(shape, np.float32) for name, shape in change.items()}
    with pytest.raises(ValueError, match=message):
        convert.load("stylegan2", state, network, **{**(TINY_G if network == "generator" else TINY_D), **arguments})
