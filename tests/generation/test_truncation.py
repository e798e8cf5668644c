"""Truncation from seeds, and standing statistics."""

import io
import zipfile

import tfgan_kit as gk
from tfgan_kit.generation.generative_model import GenerativeModel
from tfgan_kit.generation.sample import sample
from tfgan_kit.generation.seeds import image_seeds, labels_from_seeds, latents_from_seeds, uniforms_from_seeds
from tfgan_kit.generation.shards import write_shards
from tfgan_kit.generation.standing_statistics import standing_statistics
from tfgan_kit.generation.truncation import truncation_of

import keras
import numpy as np
import pytest
from PIL import Image

SEEDS = image_seeds(0, 5)


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(0)
    made = gk.networks.BigGANGenerator((8, 8, 1), latent_dim=4, width=2, num_classes=3, shared_dim=3, attention=())
    made([latents_from_seeds(SEEDS, 4), labels_from_seeds(SEEDS, 3)], training=True)
    return made


@pytest.fixture(scope="module")
def model(generator):
    return GenerativeModel.of(generator)


def test_images_are_those_of_the_truncated_latents(generator, model):
    psi = np.float32([0.3, 0.5, 0.7, 0.9, 1.1])
    latents = truncation_of(generator).latents(latents_from_seeds(SEEDS, 4), uniforms_from_seeds(SEEDS, 4), psi)
    assert (np.abs(latents) <= psi[:, None]).all()
    expected = sample(generator, latents, labels_from_seeds(SEEDS, 3))
    np.testing.assert_array_equal(model.generate(5, truncation_psi=psi), expected)


def test_a_row_depends_on_its_own_seed_and_psi_alone(model):
    psi = [0.3, 0.5, 0.7, 0.9, 1.1]
    every = model.generate(5, truncation_psi=psi)
    alone = [model.generate(seeds=[seed], truncation_psi=one)[0] for seed, one in zip(SEEDS, psi, strict=True)]
    np.testing.assert_array_equal(np.stack(alone), every)


def test_a_large_threshold_changes_nothing(model):
    np.testing.assert_array_equal(model.generate(5, truncation_psi=1e6), model.generate(5))


def test_numbers_beside_the_latents_are_uniform_and_independent_of_them():
    seeds = image_seeds(3, 400)
    uniforms, latents = uniforms_from_seeds(seeds, 50).numpy(), latents_from_seeds(seeds, 50).numpy()
    assert ((uniforms >= 0) & (uniforms < 1)).all()
    assert np.histogram(uniforms, 10, (0, 1))[0] == pytest.approx([2000] * 10, abs=170)  # 4 standard deviations
    assert abs(np.corrcoef(uniforms.ravel(), latents.ravel())[0, 1]) < 4 / np.sqrt(uniforms.size)


@pytest.mark.parametrize("psi", [0.0, -1.0, np.nan, [0.5, 0.5]])
def test_thresholds_that_are_not_positive_or_not_one_per_image_are_refused(model, psi):
    with pytest.raises(ValueError, match="must be positive, one number or one per image"):
        model.generate(5, truncation_psi=psi)


def test_families_without_truncation_refuse_it():
    other = GenerativeModel.of(gk.networks.DCGANGenerator(8, 1, latent_dim=4, width=2))
    with pytest.raises(ValueError, match="does not define truncation.*DCGANGenerator"):
        other.generate(2, truncation_psi=0.5)


def test_shards_are_truncated_and_not_mixed_with_others(model, tmp_path):
    write_shards(model, tmp_path, 3, truncation_psi=0.5)
    with zipfile.ZipFile(tmp_path / "shard-00000-of-00001.zip") as archive:
        names = [f"{label}/{seed}.png" for seed, label in zip(SEEDS[:3], model.labels_of(SEEDS[:3]), strict=True)]
        found = [np.array(Image.open(io.BytesIO(archive.read(name)))) for name in names]
    np.testing.assert_array_equal(np.stack(found)[..., None], model.generate(3, truncation_psi=0.5))
    with pytest.raises(ValueError, match="another truncation_psi"):
        write_shards(model, tmp_path, 3)


# Standing statistics


def copied(generator):
    copy = type(generator).from_config(generator.get_config())
    copy.set_weights(generator.get_weights())
    return copy


def direct(generator, num_batches, batch_size):
    """Means over batches of the mean and variance of what the first normalization sees."""
    before = keras.Model(generator.inputs, generator.get_layer("block0_0_bn1").input[0])
    means, variances = [], []
    for k in range(num_batches):
        seeds = image_seeds(5, num_batches * batch_size)[k * batch_size : (k + 1) * batch_size]
        x = before([latents_from_seeds(seeds, 4), labels_from_seeds(seeds, 3)], training=False).numpy()
        means.append(x.mean((0, 1, 2)))
        variances.append(x.var((0, 1, 2)))
    return np.mean(means, 0), np.mean(variances, 0)


@pytest.mark.parametrize("frozen", [True, False])  # an averaged generator is frozen
def test_standing_statistics_are_the_means_over_batches(generator, frozen):
    copy = copied(generator)
    expected = direct(copy, 3, 4)
    copy.trainable = not frozen
    standing_statistics(copy, num_batches=3, batch_size=4, seed=5)
    layer = copy.get_layer("block0_0_bn1").normalization
    np.testing.assert_allclose(layer.moving_mean, expected[0], atol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, expected[1], rtol=1e-4)
    assert layer.momentum == 0.9 and layer.trainable is copy.trainable
    for mine, theirs in zip(copy.weights, generator.weights, strict=True):
        if not mine.name.startswith("moving_"):
            np.testing.assert_array_equal(mine, theirs)


def test_standing_statistics_depend_on_the_seed_alone(generator):
    copy = copied(generator)
    found = []
    for _ in range(2):
        standing_statistics(copy, num_batches=2, batch_size=4, seed=1)
        found.append(copy.get_layer("last_normalization").moving_mean.numpy())
    np.testing.assert_array_equal(*found)


def test_a_generator_without_batch_normalization_has_no_statistics():
    with pytest.raises(ValueError, match="none of"):
        standing_statistics(gk.networks.MLPGenerator(latent_dim=4, width=4, depth=1))
