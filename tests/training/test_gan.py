"""The GAN as a Keras model: fit, average, generate, evaluate, save, and what it refuses."""

import tfgan_kit as gk
from tfgan_kit.generation.seeds import latents_from_seeds

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import (
    IMAGE_SHAPE,
    LATENT_DIM,
    NUM_CLASSES,
    dense_discriminator,
    dense_generator,
    put_back,
    state_of,
)
from tests.twins import twins

RICH = dict(
    objective="hinge",
    penalties=[gk.penalties.R1(gamma=0.1, interval=2), gk.penalties.GradientPenalty(weight=0.1)],
    update=gk.updates.Alternating(2, 1),
)


# The average


@pytest.mark.thorough
@twins("decay", [0.3, 0.999])  # the ramp decides the first 2 steps, and all 6
def test_average_follows_its_formula_with_ramp_up(decay, make_gan, dataset):
    """a <- a + (1 - min(decay, (1 + t) / (10 + t))) (w - a), statistics of BatchNorm included."""
    gan = make_gan(ema_decay=decay)
    expected, history = gan.generator.get_weights(), []
    remember = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: history.append(gan.generator.get_weights())
    )
    gan.fit(dataset, epochs=2, callbacks=[remember], verbose=0)
    for t, weights in enumerate(history, start=1):
        keep = min(decay, (1 + t) / (10 + t))
        expected = [keep * a + (1 - keep) * w for a, w in zip(expected, weights, strict=True)]
    assert len(history) == 6
    for found, value in zip(gan.ema_generator.get_weights(), expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-6)
    moved = [not np.array_equal(a, b) for a, b in zip(history[0], history[-1], strict=True)]
    assert all(moved)


@pytest.mark.thorough
def test_decay_zero_generates_from_the_weights_themselves(make_gan, dataset):
    gan = make_gan(ema_decay=0.0, run_eagerly=True)
    gan.fit(dataset, verbose=0)
    latents = np.ones((2, LATENT_DIM), np.float32)
    expected = gan.generator(latents, training=False)
    np.testing.assert_allclose(gan.predict(latents, verbose=0), expected, rtol=1e-5, atol=1e-6)


# fit


@pytest.mark.thorough
def test_a_whole_fit_traces_once(monkeypatch, make_gan, dataset):
    traces, train_step = [], gk.GAN.train_step

    def counted(self, data):
        traces.append(1)
        return train_step(self, data)

    monkeypatch.setattr(gk.GAN, "train_step", counted)
    gan = make_gan(**RICH)
    gan.fit(dataset, epochs=3, verbose=0)
    gan.fit(dataset, epochs=1, verbose=0)
    assert len(traces) == 1


@pytest.mark.thorough
@twins("arguments", [{}, RICH], ids=["plain", "rich"])
def test_two_fits_equal_one(arguments, make_gan, weights_of, dataset):
    gan = make_gan(**arguments)
    start = state_of(gan)
    gan.fit(dataset, epochs=3, verbose=0)
    expected = weights_of(gan)
    put_back(start)
    gan.fit(dataset, epochs=1, verbose=0)
    gan.fit(dataset, epochs=2, verbose=0)
    np.testing.assert_array_equal(weights_of(gan), expected)


@pytest.mark.thorough
@twins("arguments", [RICH, {}, {"ema_decay": 0.0}], ids=["rich", "plain", "0"])
def test_training_on_from_a_file_equals_an_uninterrupted_run(arguments, make_gan, dataset, check_resume):
    check_resume(lambda: make_gan(**arguments), dataset)


@pytest.mark.thorough
def test_file_holds_the_rules_of_the_game(make_gan, tmp_path):
    gan = make_gan(ema_decay=0.5, seed=9, **RICH)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.get_compile_config() == gan.get_compile_config()
    assert (loaded.ema_decay, loaded.seed, type(loaded.objective)) == (0.5, 9, gk.objectives.Hinge)


