import tfgan_kit as gk

import keras
import numpy as np
import pytest
import tensorflow as tf

GENERATOR, DISCRIMINATOR = gk.networks.StyleGAN2Generator, gk.networks.StyleGAN2Discriminator
SMALL = dict(latent_dim=5, w_dim=6, mapping_layers=2, channel_base=32, channel_max=8)
WIDTHS = dict(channel_base=32, channel_max=8)


def latents(count=4, dim=5):
    return tf.constant(np.random.default_rng(0).normal(size=(count, dim)), tf.float32)


def with_noise(generator):
    """Strengths of noise start at 0."""
    for layer in generator.synthesis.style_layers:
        layer.noise_strength.assign(0.5)
    return generator


@pytest.fixture(scope="module")
def generator():
    return with_noise(GENERATOR(8, **SMALL))


@pytest.fixture(scope="module")
def mixing():
    return with_noise(GENERATOR(16, style_mixing=0.5, **SMALL))


@pytest.mark.parametrize("num_classes", [None, 3])
@pytest.mark.parametrize("size", [8, 28, (16, 24), (12, 40)], ids=str)
@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
def test_every_base_times_a_power_of_two_is_a_size(architecture, size, num_classes):
    arguments = dict(channels=2, num_classes=num_classes, architecture=architecture)
    generator = GENERATOR(size, **arguments, **SMALL)
    discriminator = DISCRIMINATOR(size, **arguments, mapping_layers=1, **WIDTHS)
    labels = [tf.constant([0, 2])] if num_classes else []
    images = generator([latents(2), *labels] if labels else latents(2))
    assert images.shape == (2, *(size if isinstance(size, tuple) else (size, size)), 2)
    assert discriminator([images, *labels] if labels else images).shape == (2, 1)


@pytest.mark.parametrize(
    "network, arguments, count",
    [(GENERATOR, dict(image_size=256), 30_034_338), (DISCRIMINATOR, dict(image_size=256), 28_864_129)],
    ids=["generator", "discriminator"],
)
@pytest.mark.slow
def test_the_paper_s_networks_have_the_official_number_of_weights(network, arguments, count):
    made = network(**arguments)
    assert sum(int(np.prod(weight.shape)) for weight in made.trainable_weights) == count


def test_images_are_synthesis_of_mapping(generator):
    found = generator.synthesis(generator.mapping(latents()))
    np.testing.assert_array_equal(generator(latents()), found)


def test_a_label_changes_the_styles():
    generator = GENERATOR(8, num_classes=2, **SMALL)
    zeros, ones = (generator.mapping(latents(2), tf.fill([2], label)) for label in (0, 1))
    assert np.min(np.max(np.abs(zeros - ones), axis=(1, 2))) > 1e-3


# Truncation


def test_truncation_takes_the_first_styles_towards_their_mean(generator):
    generator.mapping.w_avg.assign(np.arange(6.0))
    w, average = generator.mapping(latents()).numpy(), np.arange(6.0)
    psi = np.array([0.0, 0.5, 1.0, -1.0], np.float32)
    expected = average + psi[:, None, None] * (w - average)
    np.testing.assert_allclose(generator.mapping(latents(), truncation_psi=psi), expected, atol=1e-5)
    first = generator.mapping(latents(), truncation_psi=psi, truncation_cutoff=1).numpy()
    np.testing.assert_allclose(first[:, :1], expected[:, :1], atol=1e-5)
    np.testing.assert_array_equal(first[:, 1:], w[:, 1:])
    np.testing.assert_array_equal(generator.mapping(latents(), truncation_psi=0.3, truncation_cutoff=0), w)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(truncation_psi=np.ones((4, 1))), r"one number, or one a row.* of shape \(4, 1\)"),
        (dict(truncation_psi=np.ones(3)), r"truncation_psi of shape \(3,\) for 4 rows"),
        (dict(truncation_cutoff=5), "from 0 to 4, or None.* Received: truncation_cutoff=5"),
        (dict(truncation_cutoff=-1), "truncation_cutoff=-1"),
        (dict(truncation_cutoff=0.5), "truncation_cutoff=0.5"),
        (dict(labels=tf.zeros(4, tf.int32)), "no classes takes latents and no labels"),
    ],
    ids=str,
)
def test_truncation_that_there_is_not_is_refused(arguments, message, generator):
    with pytest.raises(ValueError, match=message):
        generator.mapping(latents(), **arguments)


# Training


def test_the_mean_of_w_follows_the_first_latents_in_training_alone(mixing):
    mixing.mapping.w_avg.assign(np.zeros(6))
    mixing(latents())
    np.testing.assert_array_equal(mixing.mapping.w_avg, np.zeros(6))
    mixing(latents(), training=True)
    mean = np.mean(mixing.mapping(latents())[:, 0], axis=0)
    np.testing.assert_allclose(mixing.mapping.w_avg, 0.005 * mean, rtol=1e-3)


