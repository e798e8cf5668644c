"""`generate` to a film or a table of mixed styles: from the flags to pixels, and what is refused before any work."""

import sys

from tfgan_kit.generation.films import LatentFilm, StyleFilm
from tfgan_kit.generation.generative_model import GenerativeModel
from tfgan_kit.generation.styles import style_mixing
from tfgan_kit.runs.checkpoints import load_gan

import keras
import numpy as np
import pytest
from PIL import Image

from tests.client.test_films import decoded, shown
from tests.generation.test_films import style_model
from tfgan_kit_client.films import write_film
from tfgan_kit_client.pictures import tile

SHORT = ["--keyframes=2", "--frames_per_keyframe=3"]


@pytest.fixture
def run_dir(finished_run):
    """A run of a conditional DCGAN, which the command only reads."""
    return finished_run(steps=2)


@pytest.fixture(scope="module")
def styles(tmp_path_factory):
    """A `.keras` file of a StyleGAN's generator."""
    path = tmp_path_factory.mktemp("styles") / "styles.keras"
    style_model().generator.save(path)
    return path


def test_a_film_is_the_film_of_the_checkpoint(command, run_dir, tmp_path):
    path = tmp_path / "films" / "digits.mp4"
    flags = [*SHORT, "--tiles=3x2", "--labels=0,1,2", "--seed=3", "--frames_per_second=10"]
    code, out, err = command("generate", f"--ckpt={run_dir}", *flags, f"--output={path}")
    assert code == 0 and f"Wrote {path}" in out and "6 frames in" in out, err
    found, rate, _ = decoded(path)
    expected = np.stack(list(LatentFilm(load_gan(run_dir), 2, 3, (3, 2), seed=3, labels=[0, 1, 2])))
    assert found.shape == (6, 30, 46, 3) and rate == 10
    assert np.abs(found - expected.astype(np.float64)).mean() < 4
    np.testing.assert_array_equal(
        expected[0], tile(load_gan(run_dir).generate(6, seed=3, labels=[0, 1, 2, 0, 1, 2]), 3)
    )


def test_the_same_command_makes_the_same_film(command, run_dir, tmp_path):
    for name in ("one", "two"):
        code, _, err = command("generate", f"--ckpt={run_dir}", *SHORT, f"--output={tmp_path / name}.mp4")
        assert code == 0, err
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_a_film_of_a_stylegan_moves_its_styles(command, styles, tmp_path):
    flags = [*SHORT, "--truncation_psi=-0.5", "--noise_mode=none"]
    code, _, err = command("generate", f"--ckpt={styles}", *flags, f"--output={tmp_path / 'film.webp'}")
    assert code == 0, err
    generator = keras.saving.load_model(styles)
    generator.noise_mode = "none"
    film = StyleFilm(GenerativeModel.of(generator), 2, 3, truncation_psi=-0.5)
    write_film(tmp_path / "expected.webp", film)
    assert (tmp_path / "film.webp").read_bytes() == (tmp_path / "expected.webp").read_bytes()


def test_a_film_of_a_stylegan_moves_its_latents_if_asked(command, styles, tmp_path):
    for space in ("z", "w"):
        flags = [*SHORT, f"--interpolation={space}", f"--output={tmp_path / space}.gif"]
        code, _, err = command("generate", f"--ckpt={styles}", *flags)
        assert code == 0, err
    z, w = (shown(tmp_path / f"{space}.gif")[0] for space in ("z", "w"))
    np.testing.assert_array_equal(z[0], w[0])
    assert (z[1] != w[1]).any()


def test_noise_that_is_asked_for_is_in_a_grid_too(command, styles, tmp_path):
    code, _, err = command(
        "generate", f"--ckpt={styles}", "--num_images=4", "--noise_mode=none", f"--output={tmp_path / 'grid.png'}"
    )
    assert code == 0, err
    generator = keras.saving.load_model(styles)
    generator.noise_mode = "none"
    np.testing.assert_array_equal(Image.open(tmp_path / "grid.png"), tile(GenerativeModel.of(generator).generate(4)))