@pytest.mark.thorough
def test_uint8_and_float_images_train_alike(make_gan, weights_of, uint8_images):
    sgd = dict(generator_optimizer="sgd", discriminator_optimizer="sgd", run_eagerly=True)  # Adam enlarges rounding
    ints, floats = make_gan(**sgd), make_gan(**sgd)
    ints.fit(uint8_images, batch_size=12, shuffle=False, verbose=0)
    as_float = gk.pixels.to_float(uint8_images).numpy()
    floats.fit(as_float, batch_size=12, shuffle=False, verbose=0)
    np.testing.assert_allclose(weights_of(ints), weights_of(floats), rtol=1e-4, atol=1e-6)


@pytest.mark.thorough
def test_seed_decides_the_training(make_gan, weights_of, dataset):
    first, again, other = (make_gan(seed=seed, run_eagerly=True) for seed in (1, 1, 2))
    for gan in (first, again, other):
        gan.fit(dataset, steps_per_epoch=1, verbose=0)
    np.testing.assert_array_equal(weights_of(first), weights_of(again))
    assert not np.array_equal(weights_of(first), weights_of(other))


@pytest.mark.thorough
@pytest.mark.parametrize("arguments", [{"steps_per_execution": 3}, {"run_eagerly": True}], ids=["three", "eager"])
def test_execution_mode_does_not_change_the_training(arguments, make_gan, reused_gan, weights_of, dataset):
    plain, other = reused_gan(), make_gan(**arguments)
    plain.fit(dataset, verbose=0)
    other.fit(dataset, verbose=0)
    np.testing.assert_allclose(weights_of(other), weights_of(plain), rtol=1e-4, atol=1e-4)


