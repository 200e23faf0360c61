"""`prepare`: what it writes, what it reports of bad input, and that no good walk is lost."""

import errno
import json
import pathlib

import numpy as np
import pytest
from raw_trees import casia_files, frame_files, png, raw_frame, raw_sequences, tars_of_subjects, write_tree, zip_bytes

from tf3dlocal.data import PreparationError, RawDataError, align_silhouette, open_walks, prepare
from tf3dlocal.data.preparation import part_files
from tf3dlocal.data.records import shards
from tf3dlocal.io import UnreadableError, write_file

DATA = ("dataset.json", "walks-00000-of-00001.tfrecord")


def prepared(folder, files=None, **settings):
    """Report and data set of some files in CASIA-B's layout."""
    write_tree(folder / "raw", casia_files() if files is None else files)
    report = prepare(folder / "raw", out=folder / "out", workers=1, progress=False, **settings)
    return report, open_walks(folder / "out")


def reasons(report):
    return {entry["sequence"]: (entry["reason"], len(entry["frames"])) for entry in report.dropped_frames}


def test_each_walk_is_the_aligned_frames_of_its_sequence_in_order(tmp_path):
    report, walks = prepared(tmp_path)
    assert (report.num_walks, report.num_frames, len(walks)) == (8, 24, 8)
    for index in range(len(walks)):
        walk = walks.read(index)
        frames = [align_silhouette(raw_frame(i + int(walk.subject) % 3)) for i in range(3)]
        np.testing.assert_array_equal(walk.silhouettes, np.stack(frames))
    assert [walks.read(i).name for i in range(3)] == ["001/cl-02/000", "001/cl-02/090", "001/nm-01/000"]


def test_the_size_may_be_128(tmp_path):
    _, walks = prepared(tmp_path, frame_files(), size=128)
    assert walks.size == 128
    np.testing.assert_array_equal(walks.read(0).silhouettes[0], align_silhouette(raw_frame(1), size=128))


def test_two_processes_write_the_same_bytes_as_one(tmp_path):
    raw = write_tree(tmp_path / "raw", casia_files(("001", "002", "003")))
    reports = [prepare(raw, out=tmp_path / f"out{n}", workers=n, progress=False) for n in (1, 2)]
    assert reports[0] == reports[1]
    for name in (*DATA, "report.json", "report.md"):
        assert (tmp_path / "out1" / name).read_bytes() == (tmp_path / "out2" / name).read_bytes()


def test_a_tree_its_tars_and_its_zip_give_the_same_walks(tmp_path):
    files = casia_files()
    write_tree(tmp_path / "tree", files)
    write_tree(tmp_path / "tars", tars_of_subjects(files))
    (tmp_path / "raw.zip").write_bytes(zip_bytes(files))
    contents = set()
    for raw in ("tree", "tars", "raw.zip"):
        prepare(tmp_path / raw, out=tmp_path / f"out-{raw}", name="same", workers=1, progress=False)
        index = json.loads((tmp_path / f"out-{raw}" / "dataset.json").read_text())
        assert index.pop("preparation") and index.pop("report_sha256") and index.pop("sha256")  # of this raw data
        contents.add((json.dumps(index), (tmp_path / f"out-{raw}" / DATA[1]).read_bytes()))
    assert len(contents) == 1


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (png(raw_frame())[:60], "truncated PNG"),
        (png(np.stack([raw_frame(), raw_frame(), raw_frame(1)], -1)), "colour image"),
        (png(raw_frame().astype(np.uint16) * 256), "16-bit image"),
        (png(np.zeros((60, 80), np.uint8)), "all black"),
        (png(np.eye(60, 80, dtype=np.uint8) * 100), "too few foreground pixels"),
        (b"hello", "not a readable image"),
    ],
)
def test_a_bad_frame_is_dropped_and_reported_and_the_rest_of_its_walk_is_kept(tmp_path, content, reason):
    files = casia_files()
    bad = next(iter(files))
    report, walks = prepared(tmp_path, files | {bad: content})
    sequence = "/".join(bad.split("/")[:3])
    assert reasons(report) == {sequence: (reason, 1)}
    assert report.dropped_frames[0]["frames"] == [bad] and report.drop_reasons == {reason: 1}
    assert len(walks) == 8 and sorted(walks.num_frames) == [2] + [3] * 7
    assert f"- {reason}: 1" in (tmp_path / "out" / "report.md").read_text()


def test_an_all_black_sequence_is_reported_and_left_out(tmp_path):
    black = png(np.zeros((60, 80), np.uint8))
    report, walks = prepared(tmp_path, casia_files() | dict.fromkeys(frame_files("001", "nm-01", 90), black))
    why = "0 usable of 3 frames; at least 1 needed"
    assert report.left_out == [{"sequence": "001/nm-01/090", "num_frames": 0, "why": why}]
    assert reasons(report) == {"001/nm-01/090": ("all black", 3)} and len(walks) == 7


