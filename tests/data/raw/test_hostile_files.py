"""Raw data that nobody should hand out: pipes, devices, bombs, odd names. Each costs a sentence, not the work."""

import gzip
import io
import os
import pickle
import resource
import tarfile
import zipfile

import numpy as np
import pytest
from raw_trees import (
    casia_files,
    frame_files,
    png,
    raw_frame,
    raw_sequences,
    silhouettes,
    tar_bytes,
    write_tree,
    zip_bytes,
)

from tf3dlocal.data import PathPattern, RawDataError, open_raw, open_walks, prepare, read_frame, read_opengait_pickle
from tf3dlocal.data.raw import archives
from tf3dlocal.io import UnreadableError

pytestmark = pytest.mark.bad_input
FRAME = "001/nm-01/090/999.png"


def prepared(raw, folder, **settings):
    return prepare(raw, out=folder / "out", workers=1, progress=False, **settings)


def odd_file(kind, path):
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "broken link":
        path.symlink_to("nowhere")
    else:
        path.symlink_to(path)


@pytest.mark.parametrize("kind", ["pipe", "device", "broken link", "link to itself"])
def test_a_frame_that_is_no_regular_file_is_dropped_with_the_reason_and_never_opened(tmp_path, kind):
    raw = write_tree(tmp_path / "raw", casia_files(("001",)))
    odd_file(kind, raw / FRAME)
    report = prepared(raw, tmp_path)
    ((reason, count),) = report.drop_reasons.items()
    assert count == 1 and reason.startswith("unreadable file (") and report.num_walks == 4


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("name", ["raw.zip", "001.tar.gz", "raw"])
def test_raw_data_that_are_no_regular_file_are_refused_and_never_opened(tmp_path, kind, name):
    odd_file(kind, tmp_path / name)
    with pytest.raises(RawDataError, match=f"{name} is neither a folder nor"):
        open_raw(tmp_path / name)


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pickle_or_a_layout_that_is_no_regular_file_is_refused(tmp_path, kind):
    odd_file(kind, tmp_path / "000.pkl")
    with pytest.raises(UnreadableError, match="000.pkl cannot be read: it is not a regular file"):
        read_opengait_pickle(tmp_path / "000.pkl")
    odd_file(kind, tmp_path / "mine.yaml")
    with pytest.raises(UnreadableError, match="mine.yaml cannot be read: it is not a regular file"):
        open_raw(write_tree(tmp_path / "raw", frame_files()), layout=tmp_path / "mine.yaml")


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_prepared_shard_or_index_that_is_no_regular_file_is_named(tmp_path, kind):
    prepared(write_tree(tmp_path / "raw", frame_files()), tmp_path)
    shard = tmp_path / "out" / "walks-00000-of-00001.tfrecord"
    shard.unlink()
    odd_file(kind, shard)
    with pytest.raises((UnreadableError, FileNotFoundError), match="walks-00000"):
        open_walks(tmp_path / "out")
    assert prepared(tmp_path / "raw", tmp_path).num_walks == 1  # made again
    (tmp_path / "out" / "dataset.json").unlink()
    odd_file(kind, tmp_path / "out" / "dataset.json")
    with pytest.raises(UnreadableError, match="dataset.json cannot be read: it is not a regular file"):
        open_walks(tmp_path / "out")


