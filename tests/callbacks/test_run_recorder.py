from tfgan_kit.callbacks import RunRecorder
from tfgan_kit.runs.checkpoints import load_gan
from tfgan_kit.runs.non_finite import NonFiniteError
from tfgan_kit.runs.run import Run

import numpy as np
import pytest

from tests.twins import twins

pytestmark = pytest.mark.thorough


def test_every_epoch_leaves_a_checkpoint_and_a_line_a_log(reused_gan, dataset, weights_of, tmp_path):
    gan, run = reused_gan(), Run(tmp_path)
    history = gan.fit(dataset, epochs=2, callbacks=[RunRecorder(run)], verbose=0).history
    assert list(run.checkpoints()) == [3, 6]
    lines = run.read_metrics()
    assert [line["step"] for line in lines] == [3] * len(history) + [6] * len(history)
    found = [line["value"] for line in lines if line["metric"] == "d_loss"]
    assert found == pytest.approx(history["d_loss"])
    assert {line["protocol"] for line in lines} == {"mean of 3 steps"}
    np.testing.assert_array_equal(weights_of(load_gan(tmp_path)), weights_of(gan))


def test_weights_that_are_not_finite_are_not_saved(reused_gan, dataset, tmp_path):
    gan, run = reused_gan(), Run(tmp_path)
    gan.fit(dataset, callbacks=[RunRecorder(run)], verbose=0)
    good = run.newest()
    weight = gan.generator.trainable_variables[0]
    weight.assign(np.full(weight.shape, np.inf))
    with pytest.raises(NonFiniteError, match="weight .*kernel is not finite at step 6"):
        gan.fit(dataset, callbacks=[RunRecorder(run)], verbose=0)
    assert run.newest() == good


class Killed(BaseException):
    pass


@twins("moment", ["append_metrics", "save"])
@twins("call", [1, 2])
def test_a_kill_at_an_epoch_s_end_leaves_no_gap_and_no_duplicate(
    moment, call, reused_gan, dataset, tmp_path, monkeypatch
):
    whole, run, calls = Run(tmp_path / "whole"), Run(tmp_path / "run"), []
    reused_gan().fit(dataset, epochs=3, callbacks=[RunRecorder(whole)], verbose=0)
    real = getattr(run, moment)

    def killed(*arguments):
        calls.append(moment)
        if len(calls) == call + 1:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(run, moment, killed)
    with pytest.raises(Killed):
        reused_gan().fit(dataset, epochs=3, callbacks=[RunRecorder(run)], verbose=0)
    gan = load_gan(run.path)
    run.forget_metrics_after(int(gan.step))
    gan.fit(dataset, initial_epoch=int(gan.step) // 3, epochs=3, callbacks=[RunRecorder(run)], verbose=0)
    assert run.read_metrics() == whole.read_metrics()
