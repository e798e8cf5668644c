"""`generate --find_directions`, `--directions` and `--project`."""

import tfgan_kit as gk
from tfgan_kit.commands.projection import fitted
from tfgan_kit.generation.directions import Directions
from tfgan_kit.runs.checkpoints import load_gan

import keras
import numpy as np
import pytest
from PIL import Image

from tfgan_kit_client.pictures import encode_png, tile


@pytest.fixture
def run_dir(finished_run):
    return finished_run(steps=2)


@pytest.fixture(scope="module")
def style_file(tmp_path_factory):
    """A StyleGAN of 8 x 8 grey pixels that nobody trained."""
    keras.utils.set_random_seed(0)
    generator = gk.networks.StyleGAN2Generator(8, 1, latent_dim=4, w_dim=4, channel_base=32, mapping_layers=1)
    path = tmp_path_factory.mktemp("styles") / "style.keras"
    generator.save(path)
    return path


def test_directions_are_found_and_then_applied(command, run_dir, tmp_path):
    path = tmp_path / "d.npz"
    code, out, err = command("generate", f"--ckpt={run_dir}", f"--find_directions={path}", "--num_directions=3")
    assert code == 0 and "sefa 3" in out and f"--directions {path}" in out, err
    assert Image.open(tmp_path / "d.png").size == (7 * 14 + 6 * 2, 3 * 14 + 2 * 2)
    output = tmp_path / "y.png"
    code, out, err = command(
        "generate", f"--ckpt={run_dir}", f"--directions={path}", "--strengths=2,0,-1", "--num_images=4",
        f"--output={output}",
    )  # fmt: skip
    assert code == 0 and "sefa 1 2, sefa 3 -1" in out, err
    expected = tile(load_gan(run_dir).edit(Directions.load(path), [2, 0, -1], 4))
    np.testing.assert_array_equal(np.asarray(Image.open(output)), expected[..., 0])


def test_components_of_some_layers_of_w(command, style_file, tmp_path):
    path = tmp_path / "d.npz"
    arguments = ["--direction_method=ganspace", "--direction_layers=1-2", "--num_directions=2"]
    code, _, err = command("generate", f"--ckpt={style_file}", f"--find_directions={path}", *arguments)
    assert code == 0, err
    np.testing.assert_array_equal(Directions.load(path).layers, [[1, 3], [1, 3]])


