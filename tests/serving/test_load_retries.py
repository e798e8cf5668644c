"""When a version that did not load is tried again."""

import contextlib
import shutil
import types

from tfgan_kit.serving.models.load_retries import LoadRetries
from tfgan_kit.serving.models.versions import Versions

import pytest
from tensorflow_serving.apis import get_model_status_pb2

STATE = get_model_status_pb2.ModelVersionStatus


@pytest.fixture
def broken(tmp_path):
    """Versions of a folder with version 1, which never loads; and the tries so far."""
    (tmp_path / "1").mkdir()
    tries = []

    def load(path):
        tries.append(path)
        raise ValueError("not today")

    def make(*retries):
        return Versions("toy", load, LoadRetries(*retries) if retries else None).follow(tmp_path), tries

    return make


# What happens, letter by letter: a poll, changed files, gone from the folder and back, withdrawn and listed again
TRIES = {
    "no retry": ((0, 0.0), "ppppp", 1),
    "two retries": ((2, 0.0), "ppppppp", 3),
    "by default only once the files change": ((), "pppcpp", 2),
    "not before its time": ((5, 3600.0), "ppppp", 1),
    "changed files are a reason at once and count anew": ((1, 0.0), "pppppcppppp", 4),
    "what went and came back is new": ((0, 0.0), "ppgpbp", 2),
    "what was withdrawn and is listed again is new": ((0, 3600.0), "ppwpp", 2),
}


@pytest.mark.parametrize("case", TRIES)
def test_a_version_that_does_not_load_is_tried_so_often(broken, tmp_path, case):
    retries, happenings, number = TRIES[case]
    versions, tries = broken(*retries)
    happen = {
        "p": versions.poll,
        "c": lambda: (tmp_path / "1" / "saved_model.pb").write_bytes(b"more"),
        "g": lambda: (tmp_path / "1").rename(tmp_path / "away"),
        "b": lambda: (tmp_path / "away").rename(tmp_path / "1"),
        "w": lambda: (versions.withdraw(), versions.follow(tmp_path)),
    }
    for letter in happenings:
        happen[letter]()
    assert len(tries) == number


def told(versions):
    (status,) = versions.statuses()
    return STATE.State.Name(status.state), status.status.error_message


def test_it_is_loading_with_its_error_until_it_is_not_tried_again(broken):
    versions, _ = broken(2, 0.0)
    found = []
    for _ in range(4):
        versions.poll()
        found.append(told(versions))
    assert found == [("LOADING", "ValueError: not today")] * 2 + [("END", "ValueError: not today")] * 2


def removed(versions, folder):
    (folder / "1").rename(folder / "away")
    versions.poll()


def withdrawn(versions, folder):
    versions.withdraw()


def outdone(versions, folder):
    (folder / "2").mkdir()
    versions._load = lambda path: types.SimpleNamespace(version=2)
    versions.poll()


@pytest.mark.parametrize("happens", [removed, withdrawn, outdone])
def test_what_is_no_longer_wanted_does_not_stay_loading(broken, tmp_path, happens):
    versions, tries = broken(5, 3600.0)
    versions.poll()
    happens(versions, tmp_path)
    status = versions.statuses()[-1]
    assert status.version == 1 and status.state == STATE.END
    assert status.status.error_message == "ValueError: not today" and len(tries) == 1


def test_a_file_that_cannot_be_read_hides_no_other_version(tmp_path):
    (tmp_path / "9").mkdir()
    (tmp_path / "9" / "saved_model.pb").symlink_to("saved_model.pb")
    assert LoadRetries().before(tmp_path / "9") == ()


def test_of_a_folder_that_is_no_model_the_files_are_not_looked_at(tmp_path):
    """50,000 images in a folder called 2024 took 40 % of a core, once a second."""
    for k in range(3):
        (tmp_path / f"{k}.png").touch()
    (tmp_path / "saved_model.pb").touch()
    assert [name for name, *_ in LoadRetries().before(tmp_path)] == [str(tmp_path / "saved_model.pb")]


def test_a_version_that_recovers_by_itself_is_served(tmp_path):
    (tmp_path / "1").mkdir()
    tries = []

    def load(path):
        tries.append(path)
        if len(tries) < 3:
            raise OSError("the file system is away")
        return contextlib.closing(path)  # all that is asked of a model is a `close`

    versions = Versions("toy", load, LoadRetries(5, 0.0)).follow(tmp_path)
    for _ in range(3):
        versions.poll()
    assert versions.current is not None
    shutil.rmtree(tmp_path / "1")
