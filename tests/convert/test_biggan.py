"""BigGAN and BigGAN-deep with official parameters, against what the official classes answer (tests/fixtures)."""

import types

from tfgan_kit import convert
from tfgan_kit.convert.layouts import AS_IS
from tfgan_kit.internals.keras import layers_of
from tfgan_kit.objectives import Hinge
from tfgan_kit.penalties import OrthogonalRegularization

import numpy as np
import pytest
import tensorflow as tf

from tests.fixtures.official import Official, assert_agrees, drawn, nhwc

LABELS = tf.range(4)
EVERY = pytest.mark.parametrize(
    "family", ["biggan", pytest.param("biggan_deep", marks=[pytest.mark.slow, pytest.mark.thorough])]
)
# By the official name: the first layer of a discriminator's block, the statistics of a generator's.
FIRST_CONVOLUTION, FIRST_NORMALIZATION, LINEAR = "block0_0_conv1", "block0_0_bn1", "linear"


class Case:
    """Both networks of a fixture, its inputs, and one training step, computed once."""

    def __init__(self, family):
        self.official = official = Official(f"{family}64")
        self.states = {"generator": official.state("G."), "discriminator": official.state("D.")}
        self.generator = convert.load(family, self.states["generator"], **official.meta["G"])
        self.discriminator = convert.load(
            family, self.states["discriminator"], network="discriminator", **official.meta["D"]
        )
        self.latents = tf.constant(drawn("z", (4, int(official["z_dim"]))))
        self.real = tf.constant(nhwc(drawn("real", official["image_eval"].shape, 0.5)))
        self.names = {name: self._named(name) for name in self.states}
        self.images = self.generator([self.latents, LABELS])
        self.logits = self.discriminator([self.images, LABELS])
        self._step()

    def _named(self, network):
        """Official name -> variable: random weights are told apart by the sum of their absolute values."""
        of_sum = {_sum(array): name for name, array in self.states[network].items()}
        return {of_sum[_sum(variable)]: variable for variable in getattr(self, network).trainable_variables}

    def _step(self):
        """A pass in training mode, the discriminator on generated and real images together."""
        networks = (self.generator, self.discriminator)
        weights = [[v.value for v in network.trainable_variables] for network in networks]
        step = types.SimpleNamespace(generator=types.SimpleNamespace(network=self.generator))
        with tf.GradientTape(persistent=True) as tape:
            self.training_images = self.generator([self.latents, LABELS], training=True)
            images = tf.concat([self.training_images, self.real], axis=0)
            self.training_logits = self.discriminator([images, tf.concat([LABELS, LABELS], axis=0)], training=True)
            fake, real = tf.split(self.training_logits, 2)
            self.loss = Hinge().discriminator_loss(real, fake)
            orthogonal = OrthogonalRegularization().value(step)
        self.generator_norms = _norms(tape.gradient(self.loss, weights[0]))
        self.discriminator_norms = _norms(tape.gradient(self.loss, weights[1]))
        self.orthogonal_norms = _norms(tape.gradient(orthogonal, weights[0]))

    def assert_norms(self, network, found, kind, **tolerance):
        """Gradient norms by official name, with a tolerance for those that are rounding alone."""
        expected = dict(zip(self.official[f"{kind}_names"], self.official[f"{kind}_norms"], strict=True))
        order = {id(v): norm for v, norm in zip(getattr(self, network).trainable_variables, found, strict=True)}
        found = {name: order[id(variable)] for name, variable in self.names[network].items()}
        assert found.keys() == expected.keys()
        for_all = np.array([[found[name], expected[name]] for name in expected])
        np.testing.assert_allclose(for_all[:, 0], for_all[:, 1], **tolerance)


def _sum(array):
    return f"{np.abs(np.asarray(array, np.float64)).sum():.8e}"


def _norms(gradients):
    return [0.0 if g is None else np.linalg.norm(np.asarray(tf.convert_to_tensor(g), np.float64)) for g in gradients]


@pytest.fixture(scope="module")
def case():
    made = {}

    def of(family):
        if family not in made:
            made[family] = Case(family)
        return made[family]

    return of


