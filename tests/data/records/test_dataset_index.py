"""The index of a prepared data set: it comes back as it was, and another kind is refused with the reason."""

import json

import pytest
from small_walks import some_walk

from tf3dlocal.data.records.dataset_index import read_index, write_index
from tf3dlocal.data.records.shards import shard_name, write_shard
from tf3dlocal.io import UnreadableError


def write_tiny_index(folder):
    shards = {}
    for number in (0, 1):
        name = shard_name(number, 2)
        shards[name] = write_shard(folder / name, [some_walk(frames=number + 1)])
    write_index(folder, name="tiny", size=16, shards=shards)
    return folder / "dataset.json"


def test_the_index_comes_back_as_it_was_written(tmp_path):
    write_tiny_index(tmp_path)
    index = read_index(tmp_path)
    assert (index["name"], index["size"], index["num_walks"]) == ("tiny", 16, 2)
    assert index["walks"]["num_frames"] == [1, 2] and index["walks"]["shard"] == [0, 1]
    assert index["shards"] == ["walks-00000-of-00002.tfrecord", "walks-00001-of-00002.tfrecord"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset.json", *index["shards"]]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "change, complaint",
    [
        ({"format": "other"}, "the format is 'other'"),
        ({"version": 2}, "version 2, and this program reads version 1"),
        ({"num_walks": 7}, "not all 7 long"),
        ({"walks": {}}, "the column 'subject' is missing"),
        ({"shards": ["../a"]}, "a shard must be a file of this folder, not '../a'"),
        ({"walks": 3}, "'walks' should be columns and is 3"),
        ({"shards": []}, "column 'shard' points beyond the 0 shards"),
        ({"shards": {"a": 1}}, "'shards' should be a list and is dict"),
        ({"shards": [1, 2]}, "'shards' holds 1, which is no name of a file"),
        ({"shards": ["a", "a"]}, "'shards' names a file twice"),
        ({"version": True}, "'version' should be a whole number and is True"),
        ({"version": 1.0}, "'version' should be a whole number and is 1.0"),
        ({"num_walks": True}, "'num_walks' should be a whole number and is True"),
        ({"size": True}, "'size' should be a whole number and is True"),
        ({"format": ["tf3dlocal-walks"]}, "'format' should be a text and is list"),
        ({"preparation": 3}, "'preparation' should be a text and is 3"),
        ({"preparation": None}, "'preparation' should be a text and is None"),
        ({"shard_bytes": "12", "shard_sha256": ["", ""]}, "'shard_bytes' should be a list and is '12'"),
        ({"shard_bytes": [True, 2], "shard_sha256": ["", ""]}, "'shard_bytes' is not one value per shard"),
        ({"sha256": "0" * 64}, "its content does not have its checksum"),
        ({"sha256": ["0"]}, "'sha256' should be a text and is list"),
        ({"report_sha256": False}, "'report_sha256' should be a text and is False"),
        ({"nam": "x"}, "the key 'nam' is unknown"),
        ({"shards": [".", ".."]}, "'shards' holds '..', which is no name of a file"),
        ({"size": 2**70}, "no silhouette has the size 1180591620717411303424"),
        ({"size": 63}, "no silhouette has the size 63"),
        ({"size": "64"}, "'size' should be a whole number and is '64'"),
        ({"size": -2}, "no silhouette has the size -2"),
        ({"name": None}, "'name' should be a text and is None"),
        ({"shard_bytes": [1, 2]}, "one of 'shard_bytes' and 'shard_sha256' is missing"),
        ({"shard_bytes": [1], "shard_sha256": ["", ""]}, "'shard_bytes' is not one value per shard"),
        ({"shard_bytes": [1, 2], "shard_sha256": [3, 4]}, "'shard_sha256' is not one value per shard"),
    ],
)
def test_an_index_of_another_kind_is_refused_with_the_reason(tmp_path, change, complaint):
    path = write_tiny_index(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UnreadableError, match=rf"dataset.json .*{complaint}"):
        read_index(tmp_path)


@pytest.mark.bad_input
def test_a_column_of_another_type_is_named(tmp_path):
    path = write_tiny_index(tmp_path)
    path.write_text(path.read_text().replace('"offset": [12, 12]', '"offset": [12, "12"]'))
    with pytest.raises(UnreadableError, match="column 'offset' holds '12'"):
        read_index(tmp_path)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("offset", -1),
        ("offset", 2**70),
        ("length", 0),
        ("num_frames", 0),
        ("num_frames", True),
        ("checksum", 1.5),
        ("view_degrees", "090"),
        ("shard", -1),
        ("subject", 1),
        ("subject", None),
    ],
)
def test_a_value_out_of_its_range_is_named(tmp_path, column, value):
    path = write_tiny_index(tmp_path)
    index = json.loads(path.read_text())
    index["walks"][column][1] = value
    path.write_text(json.dumps(index))
    with pytest.raises(UnreadableError, match=f"dataset.json cannot be read: .*column '{column}' holds {value!r}"):
        read_index(tmp_path)


@pytest.mark.bad_input
@pytest.mark.parametrize("values", ["ab", {"0": "001", "1": "002"}, None, 2, True])
def test_a_column_that_is_no_list_is_named(tmp_path, values):
    path = write_tiny_index(tmp_path)
    index = json.loads(path.read_text())
    index["walks"]["subject"] = values
    path.write_text(json.dumps(index))
    with pytest.raises(UnreadableError, match="the column 'subject' is not a list"):
        read_index(tmp_path)


@pytest.mark.bad_input
def test_no_single_flipped_bit_of_an_index_is_read(tmp_path):
    path = write_tiny_index(tmp_path)
    content, good = path.read_bytes(), read_index(tmp_path)
    for place in range(len(content)):
        for bit in range(8):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :])
            try:
                assert read_index(tmp_path) == good, (place, bit)  # such as another case of an escape
            except UnreadableError:
                continue


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        "null",
        "[" * 100_000,
        '{"size": 1' + "0" * 5000 + "}",
        '"\\ud800"',
        "\x00",
        "NaN",
        '{"walks": 1e999}',
    ],
)
def test_a_damaged_index_is_refused_by_name(tmp_path, content):
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(UnreadableError, match="dataset.json cannot be read: .*Prepare the data set again"):
        read_index(tmp_path)


@pytest.mark.bad_input
def test_a_folder_without_index_is_called_no_prepared_data_set(tmp_path):
    with pytest.raises(FileNotFoundError, match="not a prepared data set"):
        read_index(tmp_path)


@pytest.mark.bad_input
@pytest.mark.parametrize("content", [b"\xff\xfe{}", b'{"name": "\xe9"}'])
def test_an_index_that_is_no_utf_8_is_refused_by_name(tmp_path, content):
    (tmp_path / "dataset.json").write_bytes(content)
    with pytest.raises(UnreadableError, match="dataset.json cannot be read: .*Prepare the data set again"):
        read_index(tmp_path)


@pytest.mark.bad_input
def test_a_subject_that_is_no_text_is_refused(tmp_path):
    path = write_tiny_index(tmp_path)
    index = json.loads(path.read_text())
    index["walks"]["subject"][0] = "\ud800"
    path.write_text(json.dumps(index))
    with pytest.raises(UnreadableError, match="dataset.json cannot be read: "):
        read_index(tmp_path)
