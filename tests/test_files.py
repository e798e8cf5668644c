import errno
import json
import math
import os
import resource

from tfgan_kit import files
from tfgan_kit.files import write_json

import pytest

VALUE = {"a": [math.inf, -math.inf, {"b": (math.nan, 1.5, 2)}], "Infinity": None, "text": "of infinity", "yes": True}


def _refuse(name):
    raise AssertionError(f"{name} is no JSON")


@pytest.mark.parametrize("indent", [None, 2])
def test_a_strict_reader_takes_it(indent):
    strict = json.loads(files.to_json(VALUE, indent), parse_constant=_refuse)
    assert strict["a"] == ["Infinity", "-Infinity", {"b": ["NaN", 1.5, 2]}]


def test_a_file_is_read_by_strict_readers(tmp_path):
    write_json(tmp_path / "x.json", VALUE)
    assert [float(x) for x in json.loads((tmp_path / "x.json").read_text(), parse_constant=_refuse)["a"][:2]] == [
        math.inf,
        -math.inf,
    ]


@pytest.mark.parametrize("dumps", [files.to_json, json.dumps], ids=["ours", "of earlier versions"])
def test_numbers_are_read_back(dumps):
    found = files.from_json(dumps(VALUE))
    assert found["a"][:2] == [math.inf, -math.inf] and math.isnan(found["a"][2]["b"][0])
    del found["a"]
    assert found == {"Infinity": None, "text": "of infinity", "yes": True}


@pytest.mark.parametrize("text", ["{", "[" * 200_000 + "]" * 200_000, "[" * 5_000 + "]" * 5_000], ids=len)
def test_a_text_that_is_no_json_or_too_deep_is_refused(text):
    with pytest.raises(ValueError):
        files.from_json(text)


@pytest.mark.parametrize(
    "content", ["[]", "5", "null", '"x"', "{", "", "[" * 200_000, "\x00"], ids=lambda text: text[:4]
)
def test_a_file_that_holds_another_value_is_refused(content, tmp_path):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(ValueError):
        files.read_json(tmp_path / "x.json")


def test_a_file_is_read_up_to_its_limit_and_nothing_else_is(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("{}")
    assert files.read_json(path, most=2) == {}
    with pytest.raises(ValueError, match="2 bytes, at most 1"):
        files.read_json(path, most=1)
    os.truncate(path, 2**40)
    with pytest.raises(ValueError, match="at most"):
        files.read_json(path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is not a regular file"):
        files.read_json(tmp_path / "pipe")
    with pytest.raises(FileNotFoundError):
        files.read_json(tmp_path / "nowhere")


def test_a_full_disk_is_said_with_the_file_that_was_asked_for(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="large.txt") as error:
            files.write_text(tmp_path / "large.txt", 11 * "x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert error.value.errno == errno.EFBIG and not os.listdir(tmp_path)