def test_a_small_archive_that_unpacks_to_gigabytes_is_refused_with_little_memory(tmp_path):
    with gzip.open(tmp_path / "001.tar.gz", "wb", compresslevel=1) as packed:
        with tarfile.open(fileobj=packed, mode="w|") as archive:
            for number in range(40):
                member = tarfile.TarInfo(f"001/nm-01/090/{number:03d}.png")
                member.size = 10 * 2**20
                archive.addfile(member, io.BytesIO(bytes(member.size)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UnreadableError, match="001.tar.gz cannot be read: it unpacks to more than 256 MB, 100 times"):
        raw_sequences(tmp_path / "001.tar.gz")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 2**10  # KB


def test_frames_of_an_archive_that_do_not_fit_into_memory_are_read_from_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_IN_MEMORY", 100)
    files = casia_files(("001",))
    for name, content in (("001.tar.gz", tar_bytes(files)), ("001.tar", tar_bytes(files, "w"))):
        (tmp_path / name).write_bytes(content)
        sequences = raw_sequences(tmp_path / name)
        assert {path: read() for sequence in sequences for path, read in sequence.files.items()} == files


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_member_too_large_for_a_frame_costs_one_frame(tmp_path, mode, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_FILE", 5000)
    monkeypatch.setattr("tf3dlocal.data.raw.files.LARGEST_FILE", 5000)
    name = {"w": "001.tar", "w:gz": "001.tar.gz"}[mode]
    (tmp_path / name).write_bytes(tar_bytes(frame_files() | {FRAME: bytes(5001)}, mode))
    report = prepared(tmp_path / name, tmp_path)
    assert report.drop_reasons == {"unreadable file (5001 bytes: too large for a frame or a walk)": 1}


def test_a_picture_that_claims_to_be_huge_is_not_unpacked():
    content = bytearray(png(raw_frame()))
    content[16:24] = (60000).to_bytes(4, "big") * 2
    import zlib

    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    assert read_frame(bytes(content)).reason == "image of more than 67 million pixels"


def damaged_zips():
    whole = zip_bytes(frame_files())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in frame_files().items():
            archive.writestr(name, content + bytes(1000))
    packed = packed.getvalue()
    yield "cut", whole[:-30]
    yield "no directory", whole[:200]
    yield "empty", b""
    yield "wrong place", whole[:-6] + (2**31).to_bytes(4, "little") + whole[-2:]
    encrypted = bytearray(whole)
    for start in _places(whole, b"PK\x01\x02"):
        encrypted[start + 8] |= 1
    yield "encrypted", bytes(encrypted)
    unknown = bytearray(whole)
    for signature, place in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        for start in _places(whole, signature):
            unknown[start + place] = 99
    yield "unknown compression", bytes(unknown)
    wrong = bytearray(packed)
    for start in _places(packed, b"PK\x03\x04"):
        wrong[start + 30 + 40 : start + 30 + 60] = b"\xff" * 20
    yield "wrong bits", bytes(wrong)


def _places(content, signature):
    place = content.find(signature)
    while place >= 0:
        yield place
        place = content.find(signature, place + 1)


@pytest.mark.parametrize("kind", dict(damaged_zips()))
def test_a_damaged_zip_is_one_sentence_that_names_it(tmp_path, kind):
    (tmp_path / "raw.zip").write_bytes(dict(damaged_zips())[kind])
    with pytest.raises(UnreadableError) as caught:
        prepared(tmp_path / "raw.zip", tmp_path)
    assert "raw.zip" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("place", range(20, 520, 20))
def test_a_damaged_tar_is_one_sentence_or_costs_what_is_damaged(tmp_path, place):
    content = bytearray(tar_bytes(frame_files(), "w"))
    content[place : place + 8] = b"\xff" * 8
    (tmp_path / "001.tar").write_bytes(content)
    try:
        report = prepared(tmp_path / "001.tar", tmp_path)
        assert report.num_frames == 3 or report.drop_reasons
    except UnreadableError as error:
        assert "001.tar" in str(error)


@pytest.mark.parametrize("place", range(0, 700, 35))
def test_a_damaged_pickle_is_one_sentence_or_an_array(tmp_path, place):
    content = bytearray(pickle.dumps(silhouettes()))
    content[place % len(content)] ^= 0x41
    (tmp_path / "000.pkl").write_bytes(content)
    try:
        read_opengait_pickle(tmp_path / "000.pkl")
    except UnreadableError as error:
        assert "000.pkl" in str(error) and "\n" not in str(error)


def test_a_stray_file_with_a_name_that_is_not_utf_8_does_not_end_the_work(tmp_path):
    raw = write_tree(tmp_path / "raw", casia_files(("001",)))
    for folder in (raw, raw / "001", raw / "001" / "nm-01" / "090"):
        open(os.path.join(os.fsencode(folder), b"caf\xe9.txt"), "wb").close()
    report = prepared(raw, tmp_path)
    assert report.num_walks == 4 and len(report.strays) == 3
    assert "caf\\udce9.txt" in (tmp_path / "out" / "report.md").read_text()
    assert all(text.isprintable() for _, text in report.losses())
    assert prepared(raw, tmp_path).reused


@pytest.mark.bad_input
@pytest.mark.parametrize("container", ["tree", "zip", "tar"])
@pytest.mark.parametrize("name", ["003\n", "a\nb", "0\x1b[31m3", "\r"])
def test_a_subject_with_a_line_break_in_its_name_is_left_out_with_the_reason(tmp_path, name, container):
    files = casia_files(("001",), ("nm-01",), (90,))
    files |= {path.replace("001", name, 1): content for path, content in files.items()}
    raw = {"tree": tmp_path / "raw", "zip": tmp_path / "raw.zip", "tar": tmp_path / "raw.tar"}[container]
    if container == "tree":
        write_tree(raw, files)
    else:
        raw.write_bytes(zip_bytes(files) if container == "zip" else tar_bytes(files, "w"))
    report = prepared(raw, tmp_path)
    text = (tmp_path / "out" / "report.md").read_text()
    why = "(a line break or another control character in its name)"
    assert report.subjects == ["001"] and report.strays and all(stray.endswith(why) for stray in report.strays)
    assert text.count(why) == len(report.strays) and all(line.isprintable() for line in text.splitlines())


def test_subjects_and_conditions_whose_names_are_not_utf_8_are_listed_and_not_used(tmp_path):
    raw = write_tree(tmp_path / "raw", {f"anna/nm/90/{number}.png": png(raw_frame()) for number in range(3)})
    for path in (b"caf\xe9/nm/90", b"anna/b\xe9/90"):
        folder = os.path.join(os.fsencode(raw), path)
        os.makedirs(folder)
        with open(os.path.join(folder, b"1.png"), "wb") as file:
            file.write(png(raw_frame()))
    pattern = PathPattern("mine", pattern="{subject}/{condition}/{view}/{frame}.png")
    report = prepared(raw, tmp_path, layout=pattern)
    assert report.num_walks == 1 and len(report.strays) == 2 and all("not UTF-8" in stray for stray in report.strays)
    files = {"anna/nm/90/1.png": png(raw_frame()), "caf\udce9/nm/90/1.png": png(raw_frame())}
    (tmp_path / "a.tar").write_bytes(tar_bytes(files, "w"))
    report = prepare(tmp_path / "a.tar", out=tmp_path / "b", layout=pattern, workers=1, progress=False)
    assert report.num_walks == 1 and "not UTF-8" in report.strays[0]


def test_frames_whose_names_are_not_utf_8_are_read(tmp_path):
    raw = write_tree(tmp_path / "raw", frame_files())
    with open(os.path.join(os.fsencode(raw), b"001/nm-01/090/\xff.png"), "wb") as file:
        file.write(png(raw_frame()))
    assert prepared(raw, tmp_path).num_frames == 4


def test_control_characters_of_names_are_escaped_in_the_report_and_in_messages(tmp_path):
    odd = "\x1b[31m|\n# not a title\r"
    files = casia_files(("001",)) | {f"{odd}.txt": b"?", f"001/nm-01/090/{odd}.png": b""}
    report = prepared(write_tree(tmp_path / "raw", files), tmp_path, name=f"x{odd}")
    text = (tmp_path / "out" / "report.md").read_text()
    assert "\x1b" not in text and "\r" not in text and "\n# not" not in text and "\\x1b[31m|\\n# not a title" in text
    assert report.drop_reasons == {"empty file": 1} and all(line.isprintable() for _, line in report.losses())
    with pytest.raises(RawDataError) as caught:
        open_raw(write_tree(tmp_path / "other", {f"{odd}/a.jpg": b""}))
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("container", ["tree", "zip", "tar"])
def test_notes_of_macos_are_no_frames(tmp_path, container):
    files = frame_files() | {"001/nm-01/090/._001-nm-01-090-001.png": b"\0\5\26\7", "001/nm-01/090/.DS_Store": b"?"}
    files |= {} if container == "tree" else {"__MACOSX/001/nm-01/090/._001-nm-01-090-001.png": b"\0\5\26\7"}
    raw = {"tree": files, "zip": {"a.zip": zip_bytes(files)}, "tar": {"001.tar.gz": tar_bytes(files)}}[container]
    report = prepared(write_tree(tmp_path / "raw", raw), tmp_path)
    assert report.num_raw_frames == report.num_frames == 3 and report.drop_reasons == {}
    assert len(report.strays) == (2 if container == "tree" else 3)


@pytest.mark.parametrize("container", ["folder", "zip"])
def test_notes_of_macos_next_to_archives_are_no_archives(tmp_path, container):
    files = {"001.tar.gz": tar_bytes(frame_files()), "._001.tar.gz": b"\0\5\26\7"}
    if container == "zip":
        files = {"a.zip": zip_bytes({"001.tar.gz": files["001.tar.gz"], "__MACOSX/._001.tar.gz": b"\0\5\26\7"})}
    report = prepared(write_tree(tmp_path / "raw", files), tmp_path)
    assert report.num_walks == 1 and len(report.strays) == 1 and "._001.tar.gz" in report.strays[0]


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (("000-pose.pkl", "000-sils.pkl"), "{frame}-sils.pkl"),
        (("000-sils.pkl", "000-pose.pkl"), "{frame}-sils.pkl"),
        (("000_pose.pkl", "000_mask.pkl"), "{frame}_mask.pkl"),
        (("pose-000.pkl", "sils-000.pkl"), "sils-{frame}.pkl"),
        (("000.pkl", "000-sils.pkl"), "{frame}-sils.pkl"),
        (("000-aligned-pose.pkl", "000-aligned-sils.pkl"), "{frame}-sils.pkl"),
    ],
)
def test_of_two_pickles_the_line_that_is_proposed_reads_the_one_with_silhouettes(tmp_path, names, pattern):
    keypoints = pickle.dumps(np.zeros((4, 17, 3), np.float32))
    files = {}
    for view in ("000", "090"):
        for name in names:
            is_silhouettes = "sils" in name or "mask" in name
            path = f"001/nm-01/{view}/{name.replace('000', view)}"
            files[path] = pickle.dumps(silhouettes()) if is_silhouettes else keypoints
    raw = write_tree(tmp_path / "pkl", files)
    with pytest.raises(RawDataError, match="has 2 pickles") as caught:
        prepared(raw, tmp_path)
    line = str(caught.value).split("line such as  ")[1].split("  and give it")[0]
    assert line == f'pattern: "{{subject}}/{{condition}}/{{view}}/{pattern}"'
    (tmp_path / "sils.yaml").write_text(line + "\n")
    assert prepared(raw, tmp_path, layout=tmp_path / "sils.yaml").num_walks == 2


