"""Names of classes in the place of ids: from lists, from the files that have them, and no others."""

import json

import numpy as np
import pytest

from tests.serving import toy
from tfgan_kit_client import GeneratorClient, image_seeds
from tfgan_kit_client.class_names import ids_of, parse_labels, read_class_names

NAMES = ["cat", "dog", "7"]
FILES = {
    "config.json": json.dumps({"dataset": {"name": "folder:pets", "class_names": NAMES}}),
    "tfgan_kit.json": json.dumps({"contract_version": 1, "lineage": {"dataset": {"class_names": NAMES}}}),
    "names.txt": "cat\ndog\r\n7\n",
}


@pytest.mark.parametrize("file", FILES)
def test_a_run_an_export_and_a_list_of_lines_hold_names(file, tmp_path):
    (tmp_path / file).write_text(FILES[file])
    assert read_class_names(tmp_path / file) == read_class_names(f"{tmp_path / file}") == NAMES


@pytest.mark.parametrize(
    "content", ["{}", "[]", '{"dataset": null}', '{"dataset": {"class_names": [1]}}', '{"lineage": {}}', "[" * 10**5]
)
def test_a_json_file_without_names_is_refused(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ValueError, match="list of names, or the path of .*'config.json', which holds no names"):
        read_class_names("config.json")


@pytest.mark.parametrize(
    "names, reason",
    [([], "list of names"), (["cat", ""], "list of names"), ([1], "list of names"), (["a", "b", "a"], "'a' twice")],
)
def test_names_are_texts_and_different(names, reason):
    with pytest.raises(ValueError, match=reason):
        read_class_names(names)


def test_words_of_a_command_line_are_names_first_and_then_ids():
    assert parse_labels(["dog", "7", "1", "0"], NAMES) == [1, 2, 1, 0]
    assert parse_labels(["7", "1"], ()) == [7, 1]
    with pytest.raises(ValueError, match="or names among cat, dog, 7. Received: labels=dog,fox"):
        parse_labels(["dog", "fox"], NAMES)
    with pytest.raises(ValueError, match=r"class49, \.\.\. \(1000 in all\)"):
        parse_labels(["fox"], [f"class{k}" for k in range(1000)])


def test_labels_of_a_program_are_ids_or_names():
    assert ids_of(["dog", 0, "7"], NAMES) == [1, 0, 2]
    assert ids_of(np.array(["dog", "cat"]), NAMES) == ids_of(("dog", "cat"), NAMES) == [1, 0]
    for unchanged in (None, 3, range(2), [0, 1], np.arange(2)):
        assert ids_of(unchanged, NAMES) is unchanged


@pytest.mark.parametrize(
    "labels, names, reason",
    [
        (["fox"], NAMES, "names among cat, dog, 7. Received: labels=\\['fox'\\]"),
        (["cat"], None, "if the client was given class_names"),
        ("cat", NAMES, "labels are a list"),
    ],
)
def test_a_name_that_is_not_known_is_told_with_those_that_are(labels, names, reason):
    with pytest.raises(ValueError, match=reason):
        ids_of(labels, names)


def test_a_client_asks_for_classes_by_their_names(target):
    with GeneratorClient(target, "toy", class_names=NAMES) as client:
        images = client.generate(labels=["dog", "cat", 1])
        np.testing.assert_array_equal(images, toy.expected(image_seeds(0, 3), [1, 0, 1]))
        np.testing.assert_array_equal(list(client.stream(labels=["dog", "cat"])), images[:2])
        with pytest.raises(ValueError, match="names among cat, dog, 7"):
            client.generate(labels=["fox"])
