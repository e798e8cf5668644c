"""Which version is served while the folder changes, without a gap and without a bad one."""

import contextlib
import shutil
import threading
import time
import weakref

from tfgan_kit.serving.models.versions import Policy, Versions, version_folders
from tfgan_kit.serving.protocol.errors import RequestError

import numpy as np
import pytest
from tensorflow_serving.apis import get_model_status_pb2, prediction_log_pb2

from tests.serving import toy
from tfgan_kit_client import GeneratorClient

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


def test_a_swap_under_load_loses_no_request_and_mixes_no_versions(server, base_path, saved):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(GeneratorClient(f"localhost:{server.port}", "toy")) for _ in range(4)]

        def ask(k):
            return clients[k].generate(seeds=[100 + k])[0, 0, 0, 0]

        with toy.callers(4, ask) as (answers, errors):
            toy.until(lambda: len(answers) > 20)
            toy.publish(saved[2], base_path, 2)
            toy.until(lambda: states(server) == [(2, "AVAILABLE"), (1, "END")])
            at_swap = len(answers)
            toy.until(lambda: len(answers) > at_swap + 40)
    assert not errors
    assert set(answers[:10]) <= {100, 101, 102, 103}
    assert set(answers[-10:]) <= {200, 202, 204, 206}


def test_a_call_that_runs_during_the_swap_is_finished_by_its_version(server, base_path, saved):
    with GeneratorClient(f"localhost:{server.port}", "toy") as client:
        images = []
        call = threading.Thread(target=lambda: images.append(client.generate(seeds=[7], signature="slow")))
        call.start()
        toy.until(lambda: not server.versions.drained(timeout=0))
        toy.publish(saved[2], base_path, 2)
        call.join()
    np.testing.assert_array_equal(images[0], toy.expected([7], scale=1))
    toy.until(lambda: states(server) == [(2, "AVAILABLE"), (1, "END")])


def test_deleting_the_newest_rolls_back_to_the_older(server, base_path, saved):
    toy.publish(saved[2], base_path, 2)
    toy.until(lambda: version_of(server) == 2)
    shutil.rmtree(base_path / "2")
    toy.until(lambda: states(server) == [(2, "END"), (1, "AVAILABLE")])


def test_deleting_all_leaves_nothing_to_serve_until_a_version_comes(server, base_path, saved):
    shutil.rmtree(base_path / "1")
    toy.until(lambda: states(server) == [(1, "END")])
    with GeneratorClient(f"localhost:{server.port}", "toy") as client:
        with pytest.raises(RuntimeError, match=r"Servable not found for request: Latest\(toy\)"):
            client.generate(1)
        toy.publish(saved[2], base_path, 2)
        toy.until(lambda: version_of(server) == 2)
        np.testing.assert_array_equal(client.generate(seeds=[3]), toy.expected([3], scale=2))


def _without(path):
    return lambda version: (version / path).unlink()


BAD = {
    "empty": lambda version: [shutil.rmtree(version), version.mkdir()],
    "no variables": lambda version: shutil.rmtree(version / "variables"),
    "no index": _without("variables/variables.index"),
    "no data": _without("variables/variables.data-00000-of-00001"),
    "cut data": lambda version: (version / "variables/variables.data-00000-of-00001").write_bytes(b""),
    "cut graph": lambda version: (version / "saved_model.pb").write_bytes(b"\x0a\xff\x01"),
    "bad warmup": lambda version: toy.write_warmup(version, [b"\xff\xff"]),
    "unknown signature in warmup": lambda version: toy.write_warmup(version, [_unknown()]),
}


def _unknown():
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.signature_name = "zz"
    return log.SerializeToString()


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_version_is_refused_with_its_reason_and_the_good_one_stays(server, base_path, saved, tmp_path, kind):
    shutil.copytree(saved[2], tmp_path / "bad")
    BAD[kind](tmp_path / "bad")
    (tmp_path / "bad").rename(base_path / "2")
    toy.until(lambda: has_failed(server, 2))
    assert states(server) == [(2, "LOADING"), (1, "AVAILABLE")]  # it is tried again
    assert server.versions.statuses()[0].status.error_message
    with GeneratorClient(f"localhost:{server.port}", "toy") as client:
        np.testing.assert_array_equal(client.generate(seeds=[3]), toy.expected([3], scale=1))


def test_a_version_that_was_still_being_copied_is_served_once_it_is_whole(server, base_path, saved):
    (base_path / "2").mkdir()
    shutil.copy(saved[2] / "saved_model.pb", base_path / "2")
    toy.until(lambda: has_failed(server, 2))
    shutil.copytree(saved[2] / "variables", base_path / "2" / "variables")
    toy.until(lambda: version_of(server) == 2)


def test_at_the_start_an_older_good_version_stands_in_for_a_bad_newest(serve, base_path):
    (base_path / "2").mkdir()
    assert version_of(serve()) == 1


def test_a_folder_that_cannot_be_read_keeps_what_is_served(server, base_path):
    base_path.rename(base_path.with_name("away"))
    time.sleep(0.3)
    assert version_of(server) == 1
    base_path.with_name("away").rename(base_path)


def test_a_folder_that_vanishes_is_one_line_in_the_log(server, base_path, caplog):
    base_path.rename(base_path.with_name("away"))
    toy.until(lambda: "cannot look for versions" in caplog.text)
    time.sleep(0.3)  # six polls
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


def test_only_folders_named_by_an_integer_are_versions(tmp_path):
    for name in ("1", "00010", "2", "abc", "tmp-7", ".7tmp", "1.5", "-3", str(2**63)):
        (tmp_path / name).mkdir()
    (tmp_path / "5").write_text("a file")
    assert list(version_folders(tmp_path)) == [10, 2, 1]


def test_a_version_by_number_is_not_found_once_it_is_replaced(server, base_path, saved):
    with server.versions.use(1) as model:
        assert model.version == 1
    toy.publish(saved[2], base_path, 2)
    toy.until(lambda: version_of(server) == 2)
    with pytest.raises(RequestError, match=r"Specific\(toy, 1\)"), server.versions.use(1):
        pass
