import types

import tfgan_kit as gk
from tfgan_kit.metrics.features.domain_training import build_classifier
from tfgan_kit.metrics.features.extractor import FeatureExtractor
from tfgan_kit.metrics.measures import path_length
from tfgan_kit.metrics.measures.path_length import path_distances, perceptual_path_length, slerp, without_outliers
from tfgan_kit.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from tfgan_kit.pixels import to_float, to_uint8

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.special import beta, gamma

from benchmarks.baselines.metric_references import torch, torch_fidelity

SIZE = 8


def _linear(matrix):
    """Images of 2 x 2 pixels and 3 channels that are linear in the latents, with no float32 rounding of their own."""
    return lambda latents: (latents.astype(np.float64) @ matrix).reshape(-1, 2, 2, 3)


def _matrix(size=SIZE, seed=5):
    return np.random.default_rng(seed).normal(size=(size, 12))


def _itself(images):
    return images


def _latents(count, size=SIZE, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(count, size)), random.normal(size=(count, size)), random.random(count)


def _angles(a, b):
    return np.arccos(np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))


def test_interpolation_equals_torch_fidelity():
    a, b, t = _latents(50)
    theirs = torch_fidelity.noise.batch_slerp_any(*(torch.tensor(part) for part in (a, b, t[:, None])))
    np.testing.assert_allclose(slerp(a, b, t[:, None]), theirs, rtol=1e-10, atol=1e-12)


def test_the_path_between_unit_vectors_has_the_speed_of_their_angle():
    a, b, t = _latents(50)
    a, b = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (a, b))
    found = path_distances(_linear(np.eye(SIZE, 12)), _itself, a, b, t, 1e-3)
    np.testing.assert_allclose(found, (2 * np.sin(1e-3 * _angles(a, b) / 2) / 1e-3) ** 2, rtol=1e-3)


def test_distances_of_a_linear_generator_are_the_squared_speed_of_its_image():
    matrix, (a, b, t) = _matrix(), _latents(50)
    omega, t = _angles(a, b)[:, None], t[:, None]
    velocity = omega / np.sin(omega) * (np.cos(t * omega) * b - np.cos((1 - t) * omega) * a)
    found = path_distances(_linear(matrix), _itself, a, b, t[:, 0], 1e-4)
    np.testing.assert_allclose(found, np.sum((velocity @ matrix) ** 2, axis=1), rtol=1e-2)


def _mean_squared_speed(size):
    """E|d slerp(a, b; t) / dt|^2 of Gaussian a and b: length and angle are independent, |a| is chi-distributed."""
    mean_length = np.sqrt(2) * gamma((size + 1) / 2) / gamma(size / 2)

    def at(omega, t):
        p, q = np.cos(t * omega), np.cos((1 - t) * omega)
        squares = size * (p**2 + q**2) - 2 * p * q * mean_length**2 * np.cos(omega)
        return squares * omega**2 * np.sin(omega) ** (size - 4) / beta(0.5, (size - 1) / 2)

    return dblquad(at, 0, 1, 0, np.pi)[0]


@pytest.mark.parametrize("size", [8, 32])
def test_the_mean_over_gaussian_latents_of_a_linear_generator_is_its_closed_form(size):
    matrix = _matrix(size)
    found = path_distances(_linear(matrix), _itself, *_latents(20_000, size), 1e-4)
    expected = np.sum(matrix**2) / size * _mean_squared_speed(size)  # the direction is uniform on the sphere
    assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / np.sqrt(len(found)))


def test_the_value_is_the_mean_of_the_distances_between_the_percentiles():
    found = perceptual_path_length(_linear(_matrix()), SIZE, _itself, num_pairs=500, seed=7)
    random = np.random.default_rng(7)
    starts, ends = random.standard_normal((2, 500, SIZE), np.float32)
    distances = np.sort(path_distances(_linear(_matrix()), _itself, starts, ends, random.random(500), 1e-4))
    assert found.pairs == 492  # 499 * 0.01 = 4.99 and 494.01: ranks 4 to 495, both kept
    assert found.value == pytest.approx(distances[4:496].mean(), rel=1e-12)
    assert found.std == pytest.approx(distances[4:496].std(), rel=1e-12)


