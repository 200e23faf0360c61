"""Shard files: the offsets are right, and a shard is whole or not there."""

import pytest
import tensorflow as tf
from small_walks import some_walk

from tf3dlocal.data.records import shards
from tf3dlocal.data.records.shards import write_shard
from tf3dlocal.data.records.walk_records import encode_walk
from tf3dlocal.io import write_file


def test_the_offsets_point_at_the_records_that_tensorflow_reads(tmp_path):
    walks = [some_walk(frames=n, seed=n, condition=f"nm-0{n}") for n in (1, 2, 3)]
    path = tmp_path / "a.tfrecord"
    entries = write_shard(path, walks)
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    content = path.read_bytes()
    for entry, record, walk in zip(entries, records, walks, strict=True):
        assert content[entry.offset : entry.offset + entry.length] == record
        assert entry.num_frames == walk.num_frames and entry.condition == walk.condition


def test_a_walk_and_its_film_strip_give_the_same_shard(tmp_path):
    walks = [some_walk(seed=seed) for seed in range(3)]
    assert write_shard(tmp_path / "a", walks) == write_shard(tmp_path / "b", map(encode_walk, walks))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_error_between_two_walks_leaves_no_shard(tmp_path):
    def walks():
        yield some_walk()
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_shard(tmp_path / "a.tfrecord", walks())
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_that_names_the_shard(tmp_path, monkeypatch):
    def write_on_full_device(path, write):
        def write_there(unfinished):
            unfinished.symlink_to("/dev/full")
            write(unfinished)

        write_file(path, write_there)

    monkeypatch.setattr(shards, "write_file", write_on_full_device)
    with pytest.raises(OSError, match=r"a.tfrecord could not be written .*disk full"):
        write_shard(tmp_path / "a.tfrecord", (some_walk(frames=50, size=64, seed=seed) for seed in range(100)))
    assert list(tmp_path.iterdir()) == []