@pytest.mark.thorough
@twins("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_and_resumes(policy, weights_of, dataset, tmp_path):
    generator = gk.networks.DCGANGenerator(8, 1, 4, 2, dtype=policy)
    gan = gk.GAN(generator, gk.networks.DCGANDiscriminator(8, 1, 2, dtype=policy))
    gan.compile("adam", "adam", penalties=[gk.penalties.R1(gamma=0.1)])
    images = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), np.uint8)
    history = gan.fit(images, batch_size=8, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    scaled = isinstance(gan.generator_optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(weights_of(loaded), weights_of(gan))
    np.testing.assert_array_equal(loaded.generate(3), gan.generate(3))


@pytest.mark.thorough
def test_validation_data_adds_its_losses(reused_gan, dataset, uint8_images):
    history = reused_gan().fit(dataset, validation_data=(uint8_images, None), verbose=0).history
    assert {"val_d_loss", "val_g_loss", "val_real_score", "val_fake_score"} <= set(history)


@pytest.mark.thorough
def test_endless_validation_data_is_read_for_one_epoch(reused_gan, dataset):
    gan = reused_gan()
    history = gan.fit(dataset, epochs=2, validation_data=dataset, verbose=0).history
    scores = gan.evaluate(dataset, verbose=0, return_dict=True)
    assert {f"val_{name}": history[f"val_{name}"][-1] for name in scores} == {
        f"val_{name}": pytest.approx(score, rel=1e-5) for name, score in scores.items()
    }


@pytest.mark.thorough
def test_validation_split_works(reused_gan, uint8_images):
    history = reused_gan().fit(uint8_images, validation_split=0.25, verbose=0).history
    assert np.isfinite(history["val_d_loss"]).all()


def test_summary_counts_both_players(make_gan):
    gan, lines = make_gan(), []
    gan.summary(print_fn=lines.append)
    assert "Trainable params" in "".join(lines)
    trained = gan.generator.trainable_variables + gan.discriminator.trainable_variables
    assert len(gan.trainable_variables) == len(trained)


# evaluate


@pytest.mark.thorough
def test_evaluate_changes_nothing_and_repeats(make_gan, weights_of, uint8_images):
    gan = make_gan(penalties=[gk.penalties.R1()])
    before = weights_of(gan)
    first = gan.evaluate(uint8_images, batch_size=8, verbose=0, return_dict=True)
    again = gan.evaluate(uint8_images, batch_size=8, verbose=0, return_dict=True)
    assert first == again
    np.testing.assert_array_equal(weights_of(gan), before)


@pytest.mark.thorough
def test_evaluate_takes_keras_s_positional_arguments(reused_gan, uint8_images, capsys):
    gan = reused_gan()
    gan.evaluate(uint8_images, None, 8, 0)
    assert capsys.readouterr().out == ""
    gan.evaluate(uint8_images, None, 8, 2)
    assert "3/3" in capsys.readouterr().out


@pytest.mark.thorough
def test_evaluate_is_the_objective_on_networks_in_inference_mode(make_gan, uint8_images):
    gan = make_gan(objective="wasserstein")
    found = gan.evaluate(uint8_images, batch_size=8, verbose=0, return_dict=True)
    real = gan.discriminator(gk.pixels.to_float(uint8_images), training=False)
    assert found["real_score"] == pytest.approx(float(np.mean(real)), rel=1e-4, abs=1e-6)
    expected = found["fake_score"] - found["real_score"]
    assert found["d_loss"] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert found["g_loss"] == pytest.approx(-found["fake_score"], rel=1e-4)


# The divergence that is minimised


@pytest.mark.thorough
@twins(
    "objective, bound",
    [
        ("non_saturating", lambda d_loss: (np.log(4) - d_loss) / 2),
        ("fgan_kl", lambda d_loss: -d_loss),
        (gk.objectives.PerPlayer(gk.objectives.Hinge(), gk.objectives.Wasserstein()), lambda d_loss: 1 - d_loss / 2),
    ],
    quick=2,
)
def test_training_and_evaluation_log_the_divergence_that_is_reached(objective, bound, make_gan, uint8_images):
    gan = make_gan(objective=objective, update=gk.updates.Alternating(2), run_eagerly=True)
    found = gan.fit(uint8_images, batch_size=12, verbose=0).history
    np.testing.assert_allclose(found["divergence_bound"], bound(np.array(found["d_loss"])), atol=1e-5)
    found = gan.evaluate(uint8_images, verbose=0, return_dict=True)
    assert found["divergence_bound"] == pytest.approx(bound(found["d_loss"]), abs=1e-5)


@keras.saving.register_keras_serializable("test_gan")
class Boundless(gk.objectives.Objective):
    """An objective of a user's own, without a divergence."""

    def discriminator_loss(self, real_logits, fake_logits):
        return -keras.ops.mean(real_logits)

    def generator_loss(self, real_logits, fake_logits):
        return -keras.ops.mean(fake_logits)


@pytest.mark.thorough
def test_objective_without_a_divergence_logs_none(make_gan, uint8_images):
    found = make_gan(objective=Boundless(), run_eagerly=True).fit(uint8_images, verbose=0).history
    assert "divergence_bound" not in found


def test_rows_that_meet_in_a_loss_are_refused_where_a_part_sees_some(make_gan):
    update = gk.updates.Alternating(gradient_accumulation_steps=2)
    with pytest.raises(ValueError, match="average of the whole batch.*gradient_accumulation_steps=2"):
        make_gan(objective="relativistic_average", update=update)


# generate


@pytest.mark.thorough
@pytest.mark.parametrize("count", [1, 2, 3, 7, 65])
@pytest.mark.parametrize("conditional", [False, True])
def test_an_image_does_not_depend_on_its_batch(count, conditional, reused_gan):
    gan = reused_gan(conditional)
    whole = gan.generate(count, seed=5)
    names = gk.image_seeds(5, count)
    alone = np.concatenate([gan.generate(seeds=names[k : k + 1]) for k in range(count)])
    np.testing.assert_array_equal(whole, alone)


@pytest.fixture(scope="module")
def convolutional_gan():
    return gk.GAN(gk.networks.DCGANGenerator(28, 1, 16, 8), gk.networks.DCGANDiscriminator(28, 1, 2))


@pytest.mark.thorough
@pytest.mark.parametrize("count", [3, 5, 9])
def test_a_convolutional_image_does_not_depend_on_its_batch(count, convolutional_gan):
    """oneDNN takes another algorithm for odd batches from 3 on (DESIGN.md, randomness)."""
    gan = convolutional_gan
    whole = gan.generate(count, seed=5)
    names = gk.image_seeds(5, count)
    alone = np.concatenate([gan.generate(seeds=[name]) for name in names])
    np.testing.assert_array_equal(whole, alone)


def test_image_names_are_seed_times_two_to_the_32_plus_k():
    found = gk.image_seeds(-3, 4, start=2)
    assert found.dtype == np.int64
    assert found.tolist() == [-3 * 2**32 + k for k in (2, 3, 4, 5)]


@pytest.mark.parametrize("seed", [-(2**31), 2**31 - 1])
def test_image_names_of_the_outermost_seeds_fit(seed):
    assert gk.image_seeds(seed, 1, start=2**32 - 1).tolist() == [seed * 2**32 + 2**32 - 1]


def test_different_seeds_give_different_images(reused_gan):
    images = reused_gan().generate(8, seed=0)
    assert len(np.unique(images.reshape(8, -1), axis=0)) == 8
    assert images.dtype == np.uint8 and images.shape == (8, *IMAGE_SHAPE)


@pytest.mark.thorough
def test_predict_and_generate_agree(reused_gan, dataset):
    gan = reused_gan()
    gan.fit(dataset, verbose=0)
    seeds = gk.image_seeds(0, 6)
    latents = latents_from_seeds(seeds, LATENT_DIM).numpy()
    images = gk.pixels.to_uint8(gan.predict(latents, verbose=0)).numpy()
    np.testing.assert_array_equal(images, gan.generate(6))
    np.testing.assert_allclose(gan.predict(latents, verbose=0), gan(latents), atol=1e-6)


def test_latents_of_names_are_standard_normal():
    latents = latents_from_seeds(gk.image_seeds(0, 2000), 4).numpy()
    assert np.mean(latents) == pytest.approx(0.0, abs=4 / np.sqrt(8000))
    assert np.std(latents) == pytest.approx(1.0, abs=4 / np.sqrt(2 * 8000))
    assert abs(np.corrcoef(latents.T)[0, 1]) < 4 / np.sqrt(2000)


def test_labels_of_names_are_uniform_and_those_that_generate_draws(reused_gan):
    gan, seeds = reused_gan(conditional=True), gk.image_seeds(0, 900)
    labels = gan.labels_of(seeds)
    counts = np.bincount(labels, minlength=NUM_CLASSES)
    assert labels.dtype == np.int32 and len(counts) == NUM_CLASSES
    # chi-squared with 2 degrees of freedom: above 13.8 with probability 0.001
    assert np.sum((counts - 300) ** 2 / 300) < 13.8
    np.testing.assert_array_equal(gan.generate(seeds=seeds[:5]), gan.generate(seeds=seeds[:5], labels=labels[:5]))


def test_one_label_is_the_label_of_every_image(reused_gan):
    gan = reused_gan(conditional=True)
    np.testing.assert_array_equal(gan.generate(3, labels=2), gan.generate(labels=[2, 2, 2]))
    assert not np.array_equal(gan.generate(3, labels=2), gan.generate(3, labels=1))


def test_unconditional_names_have_no_labels(reused_gan):
    assert reused_gan().labels_of(gk.image_seeds(0, 2)) is None


# The user's own networks


def sequential_networks():
    generator = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Reshape(IMAGE_SHAPE)]
    )
    discriminator = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    return generator, discriminator