def test_a_walk_of_one_frame_is_kept_and_reported_as_short(tmp_path):
    report, walks = prepared(tmp_path, casia_files() | frame_files("003", num_frames=1))
    assert {"sequence": "003/nm-01/090", "num_frames": 1} in report.short
    assert len(walks) == 9 and report.left_out == []


def test_a_walk_of_one_frame_is_reported_and_left_out_where_more_are_required(tmp_path):
    report, walks = prepared(tmp_path, casia_files() | frame_files("003", num_frames=1), min_frames=2)
    assert [entry["sequence"] for entry in report.left_out] == ["003/nm-01/090"] and len(walks) == 8
    assert "003/nm-01/090: 1 usable of 1 frames; at least 2 needed" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.bad_input
def test_a_data_set_without_one_usable_walk_is_an_error_that_counts_the_reasons(tmp_path):
    colour = png(np.stack([raw_frame(), raw_frame(), raw_frame(1)], -1))
    with pytest.raises(RawDataError, match=r"no usable walk in 1 sequences. Dropped frames: colour image \(3\)"):
        prepared(tmp_path, dict.fromkeys(frame_files(), colour))
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_a_second_call_reuses_what_is_there(tmp_path, monkeypatch):
    first, _ = prepared(tmp_path)
    monkeypatch.setattr("tf3dlocal.data.preparation.prepare.align_parts", None)
    second = prepare(tmp_path / "raw", out=tmp_path / "out", progress=False)
    assert second == first and second.reused and not first.reused
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted((*DATA, "report.json", "report.md"))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": 32}, "size was 64 and is 32"),
        ({"min_frames": 3}, "min_frames was 1 and is 3"),
        ({"subjects": "001"}, r"subjects was None and is \['001'\]"),
        ({}, "the raw files have changed"),
    ],
)
def test_other_settings_or_files_are_an_error_unless_overwriting_is_allowed(tmp_path, change, words):
    prepared(tmp_path)
    before = (tmp_path / "out" / "dataset.json").read_bytes()
    if not change:
        write_tree(tmp_path / "raw", frame_files("003"))
    with pytest.raises(PreparationError, match=f"{words}.*overwrite=True"):
        prepare(tmp_path / "raw", out=tmp_path / "out", progress=False, **change)
    assert (tmp_path / "out" / "dataset.json").read_bytes() == before
    report = prepare(tmp_path / "raw", out=tmp_path / "out", workers=1, progress=False, overwrite=True, **change)
    assert len(open_walks(tmp_path / "out")) == report.num_walks


@pytest.mark.bad_input
def test_an_old_data_set_is_kept_until_the_new_one_can_be_written(tmp_path):
    prepared(tmp_path, tars_of_subjects(casia_files()))
    write_tree(tmp_path / "raw", {"003.tar.gz": b"damaged"})
    with pytest.raises(RawDataError, match="003.tar.gz cannot be read"):
        prepare(tmp_path / "raw", out=tmp_path / "out", workers=1, progress=False, overwrite=True)
    assert len(open_walks(tmp_path / "out")) == 8


def test_what_a_call_left_that_was_killed_after_its_last_walk_is_removed_by_the_next(tmp_path):
    prepared(tmp_path)
    (tmp_path / "out" / ".parts").mkdir()
    assert prepare(tmp_path / "raw", out=tmp_path / "out", workers=1, progress=False).reused
    assert not (tmp_path / "out" / ".parts").exists()


def test_a_data_set_that_lost_a_shard_is_made_again(tmp_path):
    prepared(tmp_path)
    (tmp_path / "out" / DATA[1]).unlink()
    report = prepare(tmp_path / "raw", out=tmp_path / "out", workers=1, progress=False)
    assert not report.reused and open_walks(tmp_path / "out").read(7).num_frames == 3


@pytest.mark.bad_input
def test_raw_and_prepared_data_may_not_share_a_folder(tmp_path):
    raw = write_tree(tmp_path / "raw", casia_files())
    with pytest.raises(PreparationError, match="holds the raw data"):
        prepare(raw, out=raw, progress=False)
    assert not (raw / ".parts").exists()


