"""The schema on disk: what goes in comes out, and what is damaged is named."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.data import tfrecords
from tf3dlocal.data.walk import Walk


def _walk(frames=5, size=16, seed=0, subject="001", condition="nm-01", view_degrees=90):
    silhouettes = np.random.default_rng(seed).integers(0, 256, [frames, size, size], dtype=np.uint8)
    return Walk(silhouettes, subject, condition, view_degrees)


def _write(folder, walks, shard=0, num_shards=1):
    with tfrecords.ShardWriter(folder / tfrecords.shard_name(shard, num_shards)) as writer:
        for walk in walks:
            writer.write(walk)
    return writer


def test_a_walk_comes_back_from_its_record_to_the_grey_level():
    walk = _walk(subject="Übung", condition="cl-02", view_degrees=162)
    back = tfrecords.decode_walk(tfrecords.encode_walk(walk))
    np.testing.assert_array_equal(back.silhouettes, walk.silhouettes)
    assert (back.subject, back.condition, back.view_degrees) == ("Übung", "cl-02", 162)


def test_the_graph_reads_what_python_reads():
    walk = _walk(frames=7, size=24)
    parsed = tf.function(tfrecords.parse_walk)(tf.constant(tfrecords.encode_walk(walk)))
    np.testing.assert_array_equal(parsed["silhouettes"], walk.silhouettes)
    assert parsed["subject"].numpy() == b"001" and parsed["condition"].numpy() == b"nm-01"
    assert [int(parsed[name]) for name in ("num_frames", "size", "view_degrees")] == [7, 24, 90]


def test_a_film_strip_is_an_8_bit_grey_png_with_the_frames_below_one_another():
    walk = _walk(frames=4)
    strip = cv2.imdecode(np.frombuffer(tfrecords.encode_film_strip(walk.silhouettes), np.uint8), cv2.IMREAD_UNCHANGED)
    assert strip.shape == (64, 16) and strip.dtype == np.uint8
    np.testing.assert_array_equal(strip[32:48], walk.silhouettes[2])


def test_a_strip_encoded_elsewhere_gives_the_same_record_as_the_walk():
    walk = _walk()
    strip = tfrecords.encode_film_strip(walk.silhouettes)
    assert tfrecords.encode_strip_example(strip, 5, 16, "001", "nm-01", 90) == tfrecords.encode_walk(walk)


def test_encoding_a_film_strip_never_imports_tensorflow():
    code = (
        "import sys, numpy, tf3dlocal.data.tfrecords as t; t.encode_film_strip(numpy.zeros([2, 8, 8], numpy.uint8)); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "silhouettes",
    [
        np.zeros([0, 16, 16], np.uint8),
        np.zeros([3, 16, 12], np.uint8),
        np.zeros([3, 16, 16], np.float32),
        np.zeros([16, 16], np.uint8),
        np.zeros([1001, 1000, 1000], np.uint8),
    ],
)
def test_what_is_no_walk_is_refused_with_its_shape(silhouettes):
    with pytest.raises(ValueError, match="frames"):
        tfrecords.encode_film_strip(silhouettes)


def test_the_offsets_point_at_the_records_that_tensorflow_reads(tmp_path):
    walks = [_walk(frames=n, seed=n, condition=f"nm-0{n}") for n in (1, 2, 3)]
    writer = _write(tmp_path, walks)
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(writer.path))]
    content = writer.path.read_bytes()
    for entry, record, walk in zip(writer.entries, records, walks, strict=True):
        assert content[entry.offset : entry.offset + entry.length] == record
        assert entry.num_frames == len(walk.silhouettes) and entry.condition == walk.condition


def test_scanning_a_shard_gives_the_entries_that_writing_it_gave(tmp_path):
    writer = _write(tmp_path, [_walk(frames=n, view_degrees=18 * n) for n in (1, 2, 3)])
    assert tfrecords.scan_shard(writer.path) == writer.entries


@pytest.mark.parametrize("lost", [1, 10, 200])
def test_scanning_a_shard_that_ends_too_early_names_the_file_and_the_record(tmp_path, lost):
    path = _write(tmp_path, [_walk(), _walk()]).path
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(ValueError, match=r"walks-00000-of-00001.tfrecord: record 1 is cut short"):
        tfrecords.scan_shard(path)


def test_scanning_a_shard_finds_a_flipped_bit(tmp_path):
    writer = _write(tmp_path, [_walk(), _walk()])
    content = bytearray(writer.path.read_bytes())
    content[writer.entries[0].offset + 50] ^= 1
    writer.path.write_bytes(content)
    with pytest.raises(ValueError, match="record 0 is cut short or damaged"):
        tfrecords.scan_shard(writer.path)


def test_a_shard_left_by_an_error_leaves_nothing_behind(tmp_path):
    with pytest.raises(RuntimeError), tfrecords.ShardWriter(tmp_path / "a.tfrecord") as writer:
        writer.write(_walk())
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_that_names_the_shard(tmp_path):
    writer = tfrecords.ShardWriter(tmp_path / "a.tfrecord")
    writer._partial.symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"a.tfrecord: could not be written .*disk full"), writer:
        for seed in range(100):
            writer.write(_walk(frames=50, size=64, seed=seed))
    assert list(tmp_path.iterdir()) == []


def test_the_index_comes_back_as_it_was_written(tmp_path):
    shards = {tfrecords.shard_name(s, 2): _write(tmp_path, [_walk(frames=s + 1)], s, 2).entries for s in (0, 1)}
    tfrecords.write_index(tmp_path, "tiny", 16, shards)
    index = tfrecords.read_index(tmp_path)
    assert (index["name"], index["size"], index["num_walks"]) == ("tiny", 16, 2)
    assert index["walks"]["num_frames"] == [1, 2] and index["walks"]["shard"] == [0, 1]
    assert index["shards"] == ["walks-00000-of-00002.tfrecord", "walks-00001-of-00002.tfrecord"]
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


@pytest.mark.parametrize(
    "change, complaint",
    [
        ({"format": "other"}, "the format is 'other'"),
        ({"version": 2}, "version 2, and this program reads version 1"),
        ({"num_walks": 7}, "not all 7 long"),
        ({"walks": {}}, "the key 'subject' is missing"),
        ({"shards": ["../a"]}, "a shard is a file of this folder, not '../a'"),
        ({"shards": []}, "column 'shard' points beyond the 0 shards"),
    ],
)
def test_an_index_of_another_kind_is_refused_with_the_reason(tmp_path, change, complaint):
    tfrecords.write_index(tmp_path, "tiny", 16, {"a": _write(tmp_path, [_walk()]).entries})
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=rf"dataset.json: .*{complaint}"):
        tfrecords.read_index(tmp_path)


def test_a_column_of_another_type_is_named(tmp_path):
    tfrecords.write_index(tmp_path, "tiny", 16, {"a": _write(tmp_path, [_walk()]).entries})
    path = tmp_path / "dataset.json"
    path.write_text(path.read_text().replace('"offset": [12]', '"offset": ["12"]'))
    with pytest.raises(ValueError, match="column 'offset' holds '12'"):
        tfrecords.read_index(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{", "null"])
def test_a_damaged_index_is_refused_by_name(tmp_path, content):
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(ValueError, match="dataset.json"):
        tfrecords.read_index(tmp_path)


def test_a_folder_without_index_is_called_no_prepared_data_set(tmp_path):
    with pytest.raises(FileNotFoundError, match="not a prepared data set"):
        tfrecords.read_index(tmp_path)


@pytest.mark.parametrize("position", [0.3, 0.6])
def test_a_flipped_bit_in_the_picture_is_found(position):
    record = bytearray(tfrecords.encode_walk(_walk(frames=20)))
    record[int(len(record) * position)] ^= 0x10
    with pytest.raises(ValueError, match="shard 3, walk 7: .*prepare the set again"):
        tfrecords.decode_walk(bytes(record), source="shard 3, walk 7")


@pytest.mark.parametrize("record", [b"", b"nonsense", tfrecords.encode_walk(_walk())[:-40]])
def test_a_record_of_another_kind_is_refused(record):
    with pytest.raises(ValueError, match="no record of the tf3dlocal-walks format"):
        tfrecords.decode_walk(record)
