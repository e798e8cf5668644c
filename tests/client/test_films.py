"""Films as files: what is written is decoded again, frame by frame, by another program's decoder."""

import os
import pathlib
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from tfgan_kit_client.files import drop_leftovers
from tfgan_kit_client.films import MOST_FRAMES, check_film, write_film

av = pytest.importorskip("av")


class Waves:
    """Frames of a smooth wave that wanders, made when they are asked for."""

    def __init__(self, count, height=32, width=48, channels=3):
        self.count, self.shape = count, (height, width, channels)

    def __len__(self):
        return self.count

    def __iter__(self):
        rows, columns, channels = np.indices(self.shape)
        for k in range(self.count):
            yield np.round(127.5 + 100 * np.sin(0.1 * (rows + columns) + 0.2 * k + 0.3 * channels)).astype(np.uint8)


def decoded(path):
    """Frames of an MP4 file uint8 (F, H, W, 3), their rate and their codec."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(stream)]
        return np.stack(frames), stream.average_rate, stream.codec_context.name


def shown(path):
    """Frames of a GIF or WebP file and how long each is shown, ms."""
    frames, durations = [], []
    with Image.open(path) as film:
        for k in range(film.n_frames):
            film.seek(k)
            frames.append(np.asarray(film.convert("RGB")))
            durations.append(film.info["duration"])
    return np.stack(frames), durations


@pytest.mark.parametrize("channels", [1, 3])
def test_an_mp4_holds_every_frame_at_its_place(tmp_path, channels):
    frames = Waves(75, channels=channels)
    write_film(tmp_path / "film.mp4", frames, frames_per_second=25)
    found, rate, codec = decoded(tmp_path / "film.mp4")
    expected = np.stack([np.broadcast_to(frame, (32, 48, 3)) for frame in frames]).astype(np.float64)
    assert found.shape == (75, 32, 48, 3)
    assert np.abs(found - expected).mean() < 3  # of 255: colours are kept at half the resolution
    distances = np.abs(found[:, None] - expected[None, :12]).mean(axis=(2, 3, 4))
    np.testing.assert_array_equal(distances[:12].argmin(axis=1), np.arange(12))
    assert rate == 25 and codec == "h264"
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


@pytest.mark.parametrize("height, width", [(31, 48), (32, 47), (1, 1)])
def test_an_odd_side_of_an_mp4_is_one_longer(tmp_path, height, width):
    frames = Waves(3, height, width)
    write_film(tmp_path / "film.mp4", frames)
    found, *_ = decoded(tmp_path / "film.mp4")
    assert found.shape == (3, height + height % 2, width + width % 2, 3)
    assert np.abs(found[:, :height, :width] - np.stack(list(frames)).astype(np.float64)).mean() < 4


def test_a_browser_can_play_an_mp4_while_it_loads(tmp_path):
    write_film(tmp_path / "film.mp4", Waves(30))
    content = (tmp_path / "film.mp4").read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp"])
def test_the_same_frames_make_the_same_file(tmp_path, suffix):
    for name in ("one", "two"):
        write_film(tmp_path / (name + suffix), Waves(20))
    first, second = ((tmp_path / (name + suffix)).read_bytes() for name in ("one", "two"))
    assert first == second


@pytest.mark.parametrize("suffix, unit", [(".gif", 10), (".webp", 1)])
@pytest.mark.parametrize("rate", [7, 25, 30])
def test_an_animation_shows_every_frame_for_its_time(tmp_path, suffix, unit, rate):
    frames = Waves(21)
    write_film(tmp_path / f"film{suffix}", frames, frames_per_second=rate)
    found, durations = shown(tmp_path / f"film{suffix}")
    assert found.shape == (21, 32, 48, 3)
    assert np.abs(found - np.stack(list(frames)).astype(np.float64)).mean() < 12  # 256 colours, or lossy
    ends, exact = np.cumsum(durations), 1000 * np.arange(1, 22) / rate
    assert (np.abs(ends - exact) <= unit / 2).all()


def test_a_gif_of_grey_frames_is_exact(tmp_path):
    frames = Waves(4, channels=1)
    write_film(tmp_path / "film.gif", frames, frames_per_second=25)
    found, _ = shown(tmp_path / "film.gif")
    np.testing.assert_array_equal(found, np.broadcast_to(np.stack(list(frames)), found.shape))


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp"])
def test_a_film_of_one_frame_is_a_film(tmp_path, suffix):
    write_film(tmp_path / f"film{suffix}", Waves(1))
    found = decoded(tmp_path / "film.mp4")[0] if suffix == ".mp4" else [Image.open(tmp_path / f"film{suffix}")]
    assert len(found) == 1


@pytest.mark.slow
def test_memory_does_not_grow_with_an_mp4_s_length(tmp_path):
    """8,000 frames of 128 x 128 x 3 are 393 MB."""
    write_film(tmp_path / "short.mp4", Waves(200, 128, 128))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    write_film(tmp_path / "long.mp4", Waves(8000, 128, 128))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # KiB


def test_an_error_among_the_frames_leaves_no_file(tmp_path):
    class Broken(Waves):
        def __iter__(self):
            yield from Waves(5)
            raise RuntimeError("no more")

    for suffix in (".mp4", ".gif", ".webp"):
        with pytest.raises(RuntimeError, match="no more"):
            write_film(tmp_path / f"film{suffix}", Broken(9))
    assert list(tmp_path.iterdir()) == []


_FOREVER = """
import sys
from tests.client.test_films import Waves
from tfgan_kit_client.films import write_film
write_film(sys.argv[1], Waves(10**9))
"""


def test_a_killed_film_leaves_nothing_under_its_name(tmp_path):
    path = tmp_path / "film.mp4"
    process = subprocess.Popen([sys.executable, "-c", _FOREVER, str(path)], cwd=pathlib.Path(__file__).parents[2])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not any(p.stat().st_size > 10_000 for p in tmp_path.iterdir()):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".film.mp4-") and not path.exists()
    drop_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name, frames, rate, message",
    [
        ("film.avi", 9, 30, ".mp4, .gif, .webp"),
        ("film.mp4", 0, 30, "at least 1 frame"),
        ("film.mp4", 9, 0, "1 to 240"),
        ("film.gif", 9, 60, "1 to 50"),
        ("film.gif", MOST_FRAMES + 1, 30, "at most 1000 frames"),
        ("film.webp", MOST_FRAMES + 1, 30, "at most 1000 frames"),
    ],
)
def test_a_film_that_cannot_be_written_is_refused(name, frames, rate, message):
    with pytest.raises(ValueError, match=message):
        check_film(name, frames, rate)


def test_without_an_encoder_an_mp4_is_refused_and_a_gif_is_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r"pip install 'tfgan_kit\[video\]'"):
        check_film("film.mp4", 9, 30)
    check_film("film.gif", 9, 30)


def test_a_build_without_the_encoder_is_refused(monkeypatch):
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    with pytest.raises(ValueError, match="no H.264 encoder"):
        check_film("film.mp4", 9, 30)


def test_a_folder_that_does_not_exist_is_made(tmp_path):
    write_film(tmp_path / "new" / "film.gif", Waves(2))
    assert os.listdir(tmp_path / "new") == ["film.gif"]
