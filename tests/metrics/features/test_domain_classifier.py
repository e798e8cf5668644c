import logging
import os
import shutil
import time

from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.metrics import domain_classifier
from tfgan_kit.metrics.features import domain_training
from tfgan_kit.metrics.features.domain_training import build_classifier, shifted, train_classifier

import numpy as np
import pytest

from tests.twins import twins

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def trained():
    """A classifier of the dots after 2 steps."""
    return train_classifier(_dots(), np.arange(30), steps=2)


@pytest.fixture
def dots(monkeypatch, trained):
    """A source of 40 small images of two classes, whose classifier was trained before."""
    monkeypatch.setattr(domain_training, "train_classifier", lambda *_: trained)
    return _dots()


@pytest.fixture
def cache_of_dots(dots, folder_of_dots, tmp_path):
    return shutil.copytree(folder_of_dots, tmp_path / "cache")


@pytest.fixture(scope="module")
def folder_of_dots(tmp_path_factory, trained):
    folder = tmp_path_factory.mktemp("dots")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domain_training, "train_classifier", lambda *_: trained)
        domain_classifier(_dots(), np.arange(30), cache=folder)
    return folder


def _dots():
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    return ArraySource("dots", images, np.arange(40) % 2)


def _no_training(*_):
    raise RuntimeError("trained although it is cached")


@pytest.mark.slow
def test_97_percent_of_held_out_digits_are_right(digit_classifier, held_out_digits):
    images, labels = held_out_digits
    assert digit_classifier.accuracy >= 0.97
    assert digit_classifier.held_out_count == 2500
    assert np.mean(digit_classifier(images).classes == labels) >= 0.97


def test_features_do_not_depend_on_the_batch(digit_classifier, held_out_digits):
    features, logits = digit_classifier(held_out_digits[0][:300])
    alone, alone_logits = digit_classifier(held_out_digits[0][130:133])
    assert features.shape == (300, 64)
    np.testing.assert_array_equal(alone, features[130:133])
    np.testing.assert_array_equal(alone_logits, logits[130:133])


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (64, 64, 3), (40, 30, 3), (100, 130, 1), (256, 256, 3)])
def test_classifier_is_built_for_any_size(shape):
    model = build_classifier(shape, num_classes=3)
    assert [output.shape for output in model.outputs] == [(None, 64), (None, 3)]
    assert model.count_params() < 1_000_000


def test_classifier_reloads_from_the_cache_unchanged(dots, tmp_path, monkeypatch):
    trained = domain_classifier(dots, np.arange(30), cache=tmp_path)
    monkeypatch.setattr(domain_training, "train_classifier", _no_training)
    loaded = domain_classifier(dots, np.arange(30), cache=tmp_path)
    assert (loaded.weights_hash, loaded.accuracy) == (trained.weights_hash, trained.accuracy)
    assert loaded.held_out_count == 10
    assert {path.suffix for path in tmp_path.iterdir()} == {".keras", ".json"}
    assert len(list(tmp_path.iterdir())) == 2


def _truncate(folder):
    path = next(folder.glob("*.keras"))
    path.write_bytes(path.read_bytes()[:1000])