def test_two_pickles_that_no_pattern_tells_apart_are_named_with_another_solution(tmp_path):
    files = {f"001/nm-01/000/{name}.pkl": pickle.dumps(silhouettes()) for name in "ab"}
    with pytest.raises(RawDataError, match="2 pickles .a.pkl, b.pkl.*No pattern tells them apart. Move the other"):
        prepared(write_tree(tmp_path / "pkl", files), tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["001/nm-01/pass-3/1.png"], r"casia-b: .* \(001/nm-01/pass-3/1.png: 'pass-3' is not \{view\} = .d\{3\}\)"),
        (["anna/nm-01/090/1.png"], r"'anna' is not \{subject\} = "),
        (["001/nm-01/090/1.jpg"], r"'1.jpg' is not \{frame\}.png"),
        (["001/090/1.png"], "it has 2 folders, and the pattern 3"),
        (["001/nm-01/090/._1.png"], "'._1.png' is a note of macOS, no picture"),
        ([], "Paths seen: none"),
    ],
)
@pytest.mark.parametrize("container", ["tree", "zip", "tar"])
def test_a_layout_that_does_not_match_says_why_for_the_first_path(tmp_path, files, words, container):
    files = dict.fromkeys(files, png(raw_frame()))
    raw = tmp_path / {"tree": "raw", "zip": "raw.zip", "tar": "raw.tar"}[container]
    if container == "tree":
        raw.mkdir()
        write_tree(raw, files)
    else:
        raw.write_bytes(zip_bytes(files) if container == "zip" else tar_bytes(files, "w"))
    with pytest.raises(RawDataError, match=f"(?s){words}.*`condition: nm-01` or `view: 90`.*`views: .left: 270"):
        open_raw(raw)


