"""Shards: whole ones only, on the disk before they count, and a full disk names the one that it stopped."""

import json
import os
import resource

from tfgan_kit import processor
from tfgan_kit.generation.shards import MANIFEST, ShardPlan, write_shards
from tfgan_kit.generation.storage import open_storage

import pytest


@pytest.fixture
def gan(make_gan):
    return make_gan()


@pytest.mark.parametrize("format, suffix", [("png", "zip"), ("tfrecord", "tfrecord")])
def test_a_full_disk_names_the_shard_and_leaves_no_part_of_it(format, suffix, gan, tmp_path):
    write_shards(gan, tmp_path, 4, format=format, shard_size=4)
    size = (tmp_path / f"shard-00000-of-00001.{suffix}").stat().st_size
    os.remove(tmp_path / f"shard-00000-of-00001.{suffix}")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1, hard))
    try:
        with pytest.raises(OSError, match=f"/shard-00000-of-00001.{suffix}"):
            write_shards(gan, tmp_path, 4, format=format, shard_size=4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == [MANIFEST]


@pytest.mark.parametrize("format, suffix", [("png", "zip"), ("tfrecord", "tfrecord")])
def test_a_shard_is_on_the_disk_before_the_next_one_is_begun(format, suffix, gan, tmp_path, monkeypatch):
    done, sync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda d: done.append(os.readlink(f"/proc/self/fd/{d}")) or sync(d))
    monkeypatch.setattr(os, "replace", lambda a, b: done.append((str(a), str(b))) or replace(a, b))
    write_shards(gan, tmp_path, 3, format=format, shard_size=2)
    for k in range(2):
        (at,) = [n for n, one in enumerate(done) if str(tmp_path / f"shard-0000{k}-of-00002.{suffix}") in one]
        assert done[at - 1] == done[at][0] and done[at + 1] == str(tmp_path)


@pytest.mark.parametrize("content", ["[]", "{", "[" * 200_000, ""], ids=lambda text: text[:4])
def test_a_manifest_that_tells_nothing_is_refused(content, gan, tmp_path):
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(ValueError, match=f"{MANIFEST} does not say of what.*Received: output="):
        write_shards(gan, tmp_path, 3)


def contents(address):
    storage = open_storage(address)
    return {name: storage.read(name, 2**20) for name in storage.names()}


def test_a_store_holds_the_bytes_of_a_folder(gan, tmp_path):
    for output in (tmp_path, "memory://shards-of-a-store"):
        write_shards(gan, output, 5, shard_size=2)
    assert contents(tmp_path) == contents("memory://shards-of-a-store") and len(contents(tmp_path)) == 4


def test_shards_say_the_kind_of_processor_and_refuse_another_or_name_it(gan, tmp_path, monkeypatch):
    write_shards(gan, tmp_path, 5, shard_size=2)
    whole, kind = contents(tmp_path), processor.record()
    assert json.loads(whole[MANIFEST])["processor"] == kind
    os.remove(tmp_path / "shard-00001-of-00003.zip")
    other = kind | {"onednn": not kind["onednn"]}
    monkeypatch.setattr(processor, "record", lambda: other)
    with pytest.raises(ValueError, match=r"another kind of processor.*--mixed_processors"):
        write_shards(gan, tmp_path, 5, shard_size=2)
    assert set(os.listdir(tmp_path)) == whole.keys() - {"shard-00001-of-00003.zip"}
    write_shards(gan, tmp_path, 5, shard_size=2, mixed_processors=True)
    assert json.loads((tmp_path / "shard-00001-of-00003.processor.json").read_text()) == other
    assert contents(tmp_path)["shard-00001-of-00003.zip"] == whole["shard-00001-of-00003.zip"]


def test_a_plan_holds_every_image_once():
    plan = ShardPlan(num_images=25, shard_size=10)
    assert [k for shard in range(plan.count) for k in plan.images(shard)] == list(range(25))
    assert plan.missing({plan.name(1), "else"}) == [0, 2]
