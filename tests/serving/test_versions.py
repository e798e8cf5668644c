"""Which version is served while the folder changes, without a gap and without a bad one."""

import shutil
import threading
import time
import weakref

from tfgan_kit.serving.models.versions import Policy, Versions

import pytest
from tensorflow_serving.apis import get_model_status_pb2

from tests.serving import toy

STATE = get_model_status_pb2.ModelVersionStatus


def states(server):
    return [(s.version, STATE.State.Name(s.state)) for s in server.versions.statuses()]


def has_failed(server, version):
    return any(s.version == version and s.status.error_code for s in server.versions.statuses())


def version_of(server):
    model = server.versions.current
    return None if model is None else model.version


@pytest.fixture
def server(serve):
    return serve(file_system_poll_wait_seconds=0.05)


def test_a_version_that_was_still_being_copied_is_served_once_it_is_whole(server, base_path, saved):
    (base_path / "2").mkdir()
    shutil.copy(saved[2] / "saved_model.pb", base_path / "2")
    toy.until(lambda: has_failed(server, 2))
    shutil.copytree(saved[2] / "variables", base_path / "2" / "variables")
    toy.until(lambda: version_of(server) == 2)


def test_at_the_start_an_older_good_version_stands_in_for_a_bad_newest(serve, base_path):
    (base_path / "2").mkdir()
    assert version_of(serve()) == 1


def test_a_folder_that_vanishes_keeps_what_is_served_and_is_one_line_in_the_log(server, base_path, caplog):
    base_path.rename(base_path.with_name("away"))
    toy.until(lambda: "cannot look for versions" in caplog.text)
    time.sleep(0.3)  # six polls
    assert version_of(server) == 1
    base_path.with_name("away").rename(base_path)
    (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert str(base_path) in record.message and record.exc_info is None


class _Loaded:
    def __init__(self, path):
        self.version = int(path.name)
        self.me = self  # as a loaded model, full of cycles

    def close(self):
        pass


def names(versions):
    return [(s.version, STATE.State.Name(s.state)) for s in versions.statuses()]


def test_a_version_goes_from_start_over_loading_and_available_to_end(tmp_path):
    seen = []

    def load(path):
        seen.append(names(versions))
        return _Loaded(path)

    for name in ("1", "2"):
        (tmp_path / name).mkdir()
    versions = Versions("toy", load).follow(tmp_path, Policy(all={}))
    versions.poll()
    assert seen == [[(2, "LOADING"), (1, "START")], [(2, "AVAILABLE"), (1, "LOADING")]]
    assert names(versions) == [(2, "AVAILABLE"), (1, "AVAILABLE")]
    with versions.use(2):
        versions.follow(tmp_path, Policy(specific={"versions": [1]})).poll()
        assert names(versions) == [(2, "UNLOADING"), (1, "AVAILABLE")]
    toy.until(lambda: names(versions) == [(2, "END"), (1, "AVAILABLE")])


def test_a_version_that_comes_back_while_its_last_call_runs_stays_available(tmp_path):
    (tmp_path / "1").mkdir()
    versions = Versions("toy", _Loaded).follow(tmp_path)
    versions.poll()
    with versions.use():
        versions.withdraw()
        versions.poll()
        assert names(versions) == [(1, "AVAILABLE")]
    assert versions.drained(timeout=10)
    assert names(versions) == [(1, "AVAILABLE")]


def test_what_is_unloaded_is_freed(tmp_path):
    (tmp_path / "1").mkdir()
    versions = Versions("toy", _Loaded).follow(tmp_path)
    versions.poll()
    gone = weakref.ref(versions.current)
    versions.withdraw()
    toy.until(lambda: gone() is None)


def test_a_call_that_never_ends_does_not_hold_up_the_next_version(tmp_path):
    versions = Versions("toy", _Loaded, retire_seconds=0.1).follow(tmp_path)
    (tmp_path / "1").mkdir()
    versions.poll()
    with versions.use() as model:
        (tmp_path / "2").mkdir()
        poll = threading.Thread(target=versions.poll, daemon=True)
        poll.start()
        poll.join(timeout=10)
        assert not poll.is_alive()
        assert (model.version, versions.current.version) == (1, 2)
        assert not versions.drained(timeout=0)
    assert versions.drained(timeout=0)


def test_stop_returns_although_a_replaced_version_still_runs_a_call(server, base_path, saved):
    with server.versions.use():
        toy.publish(saved[2], base_path, 2)
        toy.until(lambda: states(server) == [(2, "AVAILABLE"), (1, "UNLOADING")])
        stop = threading.Thread(target=server.stop, kwargs={"grace": 0.2}, daemon=True)
        stop.start()
        stop.join(timeout=10)
        assert not stop.is_alive()
