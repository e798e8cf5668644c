"""Two processes over loopback end where one device ends."""

import json

from tfgan_kit.distribution import strategies

import keras
import numpy as np
import pytest

from tests.distribution import games


@pytest.mark.slow
@pytest.mark.parametrize("case", ["discriminator_steps", "lazy_r1"])
def test_two_workers_end_in_the_weights_and_logs_of_one_device(case, launch, tmp_path):
    workers = launch(lambda index: ["tests.distribution.worker", case, str(tmp_path / str(index))])
    alone = games.make(strategies.get("none"), case, normalization=True)
    history, evaluation = games.play(alone)
    outputs = [worker.communicate(timeout=300)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs
    first, second = (np.load(tmp_path / f"{index}.npz") for index in range(2))
    np.testing.assert_array_equal(first["weights"], second["weights"])
    np.testing.assert_allclose(first["weights"], games.weights_of(alone), atol=1e-5)
    for found in (first, second):
        logs, evaluated = json.loads(str(found["logs"]))
        assert logs.keys() == history.keys()
        np.testing.assert_allclose(list(logs.values()), list(history.values()), atol=1e-5)
        assert evaluated == pytest.approx(evaluation, abs=1e-5)
    assert [bool(first["chief"]), bool(second["chief"])] == [True, False]
    loaded = keras.saving.load_model(tmp_path / "0.keras")
    np.testing.assert_array_equal(games.weights_of(loaded), first["weights"])