class _Similarity(torch_fidelity.sample_similarity_base.SampleSimilarityBase):
    def __init__(self, name, **kwargs):
        super().__init__(name)

    def forward(self, x, y):
        return ((x - y) ** 2).sum(dim=(1, 2, 3))


class _Reshape(torch.nn.Module):
    def forward(self, pixels):
        return pixels.reshape(-1, 3, 2, 2)


@pytest.fixture
def torch_fidelity_path_length(monkeypatch):
    """Its whole calculation on a linear generator, and the latents that it draws."""
    # torch-fidelity 0.4 passes `interpolation`, which NumPy 2.4 calls `method`.
    names = {**vars(np), "percentile": lambda x, q, interpolation: np.percentile(x, q, method=interpolation)}
    monkeypatch.setattr(torch_fidelity.metric_ppl, "np", types.SimpleNamespace(**names))
    monkeypatch.setitem(torch_fidelity.registry.SAMPLE_SIMILARITY_REGISTRY, "squares", _Similarity)

    def calculate(matrix, count, epsilon, **options):
        layer = torch.nn.Linear(*matrix.shape, bias=False)
        layer.weight.data = torch.tensor(matrix.T, dtype=torch.float32)
        model = torch_fidelity.generative_model_modulewrapper.GenerativeModelModuleWrapper(
            torch.nn.Sequential(layer, _Reshape()), len(matrix), "normal", 0
        )
        found = torch_fidelity.metric_ppl.calculate_ppl(
            1,
            input1=model,
            input1_model_num_samples=count,
            ppl_sample_similarity="squares",
            batch_size=64,
            ppl_epsilon=epsilon,
            ppl_z_interp_mode="slerp_any",
            rng_seed=3,
            cuda=False,
            verbose=False,
            **options,
        )
        random = np.random.RandomState(3)
        return found, random.randn(count, len(matrix)), random.randn(count, len(matrix))

    return calculate


@pytest.mark.parametrize("count", [150, 300, 1001])
def test_outliers_are_those_of_torch_fidelity(torch_fidelity_path_length, count):
    no_limits = dict(ppl_discard_percentile_lower=None, ppl_discard_percentile_higher=None)
    theirs, everything = (
        torch_fidelity_path_length(_matrix(), count, 0.05, ppl_reduction="none", **limits)[0]
        for limits in ({}, no_limits)
    )
    kept = without_outliers(everything["perceptual_path_length_raw"])
    np.testing.assert_array_equal(kept, theirs["perceptual_path_length_raw"])
    assert len(kept) < count


def test_the_whole_equals_torch_fidelity_on_its_latents(torch_fidelity_path_length):
    theirs, starts, ends = torch_fidelity_path_length(_matrix(), 300, 0.05)
    starts, ends = starts.astype(np.float32), ends.astype(np.float32)
    found = without_outliers(path_distances(_linear(_matrix()), _itself, starts, ends, np.zeros(300), 0.05))
    # Theirs is in float32, and so is its step: 1e-7 / 0.05.
    assert np.mean(found) == pytest.approx(theirs["perceptual_path_length_mean"], rel=1e-5)
    assert np.std(found) == pytest.approx(theirs["perceptual_path_length_std"], rel=1e-5)


def test_the_value_grows_with_the_square_of_the_generators_slope():
    values = [perceptual_path_length(_linear(scale * _matrix()), SIZE, _itself, 200).value for scale in (1, 3)]
    assert values[1] == pytest.approx(9 * values[0], rel=1e-6)


def test_the_path_between_almost_parallel_latents_is_straight():
    a = np.array([[0.6, 0.8]], np.float32)
    b = np.nextafter(a, np.float32([[2, -2]]))  # float32 gives their angle as 0
    expected = 0.75 * a.astype(np.float64) + 0.25 * b
    np.testing.assert_allclose(slerp(a, b, np.array([[0.25]])), expected, rtol=1e-12)