def test_shards_of_another_noise_are_not_mixed(command, styles, tmp_path):
    arguments = [f"--ckpt={styles}", "--num_images=2", f"--output={tmp_path / 'shards'}"]
    assert command("generate", *arguments)[0] == 0
    code, _, err = command("generate", *arguments, "--noise_mode=none")
    assert code == 1 and "another noise_mode" in err


def test_a_table_shows_mixed_styles(command, styles, tmp_path):
    flags = ["--rows=85,3-4", "--cols=55,9", "--styles=0-1", "--truncation_psi=0.8"]
    code, _, err = command("generate", f"--ckpt={styles}", *flags, f"--output={tmp_path / 'table.png'}")
    assert code == 0, err
    model = GenerativeModel.of(keras.saving.load_model(styles))
    table = style_mixing(model, [85, 3, 4], [55, 9], [0, 1], truncation_psi=0.8)
    np.testing.assert_array_equal(Image.open(tmp_path / "table.png"), tile(table.reshape(-1, 8, 8, 3), 3))


@pytest.mark.parametrize(
    "output, arguments, message",
    [
        ("film.mp4", ["--keyframes=0"], "--keyframes"),
        ("film.mp4", ["--frames_per_keyframe=0"], "--frames_per_keyframe"),
        ("film.mp4", ["--tiles=3"], "COLUMNSxROWS"),
        ("film.mp4", ["--tiles=0x2"], "COLUMNSxROWS"),
        ("film.mp4", ["--num_images=9"], "--num_images has no effect"),
        ("film.mp4", ["--truncation_psi=0.5"], "does not define truncation"),
        ("film.mp4", ["--noise_mode=none"], "adds no noise"),
        ("film.mp4", ["--noise_mode=loud"], "--noise_mode"),
        ("film.mp4", ["--interpolation=w"], "Only a StyleGAN has styles"),
        ("film.mp4", ["--labels=0,1"], "2 labels for 1 tiles"),
        ("film.mp4", ["--labels=7"], "0 to 2"),
        ("film.gif", ["--keyframes=100"], "at most 1000 frames"),
        ("film.gif", ["--frames_per_second=60"], "1 to 50"),
        ("film.avi", [], ".mp4, .gif, .webp"),
        ("grid.png", ["--keyframes=3"], "--keyframes has no effect"),
        ("shards", ["--tiles=2x2"], "--tiles has no effect"),
        ("table.png", ["--rows=1"], "--rows and --cols"),
        ("table.mp4", ["--rows=1", "--cols=2"], "ends in .png"),
        ("table.png", ["--rows=1", "--cols=2"], "Only a StyleGAN has styles"),
        ("table.png", ["--rows=9-3", "--cols=2"], "upwards"),
        ("table.png", ["--rows=a", "--cols=2"], "numbers and ranges"),
        ("table.png", ["--rows=1", "--cols=2", "--seed=4"], "--seed has no effect"),
    ],
)
def test_a_mistake_is_one_clear_line_and_leaves_no_file(command, run_dir, tmp_path, output, arguments, message):
    code, out, err = command("generate", f"--ckpt={run_dir}", *arguments, f"--output={tmp_path / output}")
    assert code == 1 and message in out + err and "Traceback" not in out + err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("arguments, message", [(["--truncation_psi=2.5"], "from -2 to 2"), (["--styles=4"], "0 to 3")])
def test_what_a_stylegan_does_not_take_is_refused(command, styles, tmp_path, arguments, message):
    flags = ["--rows=1", "--cols=2", *arguments, f"--output={tmp_path / 'table.png'}"]
    code, _, err = command("generate", f"--ckpt={styles}", *flags)
    assert code == 1 and message in err
    assert list(tmp_path.iterdir()) == []


def test_without_an_encoder_a_film_is_refused_before_the_checkpoint_is_read(command, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    code, _, err = command("generate", "--ckpt=/nowhere", f"--output={tmp_path / 'film.mp4'}")
    assert code == 1 and "pip install 'tfgan_kit[video]'" in err and "/nowhere" not in err
