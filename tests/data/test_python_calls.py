"""A program may end while it holds a pipeline that calls Python."""

import subprocess
import sys

from tfgan_kit.data import from_arrays, prepare

import numpy as np
import pytest

PROGRAM = """
import sys
from tfgan_kit import data
batches = iter(data.open_source(sys.argv[1]).training(8))
for _ in range(20):
    next(batches)
print("ended")
"""


@pytest.mark.slow
def test_a_program_that_holds_an_iterator_ends_with_0(tmp_path):
    """It was aborted by C++ in three of four tries."""
    images = np.random.default_rng(0).integers(0, 256, (400, 64, 64, 3), np.uint8)
    prepare(from_arrays(images).source, tmp_path / "set")
    for _ in range(4):
        line = [sys.executable, "-c", PROGRAM, f"prepared:{tmp_path / 'set'}"]
        done = subprocess.run(line, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and done.stdout == "ended\n", done.stderr[-500:]
