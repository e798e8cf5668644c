"""Packing: a discriminator that judges several samples together."""

import tfgan_kit as gk
from tfgan_kit.training import penalty_networks

import keras
import numpy as np
import pytest


def first_coordinates(size, packing):
    """D(pack) = 1 x_1 + 10 x_2 + ... of the packed points' first coordinates."""
    inner = keras.Sequential([keras.Input((packing * size,)), keras.layers.Dense(1, use_bias=False)])
    kernel = np.zeros((packing, size))
    kernel[:, 0] = 10.0 ** np.arange(packing)
    inner.set_weights([kernel.reshape(-1, 1)])
    return gk.networks.PackedDiscriminator(inner, packing)


def points(count):
    return np.stack([np.arange(count), np.full(count, 7.0)], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    "packing, count, expected",
    [
        (1, 3, [0, 1, 2]),
        (2, 4, [10, 10, 32, 32]),  # (0, 1) and (2, 3)
        (2, 3, [10, 10, 2]),  # the last pack is filled up with row 0
        (3, 1, [0]),
        (3, 6, [210, 210, 210, 543, 543, 543]),
    ],
)
def test_neighbours_are_judged_together_and_share_the_logit(packing, count, expected):
    found = first_coordinates(2, packing)(points(count))
    np.testing.assert_allclose(found[:, 0], expected)


def test_images_are_joined_along_their_channels():
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype(np.float32)
    inner = gk.networks.DCGANDiscriminator(8, channels=2, width=2, normalization=False)
    packed = gk.networks.PackedDiscriminator(inner, 2)
    joined = np.concatenate([images[0::2], images[1::2]], axis=-1)
    np.testing.assert_allclose(packed(images)[::2], inner(joined), atol=1e-6)


def test_mean_losses_are_means_over_packs():
    packed, batch = first_coordinates(2, 2), points(8)
    logits = packed(batch)
    loss = gk.objectives.NonSaturating().discriminator_loss
    np.testing.assert_allclose(loss(logits, -logits), loss(logits[::2], -logits[::2]), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.thorough
def test_packed_gan_trains_and_reloads(tmp_path):
    gan = gk.GAN(
        gk.networks.MLPGenerator(width=4), gk.networks.PackedDiscriminator(gk.networks.MLPDiscriminator(4, width=4), 2)
    )
    gan.compile("adam", "adam", penalties=[gk.penalties.R1()])
    gan.fit(np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32), batch_size=8, verbose=0)
    gan.save(tmp_path / "gan.keras")
    again = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(again.discriminator(points(5)), gan.discriminator(points(5)))


def test_a_pack_of_none_is_refused():
    with pytest.raises(ValueError, match="`packing` must be at least 1. Received: packing=0"):
        gk.networks.PackedDiscriminator(gk.networks.MLPDiscriminator(), 0)


def test_real_and_generated_images_never_share_a_pass():
    """In one batch of both, a pack at the border would hold some of each."""
    assert not penalty_networks.rows_are_independent(
        gk.networks.PackedDiscriminator(gk.networks.MLPDiscriminator(4, width=4), 2)
    )
    assert penalty_networks.rows_are_independent(gk.networks.MLPDiscriminator(4, width=4))
