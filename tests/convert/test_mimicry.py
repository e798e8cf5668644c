"""SNGAN and SAGAN with the parameters of torch-mimicry's classes, against these classes."""

import functools
import typing

from tfgan_kit.convert import guess, sagan, sngan
from tfgan_kit.convert.layouts import AS_IS
from tfgan_kit.convert.state import State
from tfgan_kit.objectives import Hinge

import numpy as np
import pytest
import tensorflow as tf
import torch

from tests.convert.references import arrays, mimicry, to_nhwc  # noqa: F401, a fixture

pytestmark = pytest.mark.slow

ROWS = 4
TOLERANCE = 2e-5  # of the largest absolute value, at least 1
CLASSES = 3


class Case(typing.NamedTuple):
    """Official classes at a small size.

    Attributes:
        module: of our family.
        path, generator, discriminator: where the official classes are.
        of_generator, of_discriminator: their arguments.
        resolution: the classes'.
    """

    module: typing.Any
    path: str
    generator: str
    discriminator: str
    of_generator: dict
    of_discriminator: dict
    resolution: int


def case(module, path, names, of_generator, of_discriminator, resolution):
    return pytest.param(
        Case(
            module,
            path,
            f"{names}Generator{resolution}",
            f"{names}Discriminator{resolution}",
            of_generator,
            of_discriminator,
            resolution,
        ),
        id=f"{names}{resolution}",
    )


CASES = [
    case(sngan, "sngan.sngan_32", "SNGAN", dict(nz=5, ngf=8), dict(ndf=6), 32),
    case(sngan, "sngan.sngan_48", "SNGAN", dict(nz=5, ngf=16), dict(ndf=32), 48),
    case(sngan, "sngan.sngan_64", "SNGAN", dict(nz=5, ngf=32), dict(ndf=32), 64),
    case(sngan, "sngan.sngan_128", "SNGAN", dict(nz=5, ngf=32), dict(ndf=32), 128),
    case(
        sngan, "cgan_pd.cgan_pd_32", "CGANPD", dict(nz=5, ngf=8, num_classes=CLASSES),
        dict(ndf=6, num_classes=CLASSES), 32,
    ),
    case(
        sngan, "cgan_pd.cgan_pd_128", "CGANPD", dict(nz=5, ngf=32, num_classes=CLASSES),
        dict(ndf=32, num_classes=CLASSES), 128,
    ),
    case(
        sagan, "sagan.sagan_32", "SAGAN", dict(nz=5, ngf=16, num_classes=CLASSES),
        dict(ndf=16, num_classes=CLASSES), 32,
    ),
    case(
        sagan, "sagan.sagan_128", "SAGAN", dict(nz=5, ngf=32, num_classes=CLASSES),
        dict(ndf=64, num_classes=CLASSES), 128,
    ),
]  # fmt: skip


class Filled(State):
    """A `State` that remembers which variable has which official parameter."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.places = {}

    def fill(self, variable, name, layout=AS_IS):
        super().fill(variable, name, layout)
        self.places.setdefault(name, []).append((variable, layout))


class Pair(typing.NamedTuple):
    """An official network, ours with its parameters, which of ours is which of its, and its parameters at the start."""

    official: torch.nn.Module
    ours: typing.Any
    places: dict
    start: dict

    def assert_equal(self, values, found):
        """That official values by name are those of `found(variable)`, up to the tolerance."""
        for name, value in values.items():
            for variable, layout in self.places[name]:
                close(found(variable), layout.to_keras(value), name)


def close(found, expected, title=""):
    most = TOLERANCE * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=most, err_msg=title)


def randomized(module, seed):
    """Every parameter and statistic random; u and v of unit length and near to the kernel's, but not its own."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(noise.abs() + 1.0)
            elif name.endswith(("weight_u", "weight_v", "sn_u")):
                tensor.copy_(noise / noise.norm())
            elif tensor.ndim == 1 and name.endswith(".weight"):
                tensor.copy_(1 + 0.1 * noise)
            elif tensor.is_floating_point() and not name.endswith("sn_sigma"):
                tensor.copy_(noise * (0.1 if tensor.ndim < 2 else 0.7 * tensor[0].numel() ** -0.5))
        tensors = module.state_dict()
        for name, kernel in tensors.items():
            if name.endswith("weight_orig"):  # by any u and v, their product might be almost 0
                u, v = (tensors[name.replace("orig", letter)] for letter in "uv")
                near = u @ kernel.flatten(1) + 0.1 * torch.randn(v.shape, generator=generator) / v.numel() ** 0.5
                v.copy_(near / near.norm())
    return module


def pair(module, official, network, **arguments):
    state = Filled(arrays(official), module.unused)
    ours = getattr(module, network)(state, **arguments)
    state.finish(network)
    family = module.__name__.rpartition(".")[2]
    found = guess(arrays(official))
    assert (found.family, found.network) == (family, network)
    assert {**found.arguments, **arguments} == found.arguments
    return Pair(official.double(), ours, state.places, arrays(official))  # in float64 only ours rounds


