from tfgan_kit.serving import ModelServer

import pytest

from tests.serving import toy


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """A version's folder by its scale; copied, never changed."""
    folder = tmp_path_factory.mktemp("saved")
    return {scale: toy.save(folder / str(scale), scale) for scale in (1, 2)}


@pytest.fixture
def base_path(tmp_path, saved):
    """The folder of a model with version 1, whose scale is 1."""
    (tmp_path / "toy").mkdir()
    toy.publish(saved[1], tmp_path / "toy", 1)
    return tmp_path / "toy"


@pytest.fixture
def serve(base_path):
    """Starts a server on `base_path`; it is stopped after the test."""
    servers = []

    def start(**arguments):
        arguments = {"port": 0, "grpc_max_threads": 64, **arguments}
        servers.append(ModelServer(base_path, "toy", **arguments).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
