"""Files that users of every release hold stay loadable."""

import pathlib

from tfgan_kit.runs.checkpoints import load_gan

import numpy as np
import pytest

from tests.fixtures.make_release import LABELS, SEEDS

RELEASES = sorted((pathlib.Path(__file__).parents[1] / "fixtures").glob("release_*"))


def test_there_is_a_file_of_a_release():
    assert RELEASES


@pytest.mark.thorough
@pytest.mark.parametrize("folder", RELEASES, ids=lambda folder: folder.name)
def test_a_released_file_loads_whole_and_makes_the_same_images(folder):
    gan = load_gan(folder / "gan.keras")
    expected = np.load(folder / "expected.npz")
    images = gan.generate(seeds=SEEDS, labels=LABELS).astype(int)
    # One level: the file may have been written on another processor.
    assert np.abs(images - expected["images"].astype(int)).max() <= 1
    assert int(gan.step) == expected["step"]
    assert int(gan.discriminator_optimizer.iterations) == 2 * int(gan.step)
    assert [p.name for p in gan.penalties] == ["r1", "gradient_penalty"]
    assert gan.update.discriminator_steps == 2