def _flip_a_byte(folder):
    path = next(folder.glob("*.keras"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _garble_the_record(folder):
    next(folder.glob("*.json")).write_text("{")


def _drop_the_record(folder):
    next(folder.glob("*.json")).unlink()


@twins("damage", [_truncate, _flip_a_byte, _garble_the_record, _drop_the_record], quick=2)
def test_damaged_cache_is_said_so_and_trained_again(dots, cache_of_dots, monkeypatch, caplog, damage):
    monkeypatch.setattr(logging.getLogger("absl"), "propagate", True)
    damage(cache_of_dots)
    domain_classifier(dots, np.arange(30), cache=cache_of_dots)
    assert "is damaged" in caplog.text and "training it again" in caplog.text
    monkeypatch.setattr(domain_training, "train_classifier", _no_training)
    domain_classifier(dots, np.arange(30), cache=cache_of_dots)  # the cache is whole again


@pytest.mark.parametrize("indices, seed", [(np.arange(1, 31), 0), (np.arange(30), 1)])
def test_another_split_or_seed_is_another_cache_entry(dots, cache_of_dots, indices, seed):
    domain_classifier(dots, indices, seed, cache=cache_of_dots)
    assert len(list(cache_of_dots.glob("*.keras"))) == 2


def test_cache_folder_that_cannot_be_written_costs_no_result(dots, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(logging.getLogger("absl"), "propagate", True)
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert domain_classifier(dots, np.arange(30), cache=blocked).held_out_count == 10
    assert "TFGAN_KIT_CACHE" in caplog.text


def test_interrupted_write_leaves_no_file(dots, tmp_path, monkeypatch):
    def full_disk(source, target):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    domain_classifier(dots, np.arange(30), cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_environment_names_the_cache_folder(dots, tmp_path, monkeypatch):
    monkeypatch.setenv("TFGAN_KIT_CACHE", str(tmp_path / "here"))
    domain_classifier(dots, np.arange(30))
    assert len(list((tmp_path / "here").glob("*.keras"))) == 1


def test_shifts_move_images_by_at_most_a_twelfth():
    image = np.zeros((500, 24, 24, 1), np.uint8)
    image[:, 12, 12] = 255
    places = np.argwhere(shifted(image, np.random.default_rng(0)))[:, 1:3]
    assert len(places) == 500
    reached = {tuple(place) for place in places}
    assert reached == {(row, column) for row in range(10, 15) for column in range(10, 15)}


def test_few_images_take_few_steps_and_many_the_recipe_s():
    found = {count: domain_training.plan(count) for count in (60, 400, 1000, 2500, 60_000)}
    assert found == {60: (150, 32), 400: (150, 32), 1000: (240, 64), 2500: (600, 64), 60_000: (600, 64)}
    assert domain_training.plan(60, steps=4000) == (4000, 64)


def test_a_training_on_few_images_stops_when_two_epochs_are_all_right(dots, monkeypatch):
    answers = []

    def counted(model, num_classes, steps):
        step = training_step(model, num_classes, steps)

        def one(images, labels):
            answers.append((int(step(images, labels)), len(labels)))
            return answers[-1][0]

        return one

    training_step = domain_training._training_step
    monkeypatch.setattr(domain_training, "_training_step", counted)
    train_classifier(dots, np.arange(30))
    assert 3 <= len(answers) < 150  # of 32 images each: the last two steps are the two epochs
    wrong = [right != count for right, count in answers]
    assert wrong[-2:] == [False, False]
    assert not any(not one and not two for one, two in zip(wrong[:-2], wrong[1:-1], strict=True))


@pytest.mark.slow
def test_a_hundred_photos_of_64_pixels_train_within_twenty_seconds(tmp_path):
    labels = np.arange(120) % 3
    images = np.random.default_rng(0).integers(0, 256, (120, 64, 64, 3), np.uint8) // (1 + labels)[:, None, None, None]
    started = time.process_time()
    classifier = domain_classifier(_source(images.astype(np.uint8), labels), np.arange(60), cache=tmp_path)
    assert time.process_time() - started < 40  # of two cores
    assert classifier.accuracy > 0.9


def _source(images, labels):
    return ArraySource("source", images, labels)


@pytest.mark.parametrize(
    "source, indices, message",
    [
        (_source(np.zeros((20, 8, 8, 1), np.uint8), None), np.arange(10), "swd"),
        (_source(np.zeros((20, 8, 8, 1), np.uint8), np.zeros(20, int)), np.arange(10), "2 classes"),
        (_source(np.zeros((20, 6, 8, 1), np.uint8), np.arange(20) % 2), np.arange(10), "8 to 256"),
        (_source(np.zeros((20, 2), np.float32), np.arange(20) % 2), np.arange(10), "8 to 256"),
        (_source(np.zeros((20, 8, 8, 1), np.uint8), np.arange(20) // 10), np.arange(9), r"\[1\]"),
        (_source(np.zeros((20, 8, 8, 1), np.uint8), np.arange(20) % 2), np.arange(20), "20 of 20"),
    ],
)
def test_unsuitable_source_is_refused_with_the_reason(source, indices, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        domain_classifier(source, indices, cache=tmp_path)


def test_a_classifier_of_other_steps_is_another_one(dots, cache_of_dots, monkeypatch):
    monkeypatch.setattr(domain_training, "train_classifier", train_classifier)
    steps = domain_classifier(dots, np.arange(30), cache=cache_of_dots, steps=1)
    assert steps.weights_hash != domain_classifier(dots, np.arange(30), cache=cache_of_dots).weights_hash


def test_keras_policy_is_no_part_of_the_network(set_policy):
    set_policy("mixed_bfloat16")
    network = domain_training.build_classifier((8, 8, 1), 2)
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}