@pytest.mark.thorough
def test_plain_sequential_networks_work_and_survive_their_file(dataset, weights_of, tmp_path):
    gan = gk.GAN(*sequential_networks())
    gan.compile()
    gan.fit(dataset, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.generate(4), gan.generate(4))
    gan.fit(dataset, verbose=0), loaded.fit(dataset, verbose=0)
    np.testing.assert_array_equal(weights_of(loaded), weights_of(gan))


@keras.saving.register_keras_serializable("test_gan")
class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(16, activation="tanh")

    def call(self, latents):
        return keras.ops.reshape(self.dense(latents), (-1, *IMAGE_SHAPE))


@pytest.mark.thorough
def test_subclassed_generator_works_and_survives_its_file(dataset, tmp_path):
    gan = gk.GAN(Subclassed(), dense_discriminator(), latent_dim=5)
    gan.compile()
    gan.fit(dataset, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.generate(4), gan.generate(4))


@pytest.mark.thorough
def test_conditional_functional_networks_of_a_user_train(reused_gan, uint8_images, labels):
    gan = reused_gan(conditional=True)
    history = gan.fit(uint8_images, labels.astype(np.int64), batch_size=8, verbose=0).history
    assert np.isfinite(list(history.values())).all()


# Refused: networks


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2.0])
def test_decay_outside_its_range_is_refused(decay):
    with pytest.raises(ValueError, match=rf"`ema_decay` must be in \[0, 1\).*ema_decay={decay}"):
        gk.GAN(dense_generator(), dense_discriminator(), ema_decay=decay)