@pytest.mark.thorough
def test_two_replicas_move_the_mean_of_w_by_all_rows(two):
    """Three rows on one, one on the other: not the mean of the two means."""
    rows = latents().numpy()
    with two.scope():
        generator = GENERATOR(8, **SMALL)
    parts = two.experimental_distribute_values_from_function(
        lambda context: rows[:3] if context.replica_id_in_sync_group == 0 else rows[3:]
    )
    two.run(tf.function(lambda z: generator(z, training=True)), args=(parts,))
    mean = np.mean(generator.mapping(latents())[:, 0], axis=0)
    for average in two.experimental_local_results(generator.mapping.w_avg.value):
        np.testing.assert_allclose(average, 0.005 * mean, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("training", [False, True])
def test_a_row_does_not_depend_on_its_batch(training, mixing):
    whole = mixing(latents(), training=training)
    np.testing.assert_allclose(mixing(latents()[2:3], training=training), whole[2:3], atol=1e-4)


def test_half_of_the_rows_have_the_styles_of_other_latents_from_a_style_on(mixing):
    """Of 200 rows 60 to 140 are mixed, within five standard deviations; every cutoff occurs."""
    z = latents(200)
    ws = mixing.mapping(z)
    mixed = mixing.mixed(ws, None, mixing.noise_seeds_of(z)).numpy()
    own = np.all(mixed == ws.numpy(), axis=2)  # (N, num_ws)
    assert np.all(own[:, :-1] >= own[:, 1:])
    cutoffs = own.sum(axis=1)
    assert 60 <= np.sum(cutoffs < 6) <= 140
    assert set(cutoffs) == {1, 2, 3, 4, 5, 6}
    for row in np.flatnonzero(cutoffs < 5)[:10]:  # the others are one w
        assert len(np.unique(mixed[row, cutoffs[row] :], axis=0)) == 1


def test_styles_that_are_never_mixed_are_those_of_the_mapping(generator):
    """Without mixing, a training pass differs by its noise alone."""
    found = generator(latents(), training=True)
    seeds = generator.noise_seeds_of(latents())
    expected = generator.synthesis(generator.mapping(latents()), noise_mode="random", noise_seeds=seeds)
    np.testing.assert_allclose(found, expected, atol=1e-5)


# Noise


def test_noise_is_constant_none_or_drawn_from_seeds(generator):
    ws = generator.mapping(latents())
    seeds = tf.constant([1, 2, 3, 4], tf.int64)
    images = {mode: generator.synthesis(ws, noise_mode=mode, noise_seeds=seeds) for mode in ("const", "none", "random")}
    again = generator.synthesis(ws, noise_mode="random", noise_seeds=seeds[::-1])
    answers = [*images.values(), again, generator.synthesis(ws, noise_mode="random")]
    for k, first in enumerate(answers):
        for second in answers[k + 1 :]:
            assert np.max(np.abs(first - second)) > 1e-3
    repeated = generator.synthesis(ws, noise_mode="random")
    np.testing.assert_array_equal(repeated, answers[-1])


def test_without_a_strength_no_noise_changes_an_image():
    generator = GENERATOR(8, **SMALL)
    ws = generator.mapping(latents())
    expected = generator.synthesis(ws, noise_mode="none")
    for mode in ("const", "random"):
        np.testing.assert_allclose(generator.synthesis(ws, noise_mode=mode), expected, atol=1e-6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(noise_mode="loud"), "`noise_mode` is one of const, none, random. Received: noise_mode='loud'"),
        (dict(ws=tf.zeros((2, 5, 6))), r"ws of shape \(N, 4, 6\). Received: ws of shape \(2, 5, 6\)"),
        (dict(ws=tf.zeros((2, 6))), r"ws of shape \(2, 6\)"),
        (dict(noise_mode="random", noise_seeds=tf.zeros((2, 2), tf.int64)), r"Received: noise_seeds of shape \(2, 2\)"),
    ],
    ids=str,
)
def test_what_is_no_style_or_noise_is_refused(arguments, message, generator):
    with pytest.raises(ValueError, match=message):
        generator.synthesis(**{"ws": tf.zeros((2, 4, 6)), **arguments})


# Discriminator


@pytest.mark.parametrize("channels, independent", [(0, True), (1, False)])
def test_rows_of_a_discriminator_depend_on_each_other_by_the_minibatch_deviation_alone(channels, independent):
    discriminator = DISCRIMINATOR(8, mbstd_channels=channels, **WIDTHS)
    images = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 3)).astype(np.float32)
    difference = np.max(np.abs(discriminator(images)[:1] - discriminator(images[:1])))
    assert (difference < 1e-5) == independent
    assert gk.training.penalty_networks.rows_are_independent(discriminator) == independent


