import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """A cache of its own for each test: none sees what another one left."""
    path = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("TFGAN_KIT_CACHE", str(path))
    return path
