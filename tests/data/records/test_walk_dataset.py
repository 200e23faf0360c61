"""Opening a prepared data set: the columns, selecting walks, its fingerprint, and faults of a folder."""

import dataclasses
import json
import shutil
import time

import numpy as np
import pytest
from small_walks import CONDITIONS, SUBJECTS, VIEWS, small_walk, some_walk, write_small_walks

from tf3dlocal.data import data_fingerprint, open_walks
from tf3dlocal.data.records.dataset_index import WalkEntry, write_index
from tf3dlocal.data.records.shards import write_shard
from tf3dlocal.io import UnreadableError


@pytest.fixture
def copied_walks(small_walks_folder, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(small_walks_folder, tmp_path / "copy")


def test_the_columns_hold_every_walk_that_was_written(small_walks):
    assert len(small_walks) == 120 and small_walks.size == 64
    rows = zip(small_walks.subjects.tolist(), small_walks.conditions.tolist(), small_walks.view_degrees, strict=True)
    assert set(rows) == {(s, c, v) for s in SUBJECTS for c in CONDITIONS for v in VIEWS}
    assert small_walks.subject_names == list(SUBJECTS)


def test_any_walk_is_read_by_its_number(small_walks):
    for i in (119, 0, 61, -1):
        walk = small_walks.read(i)
        expected = small_walk(walk.subject, walk.condition, walk.view_degrees)
        np.testing.assert_array_equal(walk.silhouettes, expected.silhouettes)
        assert (walk.subject, walk.view_degrees) == (small_walks.subjects[i], small_walks.view_degrees[i])
        assert walk.num_frames == small_walks.num_frames[i]


def test_walks_of_another_size_come_back_in_that_size(tmp_path):
    write_small_walks(tmp_path, size=128, subjects=("002",))
    walks = open_walks(tmp_path)
    assert walks.size == 128 and walks.read(3).silhouettes.shape[1:] == (128, 128)


@pytest.mark.parametrize(
    "chosen, count",
    [
        ({}, 120),
        ({"subjects": ["001", "003"]}, 60),
        ({"subjects": "001"}, 30),
        ({"subjects": []}, 0),
        ({"conditions": ["nm"]}, 72),
        ({"conditions": ["nm-01", "cl"]}, 36),
        ({"views": [90]}, 40),
        ({"views": 180}, 40),
        ({"exclude_subjects": ["002"]}, 90),
        ({"exclude_subjects": "002", "conditions": "bg-01", "views": (0, 90)}, 6),
        ({"min_frames": 1000}, 0),
    ],
)
def test_a_selection_has_the_number_of_walks_expected(small_walks, chosen, count):
    assert len(small_walks.select(**chosen)) == count


def test_a_selection_reads_its_walks(small_walks):
    chosen = small_walks.select(subjects=["003"], conditions=["cl"], views=[180])
    assert [chosen.read(i).name for i in range(len(chosen))] == ["003/cl-01/180", "003/cl-02/180"]
    assert chosen.subject_names == ["003"]


def test_short_walks_can_be_left_out(small_walks):
    long = small_walks.select(min_frames=12)
    assert 0 < len(long) < 120 and long.num_frames.min() >= 12


def test_a_condition_with_a_number_does_not_take_its_tenfold(small_walks):
    names = np.array(["d1", "d10", "d1-2", "d2"])
    walks = dataclasses.replace(small_walks.take(np.arange(4)), conditions=names)
    assert walks.select(conditions=["d1"]).conditions.tolist() == ["d1", "d1-2"]
    assert walks.select(conditions=["d"]).conditions.tolist() == names.tolist()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"subjects": ["999"]}, "subjects: there is no subject '999'. Known names: '001', '002'"),
        ({"subjects": ["001", "1", "2"]}, "'1' .did you mean '001'.., '2' .did you mean '002'"),
        ({"exclude_subjects": ["nobody"]}, "exclude_subjects: there is no subject 'nobody'"),
        ({"exclude_subjects": "5"}, "exclude_subjects: there is no subject '5'"),
        ({"conditions": ["nm-0"]}, "conditions: there is no condition 'nm-0'. Did you mean 'nm-0"),
        ({"conditions": "n"}, "conditions: there is no condition 'n'"),
        ({"conditions": ["nm", "xx"]}, "conditions: there is no condition 'xx'"),
        ({"views": 91}, "views: there is no view '91'. Known names: '0', '90', '180'"),
        ({"views": [90, 45]}, "views: there is no view '45'"),
    ],
)
def test_names_that_match_nobody_are_errors_with_near_names(small_walks, chosen, words):
    with pytest.raises(ValueError, match=words):
        small_walks.select(**chosen)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"subject": "001"}, r"select\(\) has no argument 'subject'. Did you mean 'subjects'"),
        ({"view": 90}, "has no argument 'view'. Did you mean 'views'"),
        ({"views": ["90"]}, "Views are whole numbers of degrees, such as 90, got '90'"),
        ({"views": 90.5}, "such as 90, got 90.5"),
        ({"min_frames": "3"}, "min_frames is a number of frames, got '3'"),
        ({"conditions": [1]}, "such as '001', got 1"),
        ({"exclude_subjects": [5]}, "such as '001', got 5"),
    ],
)
def test_mistyped_arguments_are_errors_that_name_them(small_walks, chosen, words):
    with pytest.raises(TypeError, match=words):
        small_walks.select(**chosen)


