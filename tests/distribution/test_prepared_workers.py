"""Two workers read a prepared set: each its own rows, and the end is that of one process."""

import subprocess
import sys

from tfgan_kit.data import prepare
from tfgan_kit.data.arrays import ArraySource

import numpy as np
import pytest

from tests.distribution import games


@pytest.mark.slow
def test_two_workers_of_a_prepared_set_end_bit_equal_to_one_and_read_their_own_rows(launch, tmp_path):
    np.savez(tmp_path / "a.npz", images=games.IMAGES, labels=games.LABELS)
    prepare(ArraySource("a", games.IMAGES, games.LABELS), tmp_path / "prepared", shard_size=5)
    prepared, worker = f"prepared:{tmp_path}/prepared", "tests.distribution.prepared_worker"
    workers = launch(lambda index: [worker, "multi_worker", prepared, str(tmp_path / f"{index}.npz")])
    outputs = [process.communicate(timeout=300)[0] for process in workers]
    assert [process.returncode for process in workers] == [0, 0], outputs
    for name, spelling in (("prepared", prepared), ("memory", f"npz:{tmp_path}/a.npz")):
        line = [sys.executable, "-m", worker, "mirrored", spelling, str(tmp_path / f"{name}.npz")]
        subprocess.run(line, check=True, timeout=300)
    first, second, alone, memory = (np.load(tmp_path / f"{name}.npz") for name in ("0", "1", "prepared", "memory"))
    for other in (second, alone, memory):
        np.testing.assert_array_equal(first["weights"], other["weights"])
    assert set(first["rows"]) == set(second["rows"]) == {games.BATCH // 2}
    assert set(alone["rows"]) == {games.BATCH}
