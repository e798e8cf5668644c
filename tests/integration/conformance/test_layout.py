"""What a base path may hold, and what a version must: names, half-written ones, roll back."""

import shutil

import grpc
import numpy as np
import pytest
from tensorflow.core.protobuf import saved_model_pb2

from tests.integration.conformance.calls import NOT_FOUND, refused, status_of
from tests.serving import toy

SEED = {"seed": np.int64([1])}
DATA = "variables/variables.data-00000-of-00001"


@pytest.mark.parametrize("name, version", [("7", 7), ("00010", 10), ("0", 0)])
def test_a_version_is_a_name_that_reads_as_int64(own, name, version):
    own.publish(name)
    own.serve()
    assert own.states() == {version: "AVAILABLE"}
    assert own.scale(version=version) == 1


def test_names_that_are_no_integers_are_skipped(own):
    own.publish(1)
    own.serve()
    for name in ("abc", "tmp-7", ".7tmp", "v0.1", "2.5", "1e3", "-3", "\u0667", "\u00b2", str(2**63)):
        shutil.copytree(own.saved[2], own.base_path / name)
    own.publish(2, scale=3)
    own.until(v2="AVAILABLE", v1="END")
    assert own.scale() == 3


def test_a_plain_file_named_by_a_number(own, expected):
    own.publish(1)
    own.serve()
    (own.base_path / "2").write_text("not a folder")
    own.serve()  # looks at the folder
    states = expected({1: "AVAILABLE", 2: "END"})
    own.until(**{f"v{version}": state for version, state in states.items()})
    assert own.scale() == 1


def test_one_number_twice_is_one_version(own):
    own.publish("1")
    own.publish("01", scale=2)
    own.serve()
    assert own.states() == {1: "AVAILABLE"} and own.scale() in (1, 2)


def test_a_new_version_is_found_and_the_old_one_is_not_found_by_number(own):
    own.publish(1)
    own.serve()
    own.publish(2, scale=2)
    own.until(v2="AVAILABLE", v1="END")
    assert own.scale() == 2
    assert refused(own.server, SEED, name=own.name, version=1)[0] is NOT_FOUND


def test_a_version_overwritten_in_place_is_not_noticed(own):
    first = own.publish(1)
    own.serve()
    shutil.copytree(own.saved[2], first, dirs_exist_ok=True)
    own.publish(0, scale=3)  # older, so not served; the folder was surely looked at when it changed
    assert own.scale() == 1 and own.states() == {1: "AVAILABLE"}


def test_a_half_written_version(own, expected):
    """`saved_model.pb` is there, `variables/` is not."""
    own.publish(1)
    own.serve()
    folder = own.base_path / "tmp"
    shutil.copytree(own.saved[2], folder)
    shutil.rmtree(folder / "variables")
    folder.rename(own.base_path / "2")
    states = expected({1: "END", 2: "AVAILABLE"})
    own.until(**{f"v{version}": state for version, state in states.items()})


def _cut_graph(version):
    (version / "saved_model.pb").write_bytes(b"\x0a\xff\x01")


def _other_tags(version):
    path = version / "saved_model.pb"
    whole = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    whole.meta_graphs[0].meta_info_def.tags[:] = ["train"]
    path.write_bytes(whole.SerializeToString())


DAMAGES = {
    "empty": lambda version: (shutil.rmtree(version), version.mkdir()),
    "no data": lambda version: (version / DATA).unlink(),
    "no index": lambda version: (version / "variables" / "variables.index").unlink(),
    "cut data": lambda version: (version / DATA).write_bytes(b""),
    "cut graph": _cut_graph,
    "without the tag serve": _other_tags,
}


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_version_fails_and_the_good_one_stays(own, case):
    own.publish(1)
    own.serve()
    DAMAGES[case](own.publish("tmp", scale=2))
    (own.base_path / "tmp").rename(own.base_path / "2")
    own.until(v2="END", v1="AVAILABLE")
    _, code, text = status_of(own.server, own.name, 2)
    assert code == "NOT_FOUND" and "saved_model.pb" in text if case == "empty" else code != "OK"
    assert own.scale() == 1


def test_the_code_of_a_cut_graph(own, expected):
    _cut_graph(own.publish(1))
    with pytest.raises(grpc.RpcError):
        own.serve()
    assert status_of(own.server, own.name, 1)[1] == expected("OUT_OF_RANGE")


def test_deleting_all_leaves_nothing(own):
    folder = own.publish(1)
    own.serve()
    shutil.rmtree(folder)
    own.until(v1="END")
    assert refused(own.server, SEED, name=own.name)[0] is NOT_FOUND
    own.publish(2, scale=2)
    toy.until(lambda: own.states().get(2) == "AVAILABLE")
    assert own.scale() == 2


def test_deleting_the_newest_rolls_back_and_it_may_come_back(own):
    own.publish(1)
    own.publish(2, scale=2)
    own.serve()
    assert own.states() == {2: "AVAILABLE"}
    shutil.rmtree(own.base_path / "2")
    own.until(v2="END", v1="AVAILABLE")
    assert own.scale() == 1
    own.publish(2, scale=3)
    own.until(v2="AVAILABLE", v1="END")
    assert own.scale() == 3
