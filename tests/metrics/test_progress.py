"""Bars count images: what is asked of a measurement is how many a second."""

import importlib

from tfgan_kit import metrics

import numpy as np
import pytest
from tqdm import tqdm

_RANDOM = np.random.default_rng(0)
_A, _B = _RANDOM.normal(size=(2, 60, 3))
_LABELS = np.arange(60) % 2
_IMAGES = _RANDOM.integers(0, 256, (8, 14, 14, 1), np.uint8)


def _path_length():
    generate, extract = (lambda latents: np.tanh(latents).reshape(-1, 1, 4, 1)), (lambda images: images[:, 0, :, 0])
    return metrics.perceptual_path_length(generate, 4, extract, num_pairs=20)


def _extrapolation():
    return metrics.frechet_infinity(_A, metrics.gaussian_statistics(_B), num_sizes=3)


@pytest.mark.parametrize(
    "module, measure, expected",
    [
        ("metrics.measures.frechet", lambda: metrics.gaussian_statistics(_A), [60]),
        ("metrics.measures.frechet_error", lambda: metrics.frechet_standard_error(_A, _B), [120]),
        ("metrics.measures.intra_class_fid", lambda: metrics.intra_class_frechet(_A, _LABELS, _B, _LABELS), [120]),
        (
            "metrics.measures.fid_infinity",
            lambda: metrics.frechet_infinity(_A, metrics.gaussian_statistics(_B), num_sizes=3),
            [99],
        ),
        ("metrics.measures.kernel_distance", lambda: metrics.kernel_distance(_A, _B, 0, 2, 10), [40]),
        ("metrics.measures.kernel_distance", lambda: metrics.kernel_distance(_A, _B, 0, 100, 40), [60, 60, 60]),
        ("metrics.measures.ms_ssim", lambda: metrics.ms_ssim_diversity(_IMAGES), [8]),
        ("metrics.measures.path_length", _path_length, [40, 40, 40]),
        ("divergences.sliced", lambda: metrics.image_sliced_wasserstein(_IMAGES, _IMAGES[:5]), [8, 5, 13]),
    ],
)
def test_a_bar_ends_at_the_number_of_images(module, measure, expected, monkeypatch):
    bars = []

    class Recorded(tqdm):
        def close(self):
            if not self.disable:  # not closed yet
                bars.append((self.unit, self.total, pytest.approx(self.n)))
            super().close()

    monkeypatch.setattr(importlib.import_module(f"tfgan_kit.{module}"), "tqdm", Recorded)
    measure()
    assert bars == [("image", count, count) for count in expected]