@pytest.mark.parametrize("seed", [2**31, -(2**31) - 1, 0.5, "0"])
def test_seed_outside_its_range_is_refused(seed):
    with pytest.raises(ValueError, match=rf"Received: seed={seed!r}"):
        gk.GAN(dense_generator(), dense_discriminator(), seed=seed)


def dcgan(size=8, channels=1, num_classes=None):
    return gk.networks.DCGANDiscriminator(size, channels, 2, num_classes=num_classes)


@pytest.mark.parametrize(
    "discriminator", [dcgan(16), dcgan(8, 3), dcgan(8, num_classes=3)], ids=["size", "channels", "conditional"]
)
def test_discriminator_that_does_not_fit_is_refused(discriminator):
    with pytest.raises(ValueError, match="give both the same image size, channels and num_cl"):
        gk.GAN(gk.networks.DCGANGenerator(8, 1, 4, 2), discriminator)


def test_networks_of_different_classes_are_refused():
    with pytest.raises(ValueError, match="generator 3, discriminator 5"):
        gk.GAN(gk.networks.DCGANGenerator(8, 1, 4, 2, num_classes=3), dcgan(num_classes=5))


def test_discriminator_with_more_than_one_logit_is_refused():
    wide = keras.Sequential([keras.Input(IMAGE_SHAPE), keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"one logit per row.*\(1, 2\)"):
        gk.GAN(dense_generator(), wide)


def test_generator_that_makes_no_images_is_refused():
    scalar = keras.Sequential([keras.Input((3,)), keras.layers.Reshape((3, 1))])
    with pytest.raises(ValueError, match=r"to images \(N, H, W, C\) or points"):
        gk.GAN(scalar, dense_discriminator())


def test_conditional_generator_of_unknown_classes_is_refused():
    with pytest.raises(ValueError, match="and `num_classes` if it is conditional"):
        gk.GAN(dense_generator(conditional=True), dense_discriminator(conditional=True))


def test_generator_of_unknown_latents_is_refused():
    with pytest.raises(ValueError, match="give `latent_dim` to GAN"):
        gk.GAN(Subclassed(), dense_discriminator())


@pytest.mark.parametrize("arguments", [{"latent_dim": 0}, {"num_classes": 0}], ids=str)
def test_sizes_below_one_are_refused(arguments):
    with pytest.raises(ValueError, match="must be at least 1"):
        gk.GAN(dense_generator(), dense_discriminator(), **arguments)


# Refused: the rules


def test_one_optimizer_for_both_players_is_refused(make_gan):
    optimizer = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="an optimizer each"):
        make_gan(generator_optimizer=optimizer, discriminator_optimizer=optimizer)


def test_an_optimizer_for_one_player_is_copied_for_the_other():
    optimizer = keras.optimizers.AdamW(1e-5, weight_decay=0.1, clipnorm=2.0)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    for given in ("generator_optimizer", "discriminator_optimizer"):
        gan = gk.GAN(dense_generator(), dense_discriminator())
        gan.compile(**{given: type(optimizer).from_config(optimizer.get_config())})
        players = gan.generator_optimizer, gan.discriminator_optimizer
        assert [float(player.learning_rate) for player in players] == [np.float32(1e-5)] * 2
        assert [player.clipnorm for player in players] == [2.0, 2.0]
    gan.compile(optimizer)
    left_out = gan.get_compile_config()["left_out_of_weight_decay"]
    for places, network in zip(left_out, (gan.generator, gan.discriminator), strict=True):
        names = [weight.name for weight in network.trainable_variables]
        assert places == [k for k, name in enumerate(names) if "bias" in name] != []
    gan.compile("sgd")
    assert isinstance(gan.discriminator_optimizer, keras.optimizers.SGD)


