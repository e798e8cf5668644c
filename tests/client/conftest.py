from tfgan_kit.serving import ModelServer

import pytest

from tests.client.servers import conditional_toy
from tests.serving import toy
from tfgan_kit_client import GeneratorClient


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One server of the conditional toy for all of the client's tests."""
    with conditional_toy(tmp_path_factory.mktemp("toy")) as running:
        yield running


@pytest.fixture(scope="session")
def unconditional(tmp_path_factory):
    """The address of a server whose toy takes no labels."""
    base_path = tmp_path_factory.mktemp("plain")
    toy.save(base_path / "1", names=toy.UNCONDITIONAL)
    with ModelServer(base_path, "toy", port=0) as running:
        yield f"localhost:{running.port}"


@pytest.fixture(scope="session")
def target(server):
    """host:port of `server`."""
    return f"localhost:{server.port}"


@pytest.fixture
def client(target):
    """A client of `server`, five images a call."""
    with GeneratorClient(target, "toy", batch_size=5) as one:
        yield one
