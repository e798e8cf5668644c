import tfgan_kit as gk
from tfgan_kit.networks.stylegan3 import signals_of

import numpy as np
import pytest

SMALL = dict(latent_dim=4, w_dim=4, channel_base=64, channel_max=8, num_layers=4)


def latents(count=2):
    return np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def translating():
    return gk.networks.StyleGAN3Generator(16, 2, **SMALL)


@pytest.fixture(scope="module")
def rotating():
    return gk.networks.StyleGAN3Generator(16, 1, configuration="R", num_classes=3, **SMALL)


def test_sizes_and_widths_are_the_paper_s():
    """Of T at 1024 pixels: table in appendix D.1 of arXiv:2106.12423, with the margin of 10 pixels."""
    assert [each.size - 20 for each in signals_of(1024)[:-2]] == [16, 16, 32, 32, 64, 128, 128, 256, 256, 512] + [
        1024
    ] * 3
    assert [each.rate for each in signals_of(1024)[-2:]] == [1024, 1024]


@pytest.mark.thorough
@pytest.mark.parametrize("configuration, official", [("T", 22_313_167), ("R", 15_093_151)])
def test_networks_of_1024_pixels_have_the_official_numbers_of_weights(configuration, official):
    """Counted of `training.networks_stylegan3.Generator(512, 0, 512, 1024, 3)`, with R's arguments of `train.py`."""
    generator = gk.networks.StyleGAN3Generator(1024, configuration=configuration)
    assert sum(int(np.prod(weight.shape)) for weight in generator.trainable_weights) == official


@pytest.mark.parametrize("size", [8, 12, 20])
def test_any_size_will_do(size):
    generator = gk.networks.StyleGAN3Generator(size, num_critical=1, **{**SMALL, "num_layers": 3})
    assert generator(latents()).shape == (2, size, size, 3)
    assert generator.num_ws == 5


def test_a_call_is_mapping_and_synthesis(rotating):
    labels = np.array([2, 0], np.int32)
    ws = rotating.mapping(latents(), labels)
    for images in (rotating.synthesis(ws), rotating.synthesis(ws, noise_mode="random", noise_seeds=None)):
        np.testing.assert_allclose(rotating([latents(), labels]), images, atol=1e-6)


def test_rows_do_not_depend_on_the_batch(translating):
    np.testing.assert_allclose(translating(latents(3))[:1], translating(latents(3)[:1]), atol=1e-5)


def test_a_quarter_turn_of_the_input_turns_r_s_image(rotating):
    ws = rotating.mapping(latents(), np.array([1, 2], np.int32))
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float32)
    turned = rotating.synthesis(ws, transform=turn).numpy()
    np.testing.assert_allclose(turned, np.rot90(rotating.synthesis(ws), axes=(1, 2)), atol=1e-5)


def test_a_translation_by_half_a_sample_of_the_first_maps_moves_the_image(translating):
    """One pixel, at the images' rate; without low-pass filters the details would stay on their pixels."""
    ws = translating.mapping(latents())
    right = np.array([[1, 0, 1 / 16], [0, 1, 0], [0, 0, 1]], np.float32)
    still, moved = translating.synthesis(ws).numpy(), translating.synthesis(ws, transform=right).numpy()
    error = np.abs(moved[:, :, :-1] - still[:, :, 1:]).mean()
    assert error < 0.02 * np.abs(moved - still).mean()


def test_training_moves_w_avg_alone(translating):
    generator = gk.networks.StyleGAN3Generator(8, num_critical=1, **{**SMALL, "num_layers": 2})
    before = generator.get_weights()
    generator(latents(), training=True)
    names = [
        weight.path for weight, old in zip(generator.weights, before, strict=True) if not np.array_equal(weight, old)
    ]
    assert names == [generator.mapping.w_avg.path]


def test_an_average_copies_what_no_gradient_moves(translating):
    copied = {weight.path for weight in translating.copied_by_average}
    assert copied == {weight.path for weight in translating.non_trainable_weights}
    assert len(copied) == 1 + 3 + 5  # w_avg; frequencies, phases, transform; a magnitude for each convolution


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(image_size=4), "at least 8. Received: image_size=4"),
        (dict(image_size=(8, 12)), r"square images.* Received: image_size=\(8, 12\)"),
        (dict(image_size=16.0), "Received: image_size=16.0"),
        (dict(channels=0), "channels=0"),
        (dict(num_classes=0), "num_classes=0"),
        (dict(mapping_layers=0), "mapping_layers=0"),
        (dict(configuration="t"), "one of T, R. Received: configuration='t'"),
        (dict(channel_base=2), "at least 4 at this size.* Received: channel_base=2"),
        (dict(conv_kernel=2), "kernel_size=2"),
        (dict(num_layers=1), "Received: num_layers=1, num_critical=2"),
        (dict(num_critical=0), "from 1 to num_layers - 1. Received: num_layers=4, num_critical=0"),
        (dict(num_critical=4), "num_critical=4"),
        (dict(first_cutoff=4.0), "Received: first_cutoff=4.0"),
        (dict(first_stopband=2.0), "first_stopband=2.0"),
        (dict(last_stopband_rel=1.0), "last_stopband_rel=1.0"),
        (dict(margin_size=-1), "margin_size=-1"),
        (dict(filter_size=0), "filter_size=0"),
        (dict(conv_clamp=0.0), "positive number, or None. Received: conv_clamp=0.0"),
        (dict(w_avg_decay=1.0), "w_avg_decay=1.0"),
    ],
    ids=str,
)
def test_arguments_that_no_network_has_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        gk.networks.StyleGAN3Generator(**{"image_size": 8, **SMALL, **arguments})


def test_ws_of_another_shape_are_refused(translating):
    with pytest.raises(ValueError, match=r"of shape \(N, 6, 4\). Received: ws of shape \(2, 5, 4\)"):
        translating.synthesis(np.zeros((2, 5, 4), np.float32))