@pytest.mark.parametrize("player", ["generator_optimizer", "discriminator_optimizer"])
@pytest.mark.parametrize("optimizer", ["adamm", 3])
def test_unknown_optimizer_is_refused(player, optimizer, make_gan):
    with pytest.raises(ValueError, match=f"`{player}` must be .*{player}={optimizer!r}"):
        make_gan(**{player: optimizer})


def test_unknown_objective_lists_the_known(make_gan):
    with pytest.raises(ValueError, match="known are non_saturating.*Received: objective='wgan'"):
        make_gan(objective="wgan")


def test_two_penalties_of_one_name_are_refused(make_gan):
    with pytest.raises(ValueError, match="a unique name"):
        make_gan(penalties=[gk.penalties.R1(), gk.penalties.R1(gamma=1.0)])


@pytest.mark.parametrize("penalties", [["r1"], "r1", [gk.penalties.R1], None], ids=str)
def test_what_is_no_penalty_is_refused(penalties, make_gan):
    with pytest.raises(TypeError, match="instances of tfgan_kit.penalties.Penalty"):
        make_gan(penalties=penalties)


def test_what_is_no_update_is_refused(make_gan):
    with pytest.raises(TypeError, match="an instance of tfgan_kit.updates.Update.*update='alternating'"):
        make_gan(update="alternating")


# Refused: data


def with_shape(*shape, dtype=np.uint8):
    return np.full(shape, 9 if dtype == np.uint8 else -1, dtype)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "images, message",
    [
        (with_shape(8, 5, 4, 1), r"images of shape \(4, 4, 1\).*Received.*\(5, 4, 1\)"),
        (with_shape(8, 4, 4, 3), r"images of shape \(4, 4, 1\).*Received.*\(4, 4, 3\)"),
        (with_shape(8, 4, 4), r"images of shape \(4, 4, 1\).*Received.*\(4, 4\)"),
        (with_shape(8, 4, 4, 1, dtype=np.int64), "uint8 in .* or float in .* dtype int64"),
        (with_shape(0, 4, 4, 1), "There are no images"),
        (255.0 * np.ones((8, 4, 4, 1), np.float32), r"must be in \[-1, 1\].*from 255 to 255"),
        (np.full((8, 4, 4, 1), np.nan, np.float32), r"must be in \[-1, 1\]"),
    ],
    ids=["height", "channels", "rank", "int64", "none", "float255", "nan"],
)
@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_wrong_images_are_refused(images, message, method, make_gan):
    with pytest.raises(ValueError, match=message):
        getattr(make_gan(), method)(images, batch_size=4, verbose=0)


@pytest.mark.thorough
def test_float_images_of_a_data_set_are_checked_step_by_step(make_gan):
    images = tf.data.Dataset.from_tensors(255.0 * tf.ones((8, *IMAGE_SHAPE)))
    with pytest.raises(ValueError, match=r"in \[-1, 1\].* Received: .* of 255$"):
        make_gan().fit(images, verbose=0)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "wrong, message",
    [
        (None, r"must be \(images, labels\)"),
        (np.full(24, NUM_CLASSES), "from 0 to 2.*Received: labels from 3 to 3"),
        (np.full(24, -1), "from 0 to 2.*Received: labels from -1"),
        (np.full(24, 0.5), "from 0 to 2.*dtype float32"),
        (np.eye(NUM_CLASSES, dtype=np.int32)[np.zeros(24, int)], r"one-hot rows.*\(12, 3\)"),
    ],
    ids=["missing", "high", "negative", "float", "one_hot"],
)
def test_wrong_labels_are_refused(wrong, message, make_gan, uint8_images):
    with pytest.raises(ValueError, match=message):
        make_gan(conditional=True).fit(uint8_images, wrong, batch_size=12, verbose=0)


@pytest.mark.thorough
def test_labels_of_a_data_set_are_checked_step_by_step(make_gan, uint8_images, labels):
    data = tf.data.Dataset.from_tensors((uint8_images, labels + 1))
    with pytest.raises(ValueError, match="Labels are integer ids.* Received: labels .*3.*$"):
        make_gan(conditional=True).fit(data, verbose=0)


