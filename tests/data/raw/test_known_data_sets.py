"""CASIA-B's layout in every container, and its table of gaps."""

import collections

import numpy as np
import pytest
from raw_trees import casia_files, raw_sequences, tar_bytes, tars_of_subjects, write_tree, zip_bytes

from tf3dlocal.data import open_raw
from tf3dlocal.data.raw.known_data_sets import CASIA_B

FILES = casia_files()


def tree(folder):
    return write_tree(folder / "raw", FILES)


def tree_below_other_folders(folder):
    write_tree(folder / "raw" / "DatasetB" / "silhouettes", FILES)
    return folder / "raw"


def tars(folder):
    return write_tree(folder / "raw", tars_of_subjects(FILES))


def plain_tar_of_all(folder):
    (folder / "all.tar").write_bytes(tar_bytes({f"./{name}": content for name, content in FILES.items()}, "w"))
    return folder / "all.tar"


def zipped_tree(folder):
    (folder / "raw.zip").write_bytes(zip_bytes({f"DatasetB/{name}": content for name, content in FILES.items()}))
    return folder / "raw.zip"


def zipped_tars(folder):
    (folder / "raw.zip").write_bytes(zip_bytes({f"silh/{n}": c for n, c in tars_of_subjects(FILES).items()}))
    return folder / "raw.zip"


def one_zip_per_subject(folder):
    for subject in ("001", "002"):
        files = {name: content for name, content in FILES.items() if name.startswith(subject)}
        write_tree(folder / "raw", {f"{subject}.zip": zip_bytes(files)})
    return folder / "raw"


def half_tree_half_tar(folder):
    write_tree(folder / "raw", {name: content for name, content in FILES.items() if name.startswith("001")})
    return write_tree(folder / "raw", {"002.tar.gz": tars_of_subjects(FILES)["002.tar.gz"]})


CONTAINERS = [
    tree,
    tree_below_other_folders,
    tars,
    plain_tar_of_all,
    zipped_tree,
    zipped_tars,
    one_zip_per_subject,
    half_tree_half_tar,
]


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda function: function.__name__)
def test_every_container_gives_the_same_sequences(container, tmp_path):
    source = open_raw(container(tmp_path))
    assert source.pattern.layout == "casia-b" and source.strays == []
    strays, found = [], {}
    for part in source.parts:
        for sequence in part.sequences(strays):
            found[sequence.name] = list(sequence.frames())
    assert strays == []
    assert list(found) == sorted(
        f"{s}/{c}/{v}" for s in ("001", "002") for c in ("cl-02", "nm-01") for v in ("000", "090")
    )
    for name, frames in found.items():
        assert [path.rsplit("-", 1)[1] for path, _ in frames] == ["001.png", "002.png", "003.png"]
        assert all(name in path and frame.shape == (60, 80) and frame.dtype == np.uint8 for path, frame in frames)


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda function: function.__name__)
def test_subjects_can_be_chosen_in_every_container(container, tmp_path):
    source = open_raw(container(tmp_path), subjects=["002"])
    assert {s.subject for part in source.parts for s in part.sequences([])} == {"002"}


def test_the_sequences_can_be_read_without_preparing(tmp_path):
    sequence = raw_sequences(tree(tmp_path))[0]
    assert (sequence.subject, sequence.condition, sequence.view_degrees) == ("001", "cl-02", 0)
    assert len(list(sequence.frames())) == 3


def test_an_archive_of_something_else_next_to_the_subjects_is_all_strays(tmp_path):
    other = {"000-papers.tar.gz": tar_bytes({"paper.pdf": b"?"})}
    source = open_raw(write_tree(tars(tmp_path), other))
    strays = []
    assert len([s for part in source.parts for s in part.sequences(strays)]) == 8
    assert strays == [f"{tmp_path}/raw/000-papers.tar.gz/paper.pdf"]


def test_the_full_structure_is_124_subjects_of_110_sequences():
    assert len(CASIA_B.subjects) == 124 and CASIA_B.subjects[-1] == "124"
    assert len(CASIA_B.conditions) * len(CASIA_B.views) == 110


def test_the_48_gaps_leave_the_numbers_that_are_known_of_casia_b():
    gaps = CASIA_B.known_gaps
    assert len(gaps) == 48 and 124 * 110 - len(gaps) == 13_592
    assert all(s in CASIA_B.subjects and c in CASIA_B.conditions and v in CASIA_B.views for s, c, v in gaps)
    for training_subjects, expected in ((24, 2_630), (62, 6_798), (74, 8_107)):
        lost = sum(int(subject) <= training_subjects for subject, _, _ in gaps)
        assert training_subjects * 110 - lost == expected
    gallery = collections.Counter(condition[:2] for s, condition, _ in gaps if int(s) > 74)
    assert gallery == {"nm": 13, "bg": 2}  # the LT test set: 2,187 of 2,200 in the gallery, 1,098 of 1,100 BG probes