@EVERY
def test_images_and_logits_at_inference_are_the_official_ones(case, family):
    case = case(family)
    assert_agrees(case.images, nhwc(case.official["image_eval"]))
    assert_agrees(case.logits, case.official["logits_eval"])


@EVERY
def test_images_logits_and_loss_of_a_training_step_are_the_official_ones(case, family):
    case = case(family)
    assert_agrees(case.training_images, nhwc(case.official["image_train"]))
    assert_agrees(case.training_logits, case.official["logits_train"])
    assert_agrees(case.loss, case.official["loss_real"] + case.official["loss_fake"])


@EVERY
def test_gradient_norms_of_both_networks_are_the_official_ones(case, family):
    """That of attention's gamma is 0.1 % off with oneDNN: a ReLU's input of -1.6e-6 (in float64) becomes 3.7e-6.

    Biases before a batch normalization have no gradient but rounding.
    """
    case = case(family)
    case.assert_norms("discriminator", case.discriminator_norms, "d_grad", rtol=1e-4, atol=0)
    case.assert_norms("generator", case.generator_norms, "g_grad", rtol=1e-4, atol=1e-5)


@EVERY
def test_the_orthogonal_penalty_s_gradients_are_the_official_ones(case, family):
    """The fixture has them as differences of other gradients, rounded."""
    case = case(family)
    case.assert_norms("generator", case.orthogonal_norms, "ortho", rtol=1e-4, atol=1e-8)


@EVERY
def test_u_after_a_step_is_the_official_one(case, family):
    case = case(family)
    for name, expected in ((FIRST_CONVOLUTION, "conv1_u0_after"), (LINEAR, "linear_u0_after")):
        assert_agrees(case.discriminator.get_layer(name).u, case.official[expected])


@EVERY
def test_statistics_after_a_step_are_the_official_ones_but_for_torch_s_unbiased_variance(case, family):
    case = case(family)
    layer = case.generator.get_layer(FIRST_NORMALIZATION).normalization
    assert_agrees(layer.moving_mean, case.official["bn1_mean_after"])
    before = case.states["generator"]["blocks.0.0.bn1.stored_var"]
    batch = (layer.moving_variance.numpy() - 0.9 * before) / 0.1
    pixels = 4 * 4 * 4  # N H W
    assert_agrees(0.9 * before + 0.1 * batch * pixels / (pixels - 1), case.official["bn1_var_after"])


def state_of(family, network, **official):
    """The names and shapes of a network's parameters, as `load` asks for them, with arrays by the recipe."""
    state, missing = {}, _Recorder()
    module = __import__(convert.FAMILIES[family], fromlist=[network])
    getattr(module, network)(missing, **official)
    for name, shape in missing.shapes.items():
        state[name] = drawn(name, shape, 0.1) if not name.endswith("_var") else np.ones(shape, np.float32)
    return state


class _Recorder:
    """In the place of a `State`: records what is asked for."""

    def __init__(self):
        self.shapes = {}

    def fill(self, variable, name, layout=AS_IS):
        self.shapes[name] = layout.official_shape(tuple(variable.shape))

    def take(self, name, shape):
        self.shapes[name] = shape


SMALL = dict(resolution=32, n_classes=3, G_ch=4, dim_z=4, G_attn="0", SN_eps=1e-6)


@pytest.fixture(scope="module")
def unshared():
    return state_of("biggan", "generator", G_shared=False, **SMALL)


def test_a_generator_without_sharing_has_a_table_for_each_normalization(unshared):
    generator = convert.load("biggan", unshared, G_shared=False, **SMALL)
    assert unshared["blocks.2.0.bn2.gain.weight"].shape == (3, 16)
    np.testing.assert_array_equal(
        generator.get_layer("block2_0_bn2").gain.embeddings, unshared["blocks.2.0.bn2.gain.weight"]
    )
    assert generator([tf.zeros((2, 4)), tf.constant([0, 2])]).shape == (2, 32, 32, 3)


def test_buffers_of_logs_and_counters_may_be_there(unshared):
    extra = {"linear.sv0": np.ones(1), "blocks.0.0.bn1.accumulation_counter": np.zeros(1), "linear.u1": np.ones((1, 2))}
    convert.load("biggan", unshared | extra, G_shared=False, **SMALL)


