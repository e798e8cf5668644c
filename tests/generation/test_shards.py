"""Shards: whole ones only, on the disk before they count, and a full disk names the one that it stopped."""

import os
import resource

from tfgan_kit.generation.shards import MANIFEST, write_shards

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