def test_a_selection_counts_what_each_rule_left_out(small_walks):
    chosen = small_walks.select(subjects=["001", "002"], conditions="nm", views=90, min_frames=12)
    lengths = small_walks.select(subjects=["001", "002"], conditions="nm", views=90).num_frames
    short = int((lengths < 12).sum())
    rule = f"shorter than min_frames 12 (the longest has {lengths[lengths < 12].max()})"
    assert chosen.left_out == {"of other subjects": 60, "of other conditions": 24, "of other views": 24, rule: short}
    assert len(chosen) == 12 - short and small_walks.left_out == {}
    twice = small_walks.select(exclude_subjects="001").select(exclude_subjects="002")
    assert twice.left_out == {"of excluded subjects": 60}


@pytest.mark.bad_input
def test_subjects_given_as_numbers_are_refused(small_walks):
    with pytest.raises(TypeError, match="such as '001', got 1"):
        small_walks.select(subjects=[1])


@pytest.mark.bad_input
def test_a_walk_number_out_of_range_is_an_index_error(small_walks):
    with pytest.raises(IndexError, match="no walk 120 in .*120 walks"):
        small_walks.read(120)


@pytest.mark.bad_input
def test_a_missing_shard_is_named(copied_walks):
    (copied_walks / "walks-00001-of-00002.tfrecord").unlink()
    with pytest.raises(FileNotFoundError, match="walks-00001-of-00002.tfrecord does not exist"):
        open_walks(copied_walks)


@pytest.mark.bad_input
def test_a_shard_that_was_cut_short_is_named_with_both_sizes(copied_walks):
    path = copied_walks / "walks-00000-of-00002.tfrecord"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(
        UnreadableError,
        match=rf"{path.name} cannot be read: it has {len(content) - 1} bytes and should have {len(content)}",
    ):
        open_walks(copied_walks)


@pytest.mark.bad_input
def test_a_record_that_is_not_the_walk_of_the_index_is_refused(copied_walks):
    path = copied_walks / "dataset.json"
    index = json.loads(path.read_text())
    index["walks"]["subject"][0] = "004"
    del index["sha256"]
    path.write_text(json.dumps(index))
    with pytest.raises(UnreadableError, match="004/nm-01/000 .*: the record is 001/nm-01/000, so index and"):
        open_walks(copied_walks).read(0)


@pytest.mark.bad_input
def test_a_damaged_walk_is_named_when_it_is_read(copied_walks):
    walks = open_walks(copied_walks)
    path = copied_walks / "walks-00000-of-00002.tfrecord"
    content = bytearray(path.read_bytes())
    content[walks.offsets[2] + walks.lengths[2] // 2] ^= 1
    path.write_bytes(content)
    walks.read(1)
    with pytest.raises(UnreadableError, match="00000-of-00002.tfrecord, 001/nm-01/180 .*: the record is damaged"):
        walks.read(2)


def test_the_whole_of_casia_b_opens_in_under_two_seconds(tmp_path):
    entries = [
        WalkEntry(
            subject=f"{n // 110:03d}",
            condition="nm-01",
            view_degrees=n % 11 * 18,
            num_frames=80,
            offset=12 + 100 * n,
            length=84,
            checksum=0,
        )
        for n in range(13_640)
    ]
    write_index(tmp_path, name="casia-b", size=64, shards={"a.tfrecord": entries})
    (tmp_path / "a.tfrecord").write_bytes(bytes(100 * 13_640))
    start = time.process_time()  # not wall time: other work on the machine does not count
    walks = open_walks(tmp_path)
    train = walks.select(subjects=[f"{n:03d}" for n in range(74)], conditions=["nm"])
    assert time.process_time() - start < 2
    assert len(walks) == 13_640 and len(train) == 8140


def test_the_fingerprint_does_not_depend_on_the_folder_the_shards_or_the_order(small_walks, tmp_path):
    write_small_walks(tmp_path, num_shards=3)
    again = open_walks(tmp_path)
    assert data_fingerprint(again) == data_fingerprint(small_walks)
    assert data_fingerprint(again.take(range(len(again))[::-1])) == data_fingerprint(small_walks)


def test_other_people_or_fewer_walks_have_another_fingerprint(small_walks, tmp_path):
    write_small_walks(tmp_path, subjects=("001", "002", "003", "005"))
    found = {
        data_fingerprint(walks) for walks in (small_walks, open_walks(tmp_path), small_walks.select(views=[0, 90]))
    }
    assert len(found) == 3


@pytest.mark.bad_input
def test_an_index_with_another_size_than_its_records_is_refused(tmp_path):
    shards = {"a.tfrecord": write_shard(tmp_path / "a.tfrecord", [some_walk(size=16)])}
    write_index(tmp_path, name="a", size=32, shards=shards)
    with pytest.raises(UnreadableError, match="its silhouettes have 16 rows, and the index says 32"):
        open_walks(tmp_path).read(0)