def test_a_layout_of_your_own_says_why_as_well(tmp_path):
    raw = write_tree(tmp_path / "raw", {"anna/pass-3/1.png": png(raw_frame())})
    words = "'pass-3' is no number of degrees for .view.; if it is the name of a view, add `views: .pass-3: DEGREES.`"
    with pytest.raises(RawDataError, match=words):
        open_raw(raw, layout=PathPattern("mine", pattern="{subject}/{view}/{frame}.png", condition="nm"))
    views = {"left": 270}
    with pytest.raises(RawDataError, match=r"the view 'pass-3' is not among `views:` \('left'\)"):
        open_raw(raw, layout=PathPattern("mine", pattern="{subject}/{view}/{frame}.png", condition="nm", views=views))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('pattern: "{subject}/{frame}.png"'.encode("utf-16"), "mine.yaml, line 1: this is not UTF-8 but UTF-16"),
        ('pattern: "{subject}/{caf\xe9}.png"'.encode("latin-1"), "mine.yaml, line 1: this is not UTF-8"),
        (b"pattern: [" * 50, "mine.yaml"),
        (b'pattern: "{subject}/{fram}.png"', "unknown field 'fram'. Did you mean 'frame'"),
        (b'pattern: "{subject}/{view}/{frame}.png"', "or give it once for all walks .*such as `condition: nm-01`"),
    ],
)
def test_a_layout_file_that_cannot_be_used_is_named(tmp_path, content, words):
    (tmp_path / "mine.yaml").write_bytes(content)
    with pytest.raises(RawDataError, match=words):
        open_raw(write_tree(tmp_path / "raw", frame_files()), layout=tmp_path / "mine.yaml")


def test_the_subject_that_lacks_a_view_is_named(tmp_path):
    files = {name: content for name, content in casia_files().items() if not name.startswith("002/nm-01/090")}
    report = prepared(write_tree(tmp_path / "raw", files), tmp_path)
    assert report.losses() == [(1, "walk missing from the raw data: 002/nm-01/090")]
