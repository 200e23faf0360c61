"""The report of `prepare`: what is missing, stray, twice or a known gap."""

import pathlib

import numpy as np
from raw_trees import casia_files, frame_files, png, tar_bytes, write_tree

from tf3dlocal.data import PreparationReport, open_walks, prepare
from tf3dlocal.data.preparation.report_text import report_text
from tf3dlocal.data.raw.known_data_sets import CASIA_B


def prepared(folder, files, **settings):
    """Report and data set of some files in CASIA-B's layout."""
    write_tree(folder / "raw", files)
    report = prepare(folder / "raw", out=folder / "out", workers=1, progress=False, **settings)
    return report, open_walks(folder / "out")


FULL = {"conditions": CASIA_B.conditions, "views": CASIA_B.views, "num_frames": 1}


def test_a_missing_view_is_reported(tmp_path):
    files = {n: c for n, c in casia_files(("001", "002"), **FULL).items() if not n.startswith("002/nm-01/090")}
    report, _ = prepared(tmp_path, files)
    assert report.structure.startswith("CASIA-B") and report.missing == ["002/nm-01/090"]
    assert report.missing_subjects == list(CASIA_B.subjects[2:])


def test_a_small_set_in_casia_b_s_layout_is_not_reported_as_incomplete(tmp_path):
    files = {n: c for n, c in casia_files(("001", "002", "003")).items() if not n.startswith("002/nm-01/090")}
    report, _ = prepared(tmp_path, files)
    assert report.missing == ["002/nm-01/090"] and report.missing_subjects == []


def test_known_gaps_of_casia_b_are_separate_from_other_missing_sequences():
    full = {(s, c, v) for s in CASIA_B.subjects for c in CASIA_B.conditions for v in CASIA_B.views}
    report = PreparationReport("casia-b", source="raw", layout="casia-b", settings={})
    report.compare_with_structure(full - CASIA_B.known_gaps - {("001", "nm-01", 0)})
    assert len(report.known_gaps) == 48 and report.missing == ["001/nm-01/000"]
    assert "- 005/nm-01/000" in report_text(report) and report.missing_subjects == []


def test_a_known_gap_that_is_there_but_empty_counts_as_a_known_gap(tmp_path):
    black = png(np.zeros((60, 80), np.uint8))
    report, _ = prepared(
        tmp_path, casia_files(("005",), **FULL) | dict.fromkeys(frame_files("005", "nm-01", 0, 1), black)
    )
    assert (
        report.known_gaps == ["005/nm-01/000"]
        and report.missing == []
        and report.left_out[0]["sequence"] == "005/nm-01/000"
    )


def test_in_other_data_what_most_subjects_have_is_expected_of_all(tmp_path):
    files = casia_files(("001", "002", "003"), ("d1-01",)) | frame_files("001", "d9-09")
    files = {name: content for name, content in files.items() if not name.startswith("003/d1-01/090")}
    report, _ = prepared(tmp_path, files)
    assert report.missing == ["003/d1-01/090"] and report.known_gaps == []


def test_stray_files_are_reported(tmp_path):
    report, walks = prepared(tmp_path, casia_files() | {"readme.txt": b"?", "001/nm-01/090/Thumbs.db": b"?"})
    assert [pathlib.Path(path).name for path in report.strays] == ["Thumbs.db", "readme.txt"] and len(walks) == 8


def test_a_sequence_that_occurs_twice_is_taken_once_and_reported(tmp_path):
    report, walks = prepared(tmp_path, casia_files() | {"copy.tar.gz": tar_bytes(frame_files())})
    assert len(walks) == 8 and len(report.duplicates) == 1 and "copy.tar.gz" in report.duplicates[0]


def test_a_wanted_subject_that_is_absent_from_an_archive_is_reported(tmp_path):
    report, walks = prepared(tmp_path, {"all.tar": tar_bytes(casia_files(), "w")}, subjects=["002", "099"])
    assert report.missing_subjects == ["099"] and set(walks.subjects) == {"002"}


def test_the_losses_are_one_line_each_and_none_where_nothing_was_lost():
    who = {"source": "raw", "layout": "casia-b", "settings": {}}
    whole = PreparationReport("toy", **who)
    assert whole.losses() == []
    lossy = PreparationReport("toy", **who, drop_reasons={"empty frame": 3}, strays=["a", "b"])
    assert lossy.losses() == [(3, "frames dropped: empty frame"), (2, "files that belong to no walk: a, b")]


def test_one_frame_walk_or_file_is_not_spoken_of_as_several():
    who = {"source": "raw", "layout": "casia-b", "settings": {}}
    lossy = PreparationReport("toy", **who, drop_reasons={"empty frame": 1}, missing=["a"], strays=["b"])
    assert lossy.losses() == [
        (1, "frame dropped: empty frame"),
        (1, "walk missing from the raw data: a"),
        (1, "file that belongs to no walk: b"),
    ]
