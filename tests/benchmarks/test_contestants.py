"""Each recipe trains and hands over images; the frozen networks are those of their sources."""

from tfgan_kit import data, metrics
from tfgan_kit.metrics.features import domain_training

import numpy as np
import pytest

from benchmarks.baselines import keras_guide_recipe
from benchmarks.quality.contestant import MAIN, RECIPES, load
from benchmarks.quality.scorer import Scorer
from tests.twins import twins

QUICK = ("guide", "preset", "conditional", "guide_networks", "guide_step", "bfloat16")


def recipes():
    """All but PyTorch's, which needs a Python of its own; variants of one attribute are slow tests."""
    for name in sorted(RECIPES.keys() - {"pytorch"}):
        yield pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)


def arrays(name):
    shape = (64, 64, 3) if name.startswith("emoji") else (28, 28, 1)
    images = np.random.default_rng(0).integers(0, 256, (256, *shape), np.uint8)
    return images, (np.arange(256) % 10).astype(np.int32)


def test_the_headline_compares_unconditional_ones():
    assert set(MAIN) <= RECIPES.keys() and "conditional" not in MAIN
    assert load("preset").num_classes is None and load("conditional").num_classes == 10


@pytest.mark.thorough
@twins("name", list(recipes()))
def test_a_recipe_trains_and_hands_over_uint8_images(name):
    recipe = load(name)(*arrays(name), seed=0)
    before = recipe.sample(10, seed=1)
    np.testing.assert_array_equal(before, recipe.sample(10, seed=1))
    for _ in range(2):
        recipe.step()
    images = recipe.sample(10, seed=1)
    assert (images.dtype, images.shape) == (np.uint8, (10, *arrays(name)[0].shape[1:]))
    assert not np.array_equal(before, images)


def test_the_guides_networks_have_its_weights():
    # Layer by layer from keras-io: kernels plus biases.
    generator = 128 * 6272 + 6272 + 2 * (4 * 4 * 128 * 128 + 128) + 7 * 7 * 128 + 1
    discriminator = 3 * 3 * 64 + 64 + 3 * 3 * 64 * 128 + 128 + 128 + 1
    assert keras_guide_recipe.make_generator().count_params() == generator
    assert keras_guide_recipe.make_discriminator().count_params() == discriminator


@pytest.mark.thorough
def test_the_score_is_what_evaluate_calls_fd_domain(monkeypatch, tmp_path):
    monkeypatch.setenv("TFGAN_KIT_CACHE", str(tmp_path))
    monkeypatch.setattr(domain_training, "STEPS", 3)
    random = np.random.default_rng(0)
    source = data.ArraySource("noise", random.integers(0, 256, (600, 8, 8, 1), np.uint8), np.arange(600) % 3)
    images = random.integers(0, 256, (120, 8, 8, 1), np.uint8)
    scorer = Scorer(source, ["fd_domain"], seed=3, num_images=120)
    (expected,) = metrics.evaluate(
        lambda start, count, labels: images[np.arange(start, start + count) % 2**32],
        source,
        ["fd_domain"],
        num_images=120,
        seed=3,
    )
    assert scorer(images) == {"fd_domain": pytest.approx(expected["value"], rel=1e-6)}
    assert scorer.floors == {"fd_domain": pytest.approx(expected["floor"], rel=1e-6)}
