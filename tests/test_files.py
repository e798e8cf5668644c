import json
import math

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


def test_a_text_that_is_no_json_is_refused():
    with pytest.raises(ValueError):
        files.from_json("{")
