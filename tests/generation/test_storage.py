"""Where shards go: a file is whole or not there, in a folder and in a store; what cannot be opened is one sentence."""

import uuid

from tfgan_kit.generation.storage import Folder, open_storage

import pytest


@pytest.fixture(params=["folder", "file", "memory"])
def storage(request, tmp_path):
    places = {"folder": tmp_path / "out", "file": f"file://{tmp_path}/out", "memory": f"memory://{uuid.uuid4().hex}"}
    return open_storage(places[request.param])


def test_what_is_written_is_listed_read_and_removed(storage):
    assert storage.names() == set()
    storage.write("a.json", b"12345")
    with storage.whole("b.zip") as temporary:
        temporary.write_bytes(b"whole")
        assert storage.names() & {"a.json", "b.zip"} == {"a.json"}
    assert storage.names() == {"a.json", "b.zip"} and storage.read("b.zip", 5) == b"whole"
    storage.remove("a.json")
    storage.remove("a.json")
    assert storage.names() == {"b.zip"}


def test_an_error_while_a_file_is_written_leaves_nothing(storage):
    with pytest.raises(ZeroDivisionError), storage.whole("b.zip") as temporary:
        temporary.write_bytes(b"ha")
        1 / 0  # noqa: B018
    assert storage.names() == set()


def test_a_file_that_is_too_large_is_refused(storage):
    storage.write("a.json", b"12345")
    with pytest.raises(ValueError, match=r"a.json.* 4 "):
        storage.read("a.json", 4)


def test_an_address_of_files_is_a_folder(tmp_path):
    assert isinstance(open_storage(f"file://{tmp_path}"), Folder)


@pytest.mark.parametrize(
    "address, message",
    [("gs://bucket/x", r"pip install gcsfs.*output=gs://bucket/x"), ("nosuch://x", r"nosuch.*output=nosuch://x")],
)
def test_an_address_that_nothing_opens_is_one_sentence(address, message):
    with pytest.raises(ValueError, match=message) as refused:
        open_storage(address)
    assert "\n" not in str(refused.value)
