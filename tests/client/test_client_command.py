"""`python -m tfgan_kit_client`: a grid, a folder, and every way to ask wrongly."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import trustme
from PIL import Image

from tests.client.servers import Scripted, credentials, serving
from tests.serving import toy
from tfgan_kit_client import image_seeds
from tfgan_kit_client.pictures import tile


def run(folder, *flags):
    done = subprocess.run(
        [sys.executable, "-m", "tfgan_kit_client", "--model_name=toy", *flags],
        capture_output=True, text=True, timeout=60, cwd=folder,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_png_is_a_grid_of_the_images(target, tmp_path):
    code, text = run(tmp_path, f"--target={target}", "--num_images=5", "--labels=0,1", "--output=served.png")
    assert code == 0, text
    assert "5 images from toy version 1" in text and "images/s" in text
    grid = tile(toy.expected(image_seeds(0, 5), [0, 1, 0, 1, 0]))
    np.testing.assert_array_equal(np.array(Image.open(tmp_path / "served.png")), grid[..., 0])
    assert [path.name for path in tmp_path.iterdir()] == ["served.png"]


@pytest.mark.parametrize("address", ["target", "unconditional"])
def test_a_folder_gets_a_png_an_image_named_by_its_seed(request, address, tmp_path):
    # The unconditional toy has no _png signatures: its images are encoded here.
    target = request.getfixturevalue(address)
    code, text = run(
        tmp_path, f"--target={target}", "--num_images=3", "--seed=1", "--batch_size=2",
        "--output=made/",
    )  # fmt: skip
    assert code == 0, text
    names = sorted(path.name for path in (tmp_path / "made").iterdir())
    assert names == [f"{2**32 + k}.png" for k in range(3)]
    image = np.array(Image.open(tmp_path / "made" / names[2]))
    np.testing.assert_array_equal(image, toy.expected([2**32 + 2])[0, ..., 0])


def test_an_array_holds_all_images(target, tmp_path):
    code, text = run(tmp_path, f"--target={target}", "--num_images=50", "--output=all.npy")
    assert code == 0, text
    np.testing.assert_array_equal(np.load(tmp_path / "all.npy"), toy.expected(range(50)))
    assert [path.name for path in tmp_path.iterdir()] == ["all.npy"]


@pytest.mark.parametrize("flags, kind", [(["--format=webp"], "webp"), (["--nopng"], "png"), (["--png"], "png")])
def test_pictures_are_of_the_format_that_is_asked_for(target, tmp_path, flags, kind):
    code, text = run(tmp_path, f"--target={target}", "--num_images=2", "--output=made/", *flags)
    assert code == 0, text
    pictures = [Image.open(tmp_path / "made" / f"{k}.{kind}") for k in range(2)]
    assert [one.format.lower() for one in pictures] == [kind, kind]


def test_the_next_command_that_is_printed_works(target, tmp_path):
    _, text = run(tmp_path, f"--target={target}", "--num_images=2", "--output=a.png")
    command = text.splitlines()[-1].split()
    assert command[:3] == ["python", "-m", "tfgan_kit_client"]
    done = subprocess.run([sys.executable, *command[1:]], cwd=tmp_path, timeout=60)
    assert done.returncode == 0
    assert len(list((tmp_path / "images").iterdir())) == 1000


def test_tls_by_flags(tmp_path):
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    with serving(Scripted(), credentials=credentials(ca, "localhost")) as port:
        code, text = run(tmp_path, f"--target=localhost:{port}", "--root_certificates=ca.pem", "--output=a.npy")
    assert code == 0, text
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), toy.expected(range(16)))
    assert "--root_certificates=ca.pem --num_images" in text


def test_an_interrupt_keeps_whole_files_and_says_how_many(target, tmp_path):
    command = ["-m", "tfgan_kit_client", "--model_name=toy", f"--target={target}"]
    command += ["--num_images=1000000", "--output=made/"]
    with subprocess.Popen([sys.executable, *command], cwd=tmp_path, stderr=-1, stdout=-1, text=True) as one:
        toy.until(lambda: len(list(tmp_path.glob("made/*.png"))) > 20, 30)
        time.sleep(1.2)  # long enough to say how far it is
        one.send_signal(signal.SIGINT)
        _, text = one.communicate(timeout=10)
    files = list((tmp_path / "made").iterdir())
    assert one.returncode == 130 and "Traceback" not in text
    said = int(text.splitlines()[-1].split(" of 1000000 images are in made/: interrupted")[0])
    assert len(files) - 1 <= said <= len(files)
    assert all(Image.open(file).size == (8, 8) for file in files)
    assert "of 1000000 images, " in text and "s to go" in text


def test_help_shows_every_flag(tmp_path):
    _, text = run(tmp_path, "--help")
    for name in ("target", "model_version", "root_certificates", "[no]tls", "[no]png", "format"):
        assert f"--{name}" in text


@pytest.mark.parametrize(
    "flags, reason",
    [
        (["--num_images=0", "--output=a.png"], "num_images"),
        (["--labels=a,b", "--output=a.png"], "class ids separated by commas, or names with --class_names"),
        (["--labels=a", "--class_names=none.txt", "--output=a.png"], "none.txt"),
        (["--output=a.jpg"], "--output must be a FILE.png for a grid"),
        (["--output=no/where/a.png"], "there is no folder no/where"),
        (["--output=a.png", "--num_images=1025"], "A grid holds at most 1024 images"),
        (["--output=a.png", "--png"], "--png and --format are for a FOLDER/"),
        (["--output=a.png", "--client_key=a.key"], "belong together"),
        (["--output=a.png", "--root_certificates=a.pem"], "cannot be read"),
        (["--target=localhost:1", "--output=a.png"], "Nothing was made: no server answers"),
        ([], "--output"),
    ],
)
def test_a_bad_command_exits_with_1_and_writes_nothing(tmp_path, flags, reason):
    code, text = run(tmp_path, *flags)
    assert code == 1 and reason in text and "Traceback" not in text
    assert list(tmp_path.iterdir()) == []