@pytest.mark.parametrize(
    "architecture, count, names",
    [
        ("resnet", 3, ["level2_conv0", "level2_conv1", "level2_from_images"]),
        ("resnet", 5, ["level1_conv0", "level2_conv0", "level2_conv1", "level2_from_images", "level2_skip"]),
        ("skip", 4, ["level1_from_images", "level2_conv0", "level2_conv1", "level2_from_images"]),
        ("orig", 0, []),
    ],
)
def test_the_first_layers_are_frozen(architecture, count, names, tmp_path):
    discriminator = DISCRIMINATOR(16, architecture=architecture, frozen_layers=count, **WIDTHS)
    assert sorted(layer.name for layer in discriminator.layers if layer.weights and not layer.trainable) == names
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(discriminator))
    assert len(copy.trainable_weights) == len(discriminator.trainable_weights)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_is_for_the_finest_levels_and_close(policy):
    whole = GENERATOR(16, conv_clamp=256, **SMALL)
    half = GENERATOR(16, conv_clamp=256, dtype=policy, **SMALL)
    half.set_weights(whole.get_weights())
    precisions = {name: layer.compute_dtype for name, layer in half.synthesis.layers_by_name.items()}
    assert precisions["level0_conv1"] == "float32"
    assert precisions["level1_conv0"] == policy.removeprefix("mixed_")
    expected = whole(latents()).numpy()
    np.testing.assert_allclose(half(latents()), expected, atol=0.1 * np.abs(expected).max())


# Arguments


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(image_size=4), r"base times the same power of two.* Received: image_size=4"),
        (dict(image_size=18), "image_size=18"),
        (dict(image_size=(16, 22)), r"Received: image_size=\(16, 22\)"),
        (dict(image_size=16.5), "image_size=16.5"),
        (dict(image_size=None), "image_size=None"),
        (dict(image_size=(8, 8, 3)), r"image_size=\(8, 8, 3\)"),
        (dict(channels=0), "channels=0"),
        (dict(num_classes=0), "num_classes=0"),
        (dict(mapping_layers=-1), "mapping_layers=-1"),
        (dict(channel_base=4), "must be at least 8 at this size.* Received: channel_base=4, image_size=8"),
        (dict(architecture="deep"), "one of skip, resnet, orig. Received: architecture='deep'"),
        (dict(conv_clamp=0), "positive number, or None. Received: conv_clamp=0"),
        (dict(resampling_filter=[1]), "at least 2 numbers .* Received: filter="),
    ],
    ids=str,
)
@pytest.mark.parametrize("network", [GENERATOR, DISCRIMINATOR])
def test_arguments_that_no_network_has_are_refused(network, arguments, message):
    with pytest.raises(ValueError, match=message):
        network(**{"image_size": 8, **WIDTHS, **arguments})


@pytest.mark.parametrize(
    "network, arguments, message",
    [
        (GENERATOR, dict(latent_dim=0), "latent_dim=0"),
        (GENERATOR, dict(w_dim=0), "w_dim=0"),
        (GENERATOR, dict(mapping_layers=0), "mapping_layers=0"),
        (GENERATOR, dict(noise_mode="loud"), "noise_mode='loud'"),
        (GENERATOR, dict(style_mixing=1.5), "a probability, from 0 to 1. Received: style_mixing=1.5"),
        (GENERATOR, dict(w_avg_decay=1.0), "w_avg_decay=1.0"),
        (DISCRIMINATOR, dict(mbstd_group=0), "mbstd_group=0"),
        (DISCRIMINATOR, dict(mbstd_channels=3), "channels=3"),
        (DISCRIMINATOR, dict(mbstd_channels=-1), "mbstd_channels=-1"),
        (DISCRIMINATOR, dict(cmap_dim=4), "give `num_classes`.* Received: cmap_dim=4"),
        (DISCRIMINATOR, dict(frozen_layers=5), "from 0 to the 4 layers above the base. Received: frozen_layers=5"),
    ],
    ids=str,
)
def test_arguments_of_one_network_that_it_does_not_have_are_refused(network, arguments, message):
    with pytest.raises(ValueError, match=message):
        network(**{"image_size": 8, **WIDTHS, **arguments})


@pytest.mark.parametrize("num_classes, inputs", [(None, 2), (3, 1)])
@pytest.mark.parametrize("network", [GENERATOR, DISCRIMINATOR])
def test_labels_are_given_to_networks_of_classes_alone(network, num_classes, inputs):
    made = network(8, num_classes=num_classes, **(SMALL if network is GENERATOR else WIDTHS))
    x = latents(2) if network is GENERATOR else tf.zeros((2, 8, 8, 3))
    with pytest.raises(ValueError, match="labels|2 input"):
        made([x, tf.zeros(2, tf.int32)] if inputs == 2 else x)
