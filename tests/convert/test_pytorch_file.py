"""Files that torch itself wrote, and files that nobody should open."""

import os
import pickle
import sys
import types
import warnings
import zipfile
from collections import OrderedDict

from tfgan_kit.convert import networks, read
from tfgan_kit.convert.pytorch_file import read_state_dict

import numpy as np
import pytest

from benchmarks.baselines.metric_references import torch

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


def _save(value, path, zipped=True):
    torch.save(value, path, _use_new_zipfile_serialization=zipped)
    return path


def _assert_read(state, path):
    found = read_state_dict(path)
    assert list(found) == list(state)
    for name, tensor in state.items():
        expected = tensor.detach().numpy()
        assert found[name].dtype == expected.dtype
        np.testing.assert_array_equal(found[name], expected)


@FORMATS
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"])
def test_tensor_of_every_dtype_is_read_as_torch_wrote_it(tmp_path, zipped, dtype):
    state = {"weight": torch.arange(-4, 20).reshape(2, 3, 4).to(getattr(torch, dtype))}
    _assert_read(state, _save(state, tmp_path / "a.pth", zipped))


@FORMATS
def test_state_dict_of_a_network_is_read_with_its_scalar_counters(tmp_path, zipped):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    network(torch.ones(2, 3, 8, 8))
    state = network.state_dict()
    assert state["1.num_batches_tracked"].shape == ()
    _assert_read(state, _save(state, tmp_path / "a.pth", zipped))


@FORMATS
def test_views_of_one_storage_are_read_by_offset_and_stride(tmp_path, zipped):
    whole = torch.arange(60.0).reshape(3, 4, 5)
    state = {
        "whole": whole,
        "part": whole[1:, 2],
        "last": whole[2, 3, 4],
        "turned": whole.permute(2, 0, 1),
        "stepped": whole[:, ::2, ::3],
        "repeated": whole[0, 0, :1].expand(6),
        "none": whole[:0],
    }
    _assert_read(state, _save(state, tmp_path / "a.pth", zipped))


@FORMATS
def test_parameters_are_read_as_their_tensors(tmp_path, zipped):
    state = {"weight": torch.nn.Parameter(torch.ones(2)), "bias": torch.nn.Parameter(torch.zeros(1), False)}
    _assert_read(state, _save(state, tmp_path / "a.pth", zipped))


def test_arrays_can_be_written_to_and_share_no_memory(tmp_path):
    weight = torch.zeros(3)
    found = read_state_dict(_save({"a": weight, "b": weight}, tmp_path / "a.pth"))
    found["a"][:] = 1
    np.testing.assert_array_equal(found["b"], 0)


class Command:
    """What a hostile file holds: unpickled in full, it runs a command."""

    def __init__(self, made):
        self.made = made

    def __reduce__(self):
        return os.system, (f"touch {self.made}",)


@FORMATS
def test_a_hostile_pickle_is_refused_and_not_run(tmp_path, zipped):
    made = tmp_path / "made"
    path = _save({"weight": torch.ones(2), "extra": Command(made)}, tmp_path / "a.pth", zipped)
    _assert_refused(path, "it holds (posix|nt).system, and only tensors")
    assert not made.exists()


def test_a_hostile_pickle_in_place_of_the_legacy_header_is_refused_and_not_run(tmp_path):
    made, path = tmp_path / "made", tmp_path / "a.pth"
    path.write_bytes(pickle.dumps(Command(made)))
    _assert_refused(path, "it holds (posix|nt).system")
    assert not made.exists()


def _assert_refused(path, reason=None):
    with pytest.raises(ValueError, match=reason) as error:
        read_state_dict(path)
    assert f"Received: {path} (" in str(error.value)


