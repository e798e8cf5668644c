"""Files that torch itself wrote, and files that nobody should open."""

import os
import pickle
import warnings
import zipfile

from tfgan_kit.metrics.features.pytorch_weights import read_state_dict

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
        (torch.ones(1), "it holds a _Tensor"),
        ({"weight": torch.ones(1, dtype=torch.bfloat16)}, "it holds torch.BFloat16Storage.*float32, float64, float16"),
        ({"weight": torch.ones(1, dtype=torch.complex64)}, "it holds torch.ComplexFloatStorage"),
        ({"weight": torch.ones(2, 2).to_sparse()}, "it holds torch.*sparse"),
        (torch.nn.Linear(1, 1), "it holds torch.nn.modules.linear.Linear"),
    ],
    ids=["nested", "a number", "list", "lone tensor", "bfloat16", "complex", "sparse", "module"],
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