@pytest.mark.parametrize("missing", ["linear.u0", "blocks.0.0.bn1.stored_mean", "output_layer.2.bias"])
def test_a_missing_name_is_refused(unshared, missing):
    state = {name: array for name, array in unshared.items() if name != missing}
    with pytest.raises(ValueError, match=f"missing: {missing}"):
        convert.load("biggan", state, G_shared=False, **SMALL)


def test_a_surplus_name_is_refused(unshared):
    with pytest.raises(ValueError, match="surplus: shared.weight"):
        convert.load("biggan", unshared | {"shared.weight": np.ones((3, 4))}, G_shared=False, **SMALL)


@pytest.mark.parametrize(
    ("family", "network", "arguments", "match"),
    [
        ("biggan", "generator", dict(resolution=48), "resolutions are 32, 64, 128, 256, 512"),
        ("biggan", "discriminator", dict(resolution=512), "resolutions are 32, 64, 128, 256"),
        ("biggan", "generator", dict(norm_style="in"), "norm_style='in'"),
        ("biggan", "generator", dict(cross_replica=True), "cross_replica=True"),
        ("biggan", "generator", dict(hier=True, G_shared=False), "fails with hierarchical latents"),
        ("biggan", "generator", dict(G_activation="lrelu"), "ReLUs"),
        ("biggan", "generator", dict(num_G_SV_itrs=2), "1 is supported"),
        ("biggan", "generator", dict(G_attn="top"), "such as '64'"),
        ("biggan", "discriminator", dict(output_dim=2), "output_dim=2"),
        ("biggan", "discriminator", dict(D_param="plain"), "D_param='plain'"),
        ("biggan_deep", "generator", dict(), "hier=True and G_shared=True only"),
        ("biggan_deep", "generator", dict(hier=True, G_depth=3), "other depths than 2"),
        ("hf_biggan_deep", "generator", dict(truncation=0.0), "truncation=0.0"),
    ],
)
def test_official_arguments_that_are_not_supported_are_refused(family, network, arguments, match):
    with pytest.raises(ValueError, match=match):
        convert.load(family, {}, network=network, **arguments)


HUB = dict(
    z_dim=3, channel_width=4, num_classes=5, n_stats=3, eps=1e-4, attention_layer_position=1,
    layers=[(True, 16, 8), (False, 8, 4), (True, 4, 2), (False, 2, 1)],
)  # fmt: skip


@pytest.fixture(scope="module")
def hub():
    return state_of("hf_biggan_deep", "generator", **HUB)


def test_published_kernels_are_divided_by_the_norm_of_their_stored_vectors(hub):
    generator = convert.load("hf_biggan_deep", hub, **HUB)
    name = "generator.layers.0.conv_1"  # attention comes after it, so that it has its own number
    weight, u, v = (hub[f"{name}.weight_{part}"] for part in ("orig", "u", "v"))
    sigma = u @ weight.reshape(len(u), -1) @ v
    found = generator.get_layer("block0_conv2").kernel.numpy()
    np.testing.assert_allclose(found, weight.transpose(2, 3, 1, 0) / sigma, rtol=1e-5)
    assert generator.get_layer("to_images").kernel.shape[-1] == 3


@pytest.mark.parametrize(("truncation", "weights"), [(0.5, (0, 1, 0)), (1.0, (0, 0, 1)), (0.75, (0, 0.5, 0.5))])
def test_published_statistics_are_those_of_the_truncation(hub, truncation, weights):
    generator = convert.load("hf_biggan_deep", hub, truncation=truncation, **HUB)
    rows = hub["generator.layers.3.bn_0.running_means"]  # of the third block, as the second place is attention's
    found = generator.get_layer("block2_bn1").normalization.moving_mean
    np.testing.assert_allclose(found, np.array(weights, np.float32) @ rows, atol=1e-7)


def test_every_spectral_norm_of_an_official_network_has_the_official_epsilon(unshared):
    generator = convert.load("biggan", unshared, G_shared=False, **SMALL)
    assert {layer.epsilon for layer in layers_of(generator) if hasattr(layer, "sigma")} == {1e-6}
