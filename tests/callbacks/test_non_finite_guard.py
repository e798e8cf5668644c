import numpy as np
import pytest

import tfgan_kit as gk
from tfgan_kit.callbacks import NonFiniteGuard
from tfgan_kit.checkpoint import NonFiniteError, Run


def spoil(gan, network):
    weight = getattr(gan, network).trainable_variables[0]
    weight.assign(np.full(weight.shape, np.nan))


@pytest.mark.parametrize("network, log", [("discriminator", "d_loss"), ("generator", "d_loss")])
def test_training_stops_at_the_step_and_names_the_loss(network, log, make_gan, dataset):
    gan = make_gan()
    gan.fit(dataset, callbacks=[NonFiniteGuard()], verbose=0)  # finite: 3 steps, nothing is raised
    spoil(gan, network)
    with pytest.raises(NonFiniteError, match=f"{log} is not finite at step 4"):
        gan.fit(dataset, callbacks=[NonFiniteGuard()], verbose=0)
    assert int(gan.step) == 4


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_every_log_is_watched(value, make_gan):
    guard = NonFiniteGuard()
    guard.set_model(make_gan())
    with pytest.raises(NonFiniteError, match="r1 is not finite"):
        guard.on_train_batch_end(0, {"d_loss": 1.0, "r1": value})


def test_message_names_the_last_good_checkpoint_and_the_way_out(make_gan, dataset, tmp_path):
    gan, run = make_gan(), Run(tmp_path)
    kept = run.save(gan)
    spoil(gan, "discriminator")
    with pytest.raises(NonFiniteError, match="Lower the learning rates") as error:
        gan.fit(dataset, callbacks=[NonFiniteGuard(run)], verbose=0)
    assert str(kept) in str(error.value)
    assert run.newest() == kept


def test_a_penalty_that_is_not_finite_stops_training(make_gan, dataset):
    gan = make_gan(penalties=[gk.R1(gamma=np.inf)])
    with pytest.raises(NonFiniteError, match="(r1|g_loss) is not finite at step 1"):
        gan.fit(dataset, callbacks=[NonFiniteGuard()], verbose=0)