def test_data_of_more_classes_than_the_networks_is_refused(reused_gan, uint8_images):
    data = gk.data.from_arrays(uint8_images, np.arange(24) % 5, batch_size=8)
    with pytest.raises(ValueError, match="more classes than the networks.*num_classes=5"):
        reused_gan(conditional=True).fit(data, verbose=0)


# Refused: generate


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({}, "at least 1 image"),
        ({"num_images": 0}, "at least 1 image"),
        ({"num_images": -1}, "at least 1 image"),
        ({"num_images": 2.5}, "num_images must be an integer.*num_images=2.5"),
        ({"num_images": 2, "seed": 0.5}, "seed must be an integer from -2147483648 to 2147483647.*seed=0.5"),
        ({"num_images": 2, "seed": 2**31}, "seed=2147483648"),
        ({"num_images": 2, "seed": "1"}, "seed='1'"),
        ({"seeds": [0.5]}, "integers of shape.*float64"),
        ({"seeds": ["a"]}, "integers of shape"),
        ({"seeds": 3}, r"integers of shape.*shape \(\)"),
        ({"seeds": [[1], [2]]}, r"integers of shape.*shape \(2, 1\)"),
        ({"seeds": []}, "integers of shape"),
        ({"seeds": np.array([2**63], np.uint64)}, "below 2"),
        ({"num_images": 3, "seeds": [1, 2]}, "disagree.*num_images=3"),
        ({"num_images": 2, "labels": [3, 0]}, "from 0 to 2. Received: labels from 0 to 3"),
        ({"num_images": 2, "labels": -1}, "from 0 to 2. Received: labels from -1"),
        ({"num_images": 1, "labels": [0.5]}, "from 0 to 2.*float64"),
        ({"num_images": 4, "labels": [0, 1]}, r"one per image.*\(2,\) for 4 images"),
    ],
    ids=str,
)
def test_wrong_request_is_refused(arguments, message, reused_gan):
    with pytest.raises(ValueError, match=message):
        reused_gan(conditional=True).generate(**arguments)


def test_labels_for_an_unconditional_gan_are_refused(reused_gan):
    with pytest.raises(ValueError, match="unconditional: leave `labels` out"):
        reused_gan().generate(2, labels=[0, 1])


@pytest.mark.parametrize(
    "arguments", [dict(num_images=-1), dict(num_images=1, start=-1), dict(num_images=2, start=2**32 - 1)], ids=str
)
def test_names_beyond_the_stream_are_refused(arguments):
    with pytest.raises(ValueError, match="must be an integer from 0 to"):
        gk.image_seeds(0, **arguments)


@pytest.mark.thorough
def test_regularizers_of_the_networks_are_part_of_their_losses():
    def trained(regularizer):
        keras.utils.set_random_seed(0)
        generator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
        discriminator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_regularizer=regularizer)])
        gan = gk.GAN(generator, discriminator)
        sgd = keras.optimizers.SGD
        gan.compile(sgd(0.1), sgd(0.1), run_eagerly=True)
        before = discriminator.get_weights()[0]
        gan.fit(np.ones((4, 2), "float32"), batch_size=4, verbose=0)
        return before, discriminator.get_weights()[0]

    (before, plain), (_, decayed) = trained(None), trained(keras.regularizers.L2(0.5))
    # One SGD step at rate 0.1 on 0.5 w^2 moves a weight by 0.1 w.
    np.testing.assert_allclose(plain - decayed, 0.1 * before, rtol=1e-4, atol=1e-6)


@pytest.mark.thorough
def test_bfloat16_weights_are_averaged_too():
    networks = [
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, dtype="bfloat16")]),
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]),
    ]
    gan = gk.GAN(*networks, ema_decay=0.9)
    gan.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0))
    gan.fit(np.ones((8, 2), "float32"), batch_size=4, verbose=0)
    average, weight = (n.weights[0].numpy().astype("float32") for n in (gan.ema_generator, networks[0]))
    assert not np.array_equal(average, weight)


