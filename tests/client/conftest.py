import pytest

from tests.serving import toy
from tfgan_kit.serving import BatchingParameters, ModelServer
from tfgan_kit_client import GeneratorClient


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One server of the conditional toy for all of the client's tests."""
    base_path = tmp_path_factory.mktemp("toy")
    toy.save(base_path / "1")
    batching = BatchingParameters(max_batch_size=32)
    with ModelServer(base_path, "toy", port=0, batching=batching, grpc_max_threads=64) as running:
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
