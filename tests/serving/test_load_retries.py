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


@pytest.mark.parametrize("retries", [0, 2])
def test_a_version_is_tried_again_so_often_and_no_more(broken, retries):
    versions, tries = broken(retries, 0.0)
    for _ in range(retries + 5):
        versions.poll()
    assert len(tries) == 1 + retries


def test_by_default_it_is_tried_again_only_when_its_files_change(broken, tmp_path):
    versions, tries = broken()
    for _ in range(3):
        versions.poll()
    assert len(tries) == 1
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"more")
    versions.poll()
    assert len(tries) == 2


def test_it_is_not_tried_before_its_time(broken):
    versions, tries = broken(5, 3600.0)
    for _ in range(5):
        versions.poll()
    assert len(tries) == 1


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


def test_changed_files_are_a_reason_at_once_and_count_anew(broken, tmp_path):
    versions, tries = broken(1, 0.0)
    for _ in range(5):
        versions.poll()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"more")
    for _ in range(5):
        versions.poll()
    assert len(tries) == 2 * (1 + 1)


def test_a_version_that_went_and_came_back_is_new(broken, tmp_path):
    versions, tries = broken(0, 0.0)
    versions.poll()
    (tmp_path / "1").rename(tmp_path / "away")
    versions.poll()
    (tmp_path / "away").rename(tmp_path / "1")
    versions.poll()
    assert len(tries) == 2


def test_a_version_withdrawn_and_listed_again_is_new(broken, tmp_path):
    versions, tries = broken(0, 3600.0)
    versions.poll()
    versions.withdraw()
    versions.follow(tmp_path)
    versions.poll()
    assert len(tries) == 2


def test_a_folder_that_cannot_be_read_hides_no_other_version(tmp_path):
    (tmp_path / "9").mkdir()
    (tmp_path / "9" / "loop").symlink_to("loop")
    assert LoadRetries().before(tmp_path / "9") == ()


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