def test_sudden_changes_cost_more_than_gradual_ones():
    # Pixels tanh(k x) / tanh(k), x ~ N(0, 1), move by k sech^2(k x) / tanh(k). Its mean square tends to 1 at small
    # k, and is about (4 / 3) k / sqrt(2 pi), that is 2.7, at k = 5, where the pixels lie closer together than x.
    linear = _linear(_matrix() / np.linalg.norm(_matrix(), axis=0))

    def generate(slope):
        return lambda latents: np.tanh(slope * linear(latents)) / np.tanh(slope)

    values = [perceptual_path_length(generate(slope), SIZE, _itself, 2000).value for slope in (0.05, 5)]
    assert values[1] / values[0] == pytest.approx(2.7, rel=0.2)


def test_the_value_does_not_depend_on_how_pairs_are_batched(monkeypatch):
    whole = perceptual_path_length(_linear(_matrix()), SIZE, _itself, 100)
    monkeypatch.setattr(path_length, "_BATCH", 7)
    assert perceptual_path_length(_linear(_matrix()), SIZE, _itself, 100).value == pytest.approx(whole.value, rel=1e-9)


def test_the_seed_alone_draws_the_paths():
    values = [perceptual_path_length(_linear(_matrix()), SIZE, _itself, 50, seed=seed).value for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


def _gan(dtype="float32"):
    generator = DCGANGenerator(28, 1, latent_dim=SIZE, width=16, dtype=dtype)
    gan = gk.GAN(generator, DCGANDiscriminator(28, 1, width=16))
    return lambda latents: gan.predict(latents, verbose=0)


@pytest.mark.thorough
def test_the_smallest_step_keeps_its_digits_through_a_gan_and_a_classifier():
    generate, network = _gan(), build_classifier((28, 28, 1), 10)
    values = [perceptual_path_length(generate, SIZE, network, 256, epsilon).value for epsilon in (1e-4, 1e-3)]
    assert values[0] == pytest.approx(values[1], rel=0.01)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "dtype, rounded",
    [
        ("mixed_bfloat16", lambda images: images),
        ("mixed_float16", lambda images: images),
        ("float32", lambda images: to_float(to_uint8(images))),
    ],
)
def test_a_step_that_drowns_in_rounding_is_refused(dtype, rounded):
    generate = _gan(dtype)
    with pytest.raises(ValueError, match="rounding.*epsilon=0.0001"):
        perceptual_path_length(lambda latents: rounded(generate(latents)), SIZE, _itself)


def test_a_generator_of_one_image_has_length_zero():
    assert perceptual_path_length(lambda latents: np.ones((len(latents), 2, 2, 3)), SIZE, _itself, 200).value == 0


def _extractor():
    return FeatureExtractor(_itself, "own")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"generate": lambda z: np.zeros((len(z), 2, 2, 3), np.uint8)}, "float32.*dtype=uint8"),
        ({"generate": lambda z: np.zeros((len(z), 2, 2, 3), np.float16)}, "dtype=float16"),
        ({"generate": lambda z: np.zeros((3, 2, 2, 3))}, r"128 latents.*shape=\(3, 2, 2, 3\)"),
        ({"extractor": lambda images: np.full((len(images), 4), np.nan)}, "512 values not finite"),
        ({"extractor": lambda images: images[:1]}, r"shape \(1, 2, 2, 3\)"),
        ({"extractor": _extractor()}, "extractor='own'"),
        ({"latent_dim": 1}, "latent_dim=1"),
        ({"num_pairs": 1}, "num_pairs=1"),
        ({"epsilon": 0}, "epsilon=0"),
        ({"epsilon": 0.02}, "epsilon=0.02"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(change, message):
    arguments = {"generate": _linear(_matrix()), "latent_dim": SIZE, "extractor": _itself, "num_pairs": 64} | change
    with pytest.raises(ValueError, match=message):
        perceptual_path_length(**arguments)