def test_a_label_is_found_by_a_classifier_of_one_s_own(command, style_file, tmp_path):
    """Class 1: the upper half is brighter. The table has a row for each of five strengths."""
    upper = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), dense := keras.layers.Dense(1)])
    dense.set_weights([np.where(np.arange(64) < 32, 1.0, -1.0)[:, None], np.zeros(1)])
    upper.save(tmp_path / "upper.keras")
    code, out, err = command(
        "generate", f"--ckpt={style_file}", f"--find_directions={tmp_path / 'd.npz'}", "--direction_method=label",
        "--direction_label=1", f"--classifier={tmp_path / 'upper.keras'}", "--direction_samples=200",
    )  # fmt: skip
    assert code == 0 and out.count("%") == 10, err
    assert Directions.load(tmp_path / "d.npz").names == ["label 1"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--find_directions={tmp}/d.txt"], ".npz file"),
        (["--find_directions={tmp}/d.npz", "--output={tmp}/x.png"], "takes no --output"),
        (["--find_directions={tmp}/d.npz", "--direction_method=ganspace"], "has no w"),
        (["--find_directions={tmp}/d.npz", "--num_directions=1000"], "at most"),
        (["--find_directions={tmp}/d.npz", "--direction_method=label"], "--direction_label goes with"),
        (["--find_directions={tmp}/d.npz", "--classifier=x.keras"], "no effect without --direction_method=label"),
        (["--directions={tmp}/none.npz", "--strengths=1", "--output={tmp}/x.png"], "holds no directions"),
        (["--directions={tmp}/good.npz", "--output={tmp}/x.png"], "Give --strengths"),
        (["--directions={tmp}/good.npz", "--strengths=1", "--output={tmp}/x"], "ends in .png"),
        (["--directions={tmp}/good.npz", "--strengths=1,2,3", "--output={tmp}/x.png"], "at most 2"),
        (["--directions={tmp}/good.npz", "--strengths=inf", "--output={tmp}/x.png"], "finite"),
        (["--directions={tmp}/good.npz", "--strengths=much", "--output={tmp}/x.png"], "are numbers"),
        (["--directions={tmp}/good.npz", "--strengths=1", "--output={tmp}/x.png"], "found for another generator"),
        (["--strengths=1", "--output={tmp}/x.png"], "no effect without --directions"),
        (["--project={tmp}/none.png", "--output={tmp}/x.png"], "cannot be read"),
        (["--project={tmp}/good.npz", "--output={tmp}/x.png", "--labels=1"], "cannot be decoded"),
        (["--project={tmp}/p.png", "--output={tmp}/x.png", "--space=w", "--distance=pixels"], "search its latents"),
        (["--project={tmp}/p.png", "--output={tmp}/x.png"], "needs the labels"),
        (["--project={tmp}/p.png", "--output={tmp}/x.png", "--labels=1", "--weights=x"], "--weights is of --space w"),
        (["--project={tmp}/p.png", "--output={tmp}/x.png", "--fit=refuse", "--labels=1"], "14 x 14 pixels"),
        (["--project={tmp}/p.png", "--directions={tmp}/good.npz", "--output={tmp}/x.png"], "Give one of"),
        (["--project={tmp}/p.png", "--output={tmp}/x.png", "--num_images=2"], "no effect beside --project"),
        (["--find_directions={tmp}/d.npz", "--labels=1"], "no effect beside --find_directions"),
        (["--num_images=4"], "Give --output"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_code_1(command, run_dir, tmp_path, arguments, message):
    Directions(np.eye(2, 4), "z", fingerprint="of another").save(tmp_path / "good.npz")
    (tmp_path / "p.png").write_bytes(encode_png(np.zeros((9, 9, 1), np.uint8)))
    there = {path.name for path in tmp_path.iterdir()}
    code, out, err = command(
        "generate", f"--ckpt={run_dir}", *(argument.replace("{tmp}", str(tmp_path)) for argument in arguments)
    )
    assert code == 1 and message in out + err and "Traceback" not in out + err
    assert {path.name for path in tmp_path.iterdir()} == there


def test_a_photograph_is_found_in_the_latents(command, run_dir, tmp_path):
    photo = tmp_path / "photo.png"
    photo.write_bytes(encode_png(np.full((20, 30, 3), 200, np.uint8)))
    output = tmp_path / "found.png"
    code, out, err = command(
        "generate", f"--ckpt={run_dir}", f"--project={photo}", "--labels=1", "--project_steps=3", f"--output={output}"
    )
    assert code == 0 and "cropped from 20 x 30 to 20 x 20, resized to 14 x 14 pixels" in out and "dB" in out, err
    latents = np.load(tmp_path / "found.npz")["latents"]
    made = load_gan(run_dir).images_of_latents(latents, [1])
    np.testing.assert_array_equal(np.asarray(Image.open(output)), made[0, ..., 0])
    assert np.all(np.asarray(Image.open(tmp_path / "found-target.png")) == 200)


def test_a_photograph_is_found_in_w_and_the_search_is_a_film(command, style_file, tmp_path):
    photo, output, film = (tmp_path / name for name in ("photo.png", "found.png", "film.gif"))
    photo.write_bytes(encode_png(np.full((8, 8, 1), 90, np.uint8)))
    code, out, err = command(
        "generate", f"--ckpt={style_file}", f"--project={photo}", "--space=w+", "--distance=pixels",
        "--project_steps=4", f"--search_film={film}", f"--output={output}",
    )  # fmt: skip
    assert code == 0 and "in w+ (the mean image:" in out, err
    ws = np.load(tmp_path / "found.npz")["ws"]
    generator = keras.saving.load_model(style_file)
    made = gk.pixels.to_uint8(generator.synthesis(ws)).numpy()
    np.testing.assert_allclose(np.asarray(Image.open(output)).astype(int), made[0, ..., 0], atol=1)
    assert Image.open(film).n_frames == 4  # before each of 4 steps and at the end; the first, of size 0, moves nothing


# The photograph


def test_a_photograph_of_the_right_shape_is_left_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (8, 6, 3), np.uint8)
    found, notes = fitted(encode_png(image), (8, 6, 3), "refuse")
    np.testing.assert_array_equal(found, image)
    assert notes == []


def test_transparency_is_taken_on_white_and_said(tmp_path):
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    found, notes = fitted((tmp_path / "clear.png").read_bytes(), (4, 4, 3))
    assert (found == 255).all() and notes == ["transparent, taken on white"]


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_and_colour_become_each_other(channels):
    found, _ = fitted(encode_png(np.full((4, 4, 4 - channels), 77, np.uint8)), (4, 4, channels))
    np.testing.assert_array_equal(found, np.full((4, 4, channels), 77))


@pytest.mark.parametrize("size, part", [((8, 20), np.s_[:, 6:14]), ((20, 8), np.s_[6:14])])
def test_the_centre_of_the_right_proportions_is_what_is_kept(size, part):
    image = np.zeros((*size, 1), np.uint8)
    image[part] = 255
    found, notes = fitted(encode_png(image), (4, 4, 1))
    assert (found == 255).all()
    assert notes == [f"cropped from {size[0]} x {size[1]} to 8 x 8, resized to 4 x 4 pixels"]