@pytest.mark.bad_input
def test_a_full_disk_is_reported_and_the_next_call_uses_the_finished_parts(tmp_path, monkeypatch):
    raw = write_tree(tmp_path / "raw", casia_files(("001", "002", "003")))
    written = []

    def fill(path, write):
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        written.append(path)
        write_file(path, write)

    monkeypatch.setattr(part_files, "write_file", fill)
    with pytest.raises(PreparationError, match="The disk is full.*2 aligned parts are kept.*call again"):
        prepare(raw, out=tmp_path / "out", workers=1, progress=False)
    assert not (tmp_path / "out" / "dataset.json").exists()
    monkeypatch.undo()
    times = [path.stat().st_mtime_ns for path in written]
    kept = []
    monkeypatch.setattr(
        "tf3dlocal.data.preparation.prepare.align_parts", lambda todo, **settings: kept.extend(todo) or []
    )
    with pytest.raises(FileNotFoundError):
        prepare(raw, out=tmp_path / "out", workers=1, progress=False)
    assert [part.name for part, _ in kept] == ["003"] and times == [path.stat().st_mtime_ns for path in written]
    monkeypatch.undo()
    assert prepare(raw, out=tmp_path / "out", workers=1, progress=False).num_walks == 12


@pytest.mark.bad_input
@pytest.mark.skipif(not pathlib.Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_full_while_shards_are_written_leaves_no_data_set_and_keeps_the_parts(tmp_path, monkeypatch):
    raw = write_tree(tmp_path / "raw", casia_files())
    monkeypatch.setattr(shards, "write_file", _write_on_full_device)
    with pytest.raises(PreparationError, match="The disk is full.*2 aligned parts are kept"):
        prepare(raw, out=tmp_path / "out", workers=1, progress=False)
    assert not (tmp_path / "out" / "dataset.json").exists()
    monkeypatch.undo()
    assert prepare(raw, out=tmp_path / "out", workers=1, progress=False).num_walks == 8


def _write_on_full_device(path, write):
    def write_there(unfinished):
        unfinished.symlink_to("/dev/full")
        write(unfinished)

    write_file(path, write_there)


@pytest.mark.bad_input
def test_a_damaged_archive_is_named_and_all_other_subjects_are_kept_for_the_next_call(tmp_path):
    tars = tars_of_subjects(casia_files(("001", "002", "003")))
    raw = write_tree(tmp_path / "raw", tars | {"002.tar.gz": tars["002.tar.gz"][:500]})
    with pytest.raises(RawDataError, match=r"(?s)002.tar.gz cannot be read.*The other 2 parts are aligned and kept"):
        prepare(raw, out=tmp_path / "out", workers=1, progress=False)
    write_tree(raw, {"002.tar.gz": tars["002.tar.gz"]})
    assert prepare(raw, out=tmp_path / "out", workers=1, progress=False).num_walks == 12


def test_what_is_left_of_an_earlier_attempt_with_other_settings_is_not_used(tmp_path, capsys):
    raw = write_tree(tmp_path / "raw", casia_files())
    parts = tmp_path / "out" / ".parts"
    write_tree(
        parts, {"001-0123456789abcdef.npz": b"old", ".0a1b2c3d.unfinished/lock": b"", ".0a1b2c3d.unfinished/x": b""}
    )
    assert prepare(raw, out=tmp_path / "out", workers=1).num_walks == 8
    assert "Removing 1 parts of an earlier call" in capsys.readouterr().err


@pytest.mark.bad_input
def test_a_damaged_part_file_is_an_error_that_names_it(tmp_path):
    (tmp_path / "part.npz").write_bytes(b"PK\x03\x04nonsense")
    with pytest.raises(UnreadableError, match="part.npz cannot be read: .*Delete it"):
        part_files.read_part(tmp_path / "part.npz")


def test_the_report_is_written_for_programs_too(tmp_path):
    report, _ = prepared(tmp_path)
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == json.loads(json.dumps(report.as_dict()))


@pytest.mark.bad_input
def test_an_odd_size_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="even"):
        prepared(tmp_path, size=65)


@pytest.mark.shared
def test_real_people_are_prepared_whole_and_equal_the_published_steps(shared, tmp_path):
    from references.alignment_loops import align

    raw = shared / "data" / "kth" / "silhouettes.zip"
    report = prepare(raw, out=tmp_path / "out", workers=1, progress=False, subjects=["003", "009"])
    walks = open_walks(tmp_path / "out")
    assert report.subjects == ["003", "009"] and report.num_raw_frames == report.num_frames == sum(walks.num_frames)
    sequence = raw_sequences(raw, subjects=["003"])[0]
    walk = walks.read(0)
    assert walk.name == sequence.name and walk.num_frames == len(sequence.files)
    _, frame = next(sequence.frames())
    assert frame.shape == (120, 160) and set(np.unique(frame)) == {0, 255}  # one-bit pictures
    assert np.abs(walk.silhouettes[0].astype(int) - align(frame)).max() <= 1