@pytest.fixture(scope="module", params=CASES)
def players(request, mimicry):  # noqa: F811
    """The case's generator and discriminator, a pair each, and labels or None."""
    each = request.param
    make = functools.partial(mimicry, each.path)
    generator = randomized(make(each.generator)(**each.of_generator), 11)
    discriminator = randomized(make(each.discriminator)(**each.of_discriminator), 12)
    labels = np.arange(ROWS, dtype=np.int32) % CLASSES if "num_classes" in each.of_generator else None
    return (
        pair(each.module, generator, "generator", resolution=each.resolution, **each.of_generator),
        pair(each.module, discriminator, "discriminator", resolution=each.resolution, **each.of_discriminator),
        labels,
    )


def inputs(rows, labels):
    return rows if labels is None else [tf.convert_to_tensor(rows), tf.convert_to_tensor(labels)]


def official_inputs(rows, labels):
    rows = torch.from_numpy(rows).double()
    return (rows,) if labels is None else (rows, torch.from_numpy(labels).long())


def draws(generator):
    random = np.random.default_rng(0)
    latents = random.normal(size=(ROWS, generator.latent_dim)).astype(np.float32)
    real = np.tanh(random.normal(size=(ROWS, *generator.output_shape[1:]))).astype(np.float32)
    return latents, real


def to_nchw(images):
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def test_images_and_logits_are_the_official_ones(players):
    generator, discriminator, labels = players
    latents, real = draws(generator.ours)
    with torch.no_grad():
        images = generator.official.eval()(*official_inputs(latents, labels)).numpy()
        logits = discriminator.official.eval()(*official_inputs(to_nchw(real), labels)).numpy()
    close(generator.ours(inputs(latents, labels)), to_nhwc(images), "images")
    close(discriminator.ours(inputs(real, labels)), logits, "logits")


def test_a_step_s_losses_gradients_and_statistics_are_the_official_ones(players):
    """The discriminator's step, by two passes as torch-mimicry's; then the generator's, through a third."""
    generator, discriminator, labels = players
    latents, real = draws(generator.ours)
    official = official_step(generator.official, discriminator.official, latents, real, labels)
    with tf.GradientTape() as d_tape, tf.GradientTape() as g_tape:
        judge = functools.partial(discriminator.ours, training=True)
        fake = generator.ours(inputs(latents, labels), training=True)
        real_logits = judge(inputs(real, labels))
        fake_logits = judge(inputs(tf.stop_gradient(fake), labels))
        d_loss = Hinge().discriminator_loss(real_logits, fake_logits)
        g_loss = Hinge().generator_loss(None, judge(inputs(fake, labels)))
    close([d_loss, g_loss], official["losses"], "losses")
    for player, tape, loss, gradients in (
        (discriminator, d_tape, d_loss, official["d_gradients"]),
        (generator, g_tape, g_loss, official["g_gradients"]),
    ):
        weights = player.ours.trainable_variables
        found = tape.gradient(loss, [weight.value for weight in weights])
        by_path = {weight.path: gradient for weight, gradient in zip(weights, found, strict=True)}
        # Which side of a ReLU's kink a number is on may differ by rounding: some draws are 1.3e-4 apart in one norm.
        # That of a bias before a batch normalization is 0, up to rounding.
        rounding = TOLERANCE * max(1.0, *(float(np.linalg.norm(each)) for each in gradients.values()))
        for name, gradient in gradients.items():
            parts = [tf.convert_to_tensor(by_path[variable.path]) for variable, _ in player.places[name]]
            norm = np.sqrt(sum(float(tf.reduce_sum(part**2)) for part in parts))
            assert norm == pytest.approx(np.linalg.norm(gradient), rel=1e-4, abs=rounding), name
        player.assert_equal(buffers(player.official, ("weight_u", "weight_v", "sn_u", "running_mean")), np.asarray)
    for name, variance in buffers(generator.official, ("running_var",)).items():
        # PyTorch's is of the unbiased variance of a batch.
        ((variable, _),) = generator.places[name]
        before, count = generator.start[name], number_of_values(generator.ours, variable)
        expected = 0.9 * before + (variance - 0.9 * before) * (count - 1) / count
        close(np.asarray(variable), expected, name)


def official_step(generator, discriminator, latents, real, labels):
    discriminator.train()
    fake = generator.train()(*official_inputs(latents, labels))
    real_images, *condition = official_inputs(to_nchw(real), labels)
    d_loss = discriminator.compute_gan_loss(
        output_real=discriminator(real_images, *condition), output_fake=discriminator(fake.detach(), *condition)
    )
    d_gradients = gradients_of(d_loss, discriminator)
    g_loss = generator.compute_gan_loss(output=discriminator(fake, *condition))
    return {
        "losses": np.array([d_loss.item(), g_loss.item()], np.float32),
        "d_gradients": d_gradients,
        "g_gradients": gradients_of(g_loss, generator),
    }


def gradients_of(loss, module):
    names, parameters = zip(*module.named_parameters(), strict=True)
    gradients = torch.autograd.grad(loss, parameters)
    return dict(zip(names, [gradient.numpy() for gradient in gradients], strict=True))


def number_of_values(network, variance):
    """How many numbers a variance of a batch is of: those of all pixels."""
    (name,) = [
        part for part in variance.path.split("/") if part.startswith(("block", "norm")) and part != "normalization"
    ]
    maps = network.get_layer(name).input
    maps = maps[0] if isinstance(maps, list) else maps
    return ROWS * maps.shape[1] * maps.shape[2]


def buffers(module, kinds):
    return {name: tensor.numpy() for name, tensor in module.named_buffers() if name.endswith(kinds)}
