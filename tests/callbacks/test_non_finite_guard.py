import tfgan_kit as gk
from tfgan_kit.callbacks import NonFiniteGuard
from tfgan_kit.penalties import Penalty
from tfgan_kit.runs.non_finite import NonFiniteError
from tfgan_kit.runs.run import Run

import keras
import numpy as np
import pytest
import tensorflow as tf

pytestmark = pytest.mark.thorough


def spoil(gan, network):
    weight = getattr(gan, network).trainable_variables[0]
    weight.assign(np.full(weight.shape, np.nan))


@pytest.mark.parametrize("network", ["discriminator", "generator"])
def test_training_stops_at_the_step_and_names_the_loss_and_a_weight(network, reused_gan, dataset):
    gan = reused_gan()
    gan.fit(dataset, callbacks=[NonFiniteGuard()], verbose=0)  # finite: 3 steps, nothing is raised
    spoil(gan, network)
    with pytest.raises(NonFiniteError, match="d_loss is not finite at step 4, nor is weight "):
        gan.fit(dataset, callbacks=[NonFiniteGuard()], verbose=0)
    assert int(gan.step) == 4


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_every_log_is_watched(value, reused_gan):
    guard = NonFiniteGuard()
    guard.set_model(reused_gan())
    with pytest.raises(NonFiniteError, match="r1 is not finite at step 0[.]"):  # the weights are
        guard.on_train_batch_end(0, {"d_loss": 1.0, "r1": value})


def test_message_names_the_last_good_checkpoint_and_the_way_out(reused_gan, dataset, tmp_path):
    gan, run = reused_gan(), Run(tmp_path)
    kept = run.save(gan)
    spoil(gan, "discriminator")
    with pytest.raises(NonFiniteError, match="stops here again.*lower the learning rates") as error:
        gan.fit(dataset, callbacks=[NonFiniteGuard(run)], verbose=0)
    assert str(kept) in str(error.value)
    assert run.newest() == kept


def test_a_penalty_that_is_not_finite_stops_training(make_gan, dataset):
    gan = make_gan(penalties=[gk.penalties.R1(gamma=np.inf)], run_eagerly=True)
    with pytest.raises(NonFiniteError, match="(r1|g_loss) is not finite at step 1, nor is weight "):
        gan.fit(dataset, callbacks=[NonFiniteGuard()], verbose=0)


@keras.saving.register_keras_serializable("test_non_finite_guard")
class NaNGradient(Penalty):
    """A finite term of the discriminator's loss, 0, whose gradient is not: a root at zero."""

    name = "nan_gradient"

    def value(self, step):
        return keras.ops.sqrt(keras.ops.sum(0.0 * step.discriminator(step.real_images)))


def test_a_gradient_that_is_not_finite_stops_training_in_its_own_step(make_gan, dataset):
    """The discriminator it has spoilt judges the generator in the same step."""
    gan = make_gan(penalties=[NaNGradient()])
    with pytest.raises(NonFiniteError, match="g_loss is not finite at step 1, nor is weight "):
        gan.fit(dataset, callbacks=[NonFiniteGuard()], verbose=0)


@pytest.fixture
def overflowing(make_gan, set_policy):
    """A GAN in float16 whose discriminator's gradients overflow in every step but each `spare`-th."""
    set_policy("mixed_float16")

    def make(spare=None):
        gan = make_gan()
        update = gan.game.discriminator.update

        def overflow(gradients):
            fine = spare is not None and tf.equal(gan.step.value % spare, spare - 1)
            update([g * tf.where(fine, 1.0, np.inf) for g in gradients])

        gan.game.discriminator.update = overflow
        return gan

    return make


def test_50_skipped_updates_in_a_row_stop_training(overflowing, dataset):
    gan = overflowing()
    with pytest.raises(NonFiniteError, match="discriminator's gradient was not finite in 50 updates"):
        gan.fit(dataset, epochs=20, steps_per_epoch=7, callbacks=[NonFiniteGuard()], verbose=0)
    assert gan.steps_trained == 50
    assert all(np.isfinite(w).all() for w in gan.discriminator.get_weights())


def test_skips_with_an_update_between_them_do_not_stop_training(overflowing, dataset):
    gan = overflowing(spare=50)
    logs = gan.fit(dataset, epochs=2, steps_per_epoch=60, callbacks=[NonFiniteGuard()], verbose=0)
    assert gan.steps_trained == 120
    assert logs.history["d_skipped"] == [59.0, 59.0]
    assert logs.history["g_skipped"] == [0.0, 0.0]


def test_max_skipped_below_1_is_refused():
    with pytest.raises(ValueError, match="Received: max_skipped=0"):
        NonFiniteGuard(max_skipped=0)