@pytest.mark.parametrize(
    "value, reason",
    [
        ({"state_dict": {"weight": torch.ones(1)}}, "under 'state_dict' lies a dict"),
        ({"weight": torch.ones(1), "epoch": 3}, "under 'epoch' lies a int"),
        ([torch.ones(1)], "it holds a list"),
        (torch.ones(1), "it holds a Tensor"),
        ({"weight": torch.ones(1, dtype=torch.complex64)}, "it holds torch.ComplexFloatStorage"),
        ({"weight": torch.ones(2, 2).to_sparse()}, "it holds torch.*sparse"),
        (torch.nn.Linear(1, 1), "it holds torch.nn.modules.linear.Linear, and only tensors of float32, float64"),
    ],
    ids=["nested", "a number", "list", "lone tensor", "complex", "sparse", "module"],
)
@FORMATS
def test_a_file_of_other_things_is_refused_with_the_reason(tmp_path, value, reason, zipped):
    _assert_refused(_save(value, tmp_path / "a.pth", zipped), reason)


@pytest.mark.parametrize("content", [b"", b"\x00", b"<html>404 Not Found</html>\n", bytes(range(256)) * 40], ids=len)
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    _assert_refused(path, "no whole file of weights")


def test_a_zip_file_of_other_files_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("readme.txt", "hello")
    _assert_refused(tmp_path / "a.pth", "no data.pkl")


@pytest.mark.parametrize("path", ["missing.pth", "."])
def test_no_file_is_refused(tmp_path, path):
    _assert_refused(tmp_path / path, "FileNotFoundError|IsADirectoryError")


@FORMATS
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9, 0.999])
def test_a_cut_file_is_refused(tmp_path, zipped, kept):
    path = _save({"weight": torch.arange(300.0), "bias": torch.ones(4)}, tmp_path / "a.pth", zipped)
    os.truncate(path, int(kept * path.stat().st_size))
    _assert_refused(path)


@FORMATS
@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path, zipped, seed):
    path = _save({"weight": torch.arange(6.0), "bias": torch.ones(4)}, tmp_path / "a.pth", zipped)
    random = np.random.default_rng(seed)
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    content[random.integers(len(content), size=8)] = random.integers(256, size=8)
    path.write_bytes(content.tobytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's, of names twice in one file
        try:
            assert isinstance(read_state_dict(path), dict)
        except ValueError as error:
            assert f"Received: {path} (" in str(error)


# One network among other things


@FORMATS
def test_a_network_among_other_things_is_read_by_name(tmp_path, zipped):
    player = torch.nn.Linear(2, 3)
    optimizer = torch.optim.Adam(player.parameters())
    player(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    content = {
        "netG_state_dict": player.state_dict(),
        "netD_state_dict": torch.nn.Linear(3, 1).state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "epoch": 5,
        "title": "faces",
    }
    path = _save(content, tmp_path / "a.tar", zipped)
    assert networks(path) == ["netG_state_dict", "netD_state_dict"]
    found = read(path, "netG_state_dict")
    assert list(found) == ["weight", "bias"]
    np.testing.assert_array_equal(found["weight"], player.weight.detach())


def test_the_only_network_needs_no_name(tmp_path):
    """As torch-mimicry's checkpoints."""
    content = {"model_state_dict": {"l1.weight": torch.ones(2)}, "optimizer_state_dict": None, "global_step": 100}
    assert list(read(_save(content, tmp_path / "a.pth"))) == ["l1.weight"]
    assert list(read(_save({"l1.weight": torch.ones(2)}, tmp_path / "b.pth"))) == ["l1.weight"]


@pytest.mark.parametrize("name", [None, "G_ema"])
def test_networks_are_listed_where_none_or_another_is_named(tmp_path, name):
    path = _save({"G": {"a": torch.ones(1)}, "D": {"a": torch.ones(1)}}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"Name one of the networks in the file: G, D\. Received: network="):
        read(path, name)


def test_names_of_a_network_that_was_trained_on_several_devices_have_no_prefix(tmp_path):
    path = _save(torch.nn.DataParallel(torch.nn.Linear(1, 1)).state_dict(), tmp_path / "a.pth")
    assert list(read(path)) == ["weight", "bias"]


@FORMATS
def test_bfloat16_is_read_as_float32_of_the_same_value(tmp_path, zipped):
    numbers = torch.tensor([1.0, -3.140625, 1e-30], dtype=torch.bfloat16)
    found = read(_save({"a": numbers}, tmp_path / "a.pth", zipped))["a"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, numbers.float())


# Pickles of modules


@pytest.fixture
def official_class(monkeypatch):
    """A network whose class is called as R3GAN's, in a module of this name."""
    module = types.ModuleType("training.networks")

    class Generator(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.Model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3))
            self.register_buffer("kernel", torch.ones(4, dtype=torch.bfloat16))
            self.register_buffer("cache", torch.ones(4), persistent=False)

    Generator.__module__, Generator.__qualname__ = module.__name__, "Generator"
    module.Generator = Generator
    for name in ("training", module.__name__):
        monkeypatch.setitem(sys.modules, name, module)
    return Generator


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_a_pickled_module_is_read_as_its_state_dict(tmp_path, official_class, protocol):
    network = official_class()
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"G": None, "G_ema": network, "cur_nimg": 1000}, protocol))
    assert networks(path) == ["G_ema"]
    found = read(path, "G_ema")
    assert list(found.keys() ^ network.state_dict().keys()) == []
    for name, tensor in network.state_dict().items():
        np.testing.assert_array_equal(found[name], tensor.float())