def test_a_half_precision_layer_deep_inside_is_given_loss_scaling():
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, dtype="mixed_float16")])
    generator = keras.Sequential([keras.Input((2,)), inner, keras.layers.Dense(2)])
    gan = gk.GAN(generator, keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    gan.compile()
    assert isinstance(gan.generator_optimizer, keras.optimizers.LossScaleOptimizer)
    assert not isinstance(gan.discriminator_optimizer, keras.optimizers.LossScaleOptimizer)


@pytest.mark.thorough
@twins("shape", [None, (None, None, None, None)])
def test_a_data_set_that_does_not_know_its_shapes_trains_alike(shape, make_gan, weights_of, uint8_images, labels):
    def forget(images, labels):
        unknown = tf.numpy_function(lambda *batch: batch, [images, labels], [tf.uint8, tf.int32])
        return tf.ensure_shape(unknown[0], shape), unknown[1]

    data = tf.data.Dataset.from_tensor_slices((uint8_images, labels)).batch(8)
    known, unknown = make_gan(conditional=True), make_gan(conditional=True)
    known.fit(data, verbose=0)
    unknown.fit(data.map(forget), verbose=0)
    np.testing.assert_allclose(weights_of(unknown), weights_of(known), atol=1e-6)
    rows = data.map(forget).map(lambda images, labels: (images[:, :3], labels))
    with pytest.raises(ValueError, match=r"shape \(4, 4, 1\); .* Received: images of shape \[?8 3 4 1"):
        unknown.fit(rows, verbose=0)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_data_without_a_batch_is_refused(make_gan, uint8_images):
    data = tf.data.Dataset.from_tensor_slices(uint8_images).batch(8)
    gan = make_gan()
    for empty in (data.take(0), data.filter(lambda images: False)):
        with pytest.raises(ValueError, match="no images"):
            gan.fit(empty, verbose=0)


class Secret(keras.layers.Layer):
    """A layer that cannot be made again: neither registered nor configured."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        return self.inner(x)


@pytest.mark.thorough
def test_a_generator_without_a_configuration_is_averaged_all_the_same(uint8_images, weights_of):
    def make(secret):
        keras.utils.set_random_seed(3)
        dense = keras.layers.Dense(16, activation="tanh")
        inner = [keras.Input((3,)), keras.layers.BatchNormalization(), Secret(dense) if secret else dense]
        gan = gk.GAN(
            keras.Sequential([*inner, keras.layers.Reshape(IMAGE_SHAPE)]), dense_discriminator(), ema_decay=0.9
        )
        gan.compile("adam", run_eagerly=True)
        return gan

    secret, open_ = make(True), make(False)
    with pytest.warns(gk.LikelyMistake, match="could be written, but not loaded again"):
        secret.fit(uint8_images, batch_size=12, shuffle=False, verbose=0)
    open_.fit(uint8_images, batch_size=12, shuffle=False, verbose=0)
    np.testing.assert_allclose(weights_of(secret), weights_of(open_), atol=1e-6)
    np.testing.assert_array_equal(secret.generate(5, seed=2), open_.generate(5, seed=2))
    assert np.abs(secret.generator.get_weights()[0] - secret.ema_generator.get_weights()[0]).max() > 1e-5


class OfItsOwn(gk.GAN):
    ends = True

    def train_step(self, data):
        logs = self.update.step(self.game, self.read(data))
        return self.end_step(logs) if self.ends else logs


@pytest.mark.thorough
def test_a_train_step_of_one_s_own_ends_the_step_or_is_told_so(uint8_images, weights_of):
    def trained(kind, ends=True):
        keras.utils.set_random_seed(3)
        gan = kind(dense_generator(), dense_discriminator())
        gan.ends = ends
        gan.compile("adam", run_eagerly=True)
        gan.fit(uint8_images, batch_size=12, shuffle=False, verbose=0)
        return gan

    np.testing.assert_array_equal(weights_of(trained(OfItsOwn)), weights_of(trained(gk.GAN)))
    with pytest.warns(gk.LikelyMistake, match="initial weights. Let it `return self.end_step"):
        trained(OfItsOwn, ends=False)
