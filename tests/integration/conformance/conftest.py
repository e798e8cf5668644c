"""A server for each start line, kept for the session, and a model of its own for each test."""

import pytest

from tests.integration.conformance import differences, starts, zoo
from tests.integration.conformance.calls import scale_of, states
from tests.serving import toy

SMALL = ("serving_default",)  # a version with one signature loads in a moment


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Versions' folders, copied and never changed: small toys by their scale, the others by name."""
    folder = tmp_path_factory.mktemp("saved")
    small = {scale: toy.save(folder / f"{scale}", scale, SMALL) for scale in (1, 2, 3)}
    return {
        **small,
        "slow": toy.save(folder / "slow", 2, (*SMALL, "slow")),
        "toy": toy.save(folder / "toy"),
        "zoo": zoo.save(folder / "zoo"),
    }


@pytest.fixture(scope="session")
def standing(saved, tmp_path_factory):
    """The models that every server has: toy (version 1, scale 1) and zoo (version 1)."""
    folder = tmp_path_factory.mktemp("standing")
    for name in ("toy", "zoo"):
        (folder / name).mkdir()
        toy.publish(saved[name], folder / name, 1)
    return [starts.model(name, folder / name) for name in ("toy", "zoo")]


@pytest.fixture(scope="session")
def plain(standing, tmp_path_factory):
    yield from _running("plain", standing, tmp_path_factory)


@pytest.fixture(scope="session")
def batching(standing, tmp_path_factory):
    yield from _running("batching", standing, tmp_path_factory)


@pytest.fixture(scope="session")
def limited(standing, tmp_path_factory):
    yield from _running("limited", standing, tmp_path_factory)


def _running(name, standing, tmp_path_factory):
    reason = starts.why_not(name)
    if reason:
        pytest.skip(reason)
    with starts.started(name, standing, tmp_path_factory.mktemp(name)) as server:
        yield server


@pytest.fixture
def rest(plain):
    """The plain server, where it has REST."""
    if plain.rest is None:
        pytest.skip(starts.why_not("plain", rest=True))
    return plain


class Model:
    """A model that a test has for itself, and the folder of its versions."""

    def __init__(self, server, base_path, name, saved):
        self.server, self.base_path, self.name, self.saved = server, base_path, name, saved
        base_path.mkdir()

    def publish(self, number, scale=1):
        """A new version: a toy of that scale, or the `saved` of that name."""
        toy.publish(self.saved[scale], self.base_path, number)
        return self.base_path / str(number)

    def config(self, policy="", labels=None):
        return starts.model(self.name, self.base_path, policy, labels)

    def serve(self, policy="", labels=None):
        return self.server.reload(self.config(policy, labels))

    def states(self):
        return states(self.server, self.name)

    def until(self, **version_states):
        """Waits for states such as v1="END", v2="AVAILABLE", and no others."""
        wanted = {int(version[1:]): state for version, state in version_states.items()}
        try:
            toy.until(lambda: self.states() == wanted)
        except TimeoutError as error:
            raise AssertionError(f"states stay {self.states()}, not {wanted}") from error

    def scale(self, **spec):
        return scale_of(self.server, self.name, **spec)


@pytest.fixture
def own(plain, saved, tmp_path):
    """A model of the plain server, not served yet; gone after the test."""
    name = starts.new_name("own")
    yield Model(plain, tmp_path / name, name, saved)
    plain.reload()


@pytest.fixture
def expected(request):
    """`expected(theirs)`: what is right of the server under test, see `differences.py`."""
    other = differences.ours(request.node) if starts.EMBEDDED else []
    return lambda theirs: other[0] if other else theirs


def pytest_runtest_setup(item):
    """Before its fixtures: what would end a TensorFlow Serving is not sent to one."""
    reason = None if starts.EMBEDDED else differences.wrecks(item)
    if reason:
        pytest.skip(f"TensorFlow Serving {reason}")