def test_a_pickle_that_would_run_a_command_is_refused_and_not_run(tmp_path, official_class):
    made, path = tmp_path / "made", tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"G_ema": official_class(), "extra": Command(made)}))
    with pytest.raises(ValueError, match="it holds (posix|nt).system, and only tensors"):
        read(path, "G_ema")
    assert not made.exists()


def test_a_command_in_the_bytes_of_a_storage_is_refused_and_not_run(tmp_path):
    class Storage:
        def __reduce__(self):
            return torch.storage._load_from_bytes, (pickle.dumps(Command(tmp_path / "made")),)

    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"G": Storage()}))
    with pytest.raises(ValueError, match="it holds (posix|nt).system"):
        read(tmp_path / "a.pkl")
    assert not (tmp_path / "made").exists()


# Files that ask for more memory or time than they have


def test_a_storage_shorter_than_its_tensor_is_refused(tmp_path):
    weight = torch.arange(12.0)
    path = _save({"weight": weight}, tmp_path / "a.pth")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(tmp_path / "b.pth", "w") as cut:
        for name in archive.namelist():
            content = archive.read(name)
            cut.writestr(name, content[:16] if name.endswith("data/0") else content)
    with pytest.raises(ValueError, match="no whole file of weights"):
        read(tmp_path / "b.pth")


def test_storages_inside_of_storages_are_refused(tmp_path):
    """A bomb of nested streams."""

    class Nested:
        def __init__(self, depth):
            self.depth = depth

        def __reduce__(self):
            inner = Nested(self.depth - 1) if self.depth else torch.ones(1)
            return torch.storage._load_from_bytes, (pickle.dumps(inner),)

    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"G": Nested(3)}))
    with pytest.raises(ValueError, match="it holds torch.storage._load_from_bytes"):
        read(tmp_path / "a.pkl")


def test_modules_that_hold_each_other_twice_are_refused(tmp_path, official_class):
    """40 levels of two names each would be 2^40 parameters."""
    inner = torch.nn.Linear(1, 1)
    for _ in range(40):
        inner = torch.nn.Sequential(OrderedDict(a=inner, b=inner))
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(inner))
    with pytest.raises(ValueError, match="modules without end"):
        read(tmp_path / "a.pkl")


def test_a_pickle_that_names_a_far_place_in_its_memory_is_refused(tmp_path):
    """Python would reserve 8 bytes a place."""
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04]r\xff\xff\xff\x7f.")
    with pytest.raises(ValueError, match="it refers to object 2147483647 of itself"):
        read(tmp_path / "a.pkl")


def test_a_compressed_file_is_refused(tmp_path):
    path = _save({"weight": torch.zeros(2**16)}, tmp_path / "a.pth")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(tmp_path / "b.pth", "w", zipfile.ZIP_DEFLATED) as compressed:
        for name in archive.namelist():
            compressed.writestr(name, archive.read(name))
    with pytest.raises(ValueError, match="a zip file that is compressed"):
        read(tmp_path / "b.pth")


def test_one_storage_as_thousands_of_tensors_is_refused(tmp_path):
    weight = torch.zeros(2**14)
    path = _save({f"w{k}": weight for k in range(2000)}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="bytes of tensors in a file of"):
        read(path)
