"""StyleGAN3 with official parameters, against what the official class answers (tests/fixtures)."""

from tfgan_kit import convert

import numpy as np
import pytest
import tensorflow as tf

from tests.fixtures.official import Official, assert_agrees, drawn, nhwc


class Converted:
    """A fixture's network, and the styles of its latents."""

    def __init__(self, name):
        self.official = Official(name)
        config = self.official.meta["config"]
        self.state = self.official.state()
        if name == "sg3_g_t32":
            for number in range(config["num_layers"] + 1):
                (layer,) = {key.split(".")[1] for key in self.state if key.startswith(f"synthesis.L{number}_")}
                self.state[f"synthesis.{layer}.magnitude_ema"] = np.float32(1 + 0.1 * number)
        self.config = config
        self.network = convert.load("stylegan3", self.state, **config)
        rows, classes = len(self.official["image"]), config["c_dim"]
        labels = (np.arange(rows) + 1) % classes if classes else None
        cutoff = None if name == "sg3_g_t32" else 3
        latents = drawn("z", (rows, config["z_dim"]))
        self.ws = self.network.mapping(latents, labels, truncation_psi=0.7, truncation_cutoff=cutoff)


@pytest.fixture(scope="module", params=["sg3_g_t32", "sg3_g_t48", "sg3_g_r_cond32"])
def converted(request):
    """T; T with other cutoffs, layers, size and channels; R with labels."""
    return Converted(request.param)


def test_styles_are_the_official_ones(converted):
    """Of two fixtures, the first and the last."""
    ws, expected = converted.ws.numpy(), converted.official["ws"]
    assert_agrees(ws if ws.shape == expected.shape else ws[:, [0, -1]], expected)


def test_the_input_s_waves_are_the_official_ones(converted):
    waves = converted.network.synthesis.input_layer(converted.ws[:1, 0])[0].numpy().transpose(2, 0, 1)
    expected = converted.official["input0"] if "input0" in converted.official.names else converted.official["input"][0]
    assert_agrees(waves[: len(expected)], expected)


def test_images_are_the_official_ones(converted):
    assert_agrees(converted.network.synthesis(converted.ws), nhwc(converted.official["image"]))


def test_transformed_images_are_the_official_ones(converted):
    expected = nhwc(converted.official["image_transformed"])
    ws = converted.ws[: len(expected)]
    assert_agrees(converted.network.synthesis(ws, transform=converted.official["transform"]), expected)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["sg3_g_t48", "sg3_g_r_cond32"])
def test_gradients_are_the_official_ones(name):
    converted = Converted(name)
    direction = nhwc(drawn("noise", converted.official["image"].shape))

    @tf.function
    def gradients(ws):
        weights = [weight.value for weight in converted.network.synthesis.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(ws)
            value = tf.reduce_sum(converted.network.synthesis(ws) * direction)
        return tape.gradient(value, [ws, *weights])

    of_ws, *of_weights = gradients(converted.ws)
    assert_agrees(of_ws, converted.official["ws_grad"], 1e-4)
    norms = sorted(np.linalg.norm(gradient) for gradient in of_weights)
    np.testing.assert_allclose(norms, np.sort(converted.official["grad_norms"]), rtol=1e-4)


ARGUMENTS = dict(
    z_dim=5, c_dim=0, w_dim=4, img_resolution=8, img_channels=3, channel_base=16, channel_max=6, num_layers=2,
    num_critical=1, mapping_kwargs={"num_layers": 1},
)  # fmt: skip
LAYERS = {"L0_28_4": (4, 4, 3), "L1_8_2": (2, 4, 3), "L2_8_3": (3, 2, 1)}
SHAPES = {
    "mapping.fc0.weight": (4, 5), "mapping.fc0.bias": (4,), "mapping.w_avg": (4,),
    "synthesis.input.weight": (4, 4), "synthesis.input.affine.weight": (4, 4), "synthesis.input.affine.bias": (4,),
    "synthesis.input.freqs": (4, 2), "synthesis.input.phases": (4,),
    **{f"synthesis.{layer}.weight": (out, wide, k, k) for layer, (out, wide, k) in LAYERS.items()},
    **{f"synthesis.{layer}.bias": (out,) for layer, (out, _, _) in LAYERS.items()},
    **{f"synthesis.{layer}.affine.weight": (wide, 4) for layer, (_, wide, _) in LAYERS.items()},
    **{f"synthesis.{layer}.affine.bias": (wide,) for layer, (_, wide, _) in LAYERS.items()},
}  # fmt: skip
BUFFERS = {
    "synthesis.input.transform": 2.0 * np.eye(3),
    **{f"synthesis.{layer}.magnitude_ema": np.float32(4.0) for layer in LAYERS},
    **{f"synthesis.{layer}.{way}_filter": np.ones(12) for layer in LAYERS for way in ("up", "down")},
}


def zeros(shapes):
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def test_constant_buffers_may_be_absent():
    synthesis = convert.load("stylegan3", zeros(SHAPES), **ARGUMENTS).synthesis
    np.testing.assert_array_equal(synthesis.input_layer.transform, np.eye(3))
    assert [float(layer.magnitude) for layer in (*synthesis.convolutions, synthesis)] == [1.0, 1.0, 1.0]


def test_constant_buffers_are_kept_where_they_say_something():
    synthesis = convert.load("stylegan3", zeros(SHAPES) | BUFFERS, **ARGUMENTS).synthesis
    np.testing.assert_array_equal(synthesis.input_layer.transform, 2 * np.eye(3))
    assert [float(layer.magnitude) for layer in (*synthesis.convolutions, synthesis)] == [4.0, 4.0, 4.0]


@pytest.mark.parametrize(
    "state, arguments, message",
    [
        ({"synthesis.more": (1,)}, {}, "surplus: synthesis.more"),
        ({"synthesis.input.freqs": (4, 3)}, {}, r"\(4, 3\) in the place of \(4, 2\)"),
        ({}, dict(conv_kernel=1), "of another shape: synthesis.L0_28_4.weight"),
        ({}, dict(channel_base=32), "missing: .*synthesis.L0_28_6.weight"),
        ({}, dict(num_layers=3), "missing: synthesis.L1_28_3.weight"),
        ({}, dict(c_dim=2), "missing: .*mapping.embed.weight"),
        ({}, dict(mapping_kwargs={"layers": 2}), "mapping_kwargs are num_layers.* Received: layers"),
        ({}, dict(mapping_kwargs={"lr_multiplier": 1}), "only lr_multiplier=0.01.* Received: lr_multiplier=1"),
        ({}, dict(noise=1), "official arguments .* Received: noise"),
        ({}, dict(img_resolution=[8, 12]), r"square.* Received: image_size=\[8, 12\]"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_by_name(state, arguments, message):
    with pytest.raises(ValueError, match=message):
        convert.load("stylegan3", zeros(SHAPES | state), **{**ARGUMENTS, **arguments})


def test_arguments_are_read_off_names_and_shapes():
    family, network, arguments = convert.guess(zeros(SHAPES))
    assert (family, network) == ("stylegan3", "generator")
    known = {name: value for name, value in arguments.items() if name in ARGUMENTS}
    generator = convert.load(family, zeros(SHAPES), network, **known, num_critical=1)
    assert generator(np.zeros((1, 5), np.float32)).shape == (1, 8, 8, 3)
