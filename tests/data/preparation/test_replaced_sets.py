"""A prepared data set is replaced as a whole or not at all, and damage and changes are seen."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from raw_trees import casia_files, frame_files, png, raw_frame, write_tree

from tf3dlocal.data import PreparationError, RawDataError, data_fingerprint, open_walks, prepare
from tf3dlocal.io import UnreadableError, file_lock

SHARD = "walks-00000-of-00001.tfrecord"


@pytest.fixture
def raw(tmp_path):
    return write_tree(tmp_path / "raw", casia_files())


@pytest.fixture
def out(raw, tmp_path):
    prepare(raw, out=tmp_path / "out", workers=1, progress=False)
    return tmp_path / "out"


def again(raw, out, **settings):
    return prepare(raw, out=out, workers=1, progress=False, **settings)


def data_set(folder):
    """Everything in the folder but the parts that wait for the next call."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def flip_a_bit(path, place=-200):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.bad_input
def test_a_replacement_that_fails_leaves_the_old_data_set_whole(raw, out):
    before = data_set(out)
    with pytest.raises(RawDataError, match="no usable walk .*needs 31 usable frames. The longest has 3.*is as it was"):
        again(raw, out, overwrite=True, min_frames=31)
    assert data_set(out) == before and len(open_walks(out)) == 8
    assert again(raw, out).reused and not (out / ".parts").exists()


@pytest.mark.bad_input
def test_a_replacement_on_a_full_disk_leaves_the_old_data_set_whole(raw, out, monkeypatch):
    before = data_set(out)
    monkeypatch.setattr("tf3dlocal.data.preparation.gather.write_index", _full_disk)
    with pytest.raises(PreparationError, match="The disk is full"):
        again(raw, out, overwrite=True)
    assert data_set(out) == before


def _full_disk(*arguments, **settings):
    raise OSError(28, "No space left on device")


@pytest.mark.bad_input
def test_shards_that_do_not_hold_what_was_written_never_become_a_data_set(raw, out, monkeypatch):
    from tf3dlocal.data.preparation import gather

    before, write = data_set(out), gather.write_shard

    def write_wrong(path, walks):
        entries = write(path, walks)
        flip_a_bit(path)
        return entries

    monkeypatch.setattr(gather, "write_shard", write_wrong)
    with pytest.raises(OSError, match="not what was written: .*walks-b-00000-of-00001.tfrecord is damaged"):
        again(raw, out, overwrite=True)
    assert data_set(out) == before


KILLED_EVERYWHERE = """
import os, signal, sys
import tensorflow
from tf3dlocal.data import data_fingerprint, open_walks, prepare
raw, out = sys.argv[1:]
def killed_at(place):
    count = [0]
    def counting(function):
        def call(*arguments, **settings):
            count[0] += 1
            if count[0] == place:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **settings)
        return call
    os.replace, os.unlink = counting(os.replace), counting(os.unlink)
    prepare(raw, out=out, workers=1, progress=False, overwrite=True, min_frames=2)
place, status = 0, -1
while status != 0:
    place += 1
    if (child := os.fork()) == 0:
        killed_at(place)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    walks = open_walks(out)
    assert [walks.read(i).num_frames for i in range(len(walks))] == [3] * len(walks)
    print(data_fingerprint(walks))
"""


@pytest.mark.slow
def test_a_replacement_that_is_killed_leaves_the_old_data_set_or_the_new_one(raw, out):
    old = data_fingerprint(open_walks(out))
    write_tree(raw, frame_files("003"))
    command = [sys.executable, "-c", KILLED_EVERYWHERE, str(raw), str(out)]
    sets = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=300).stdout.split()
    assert len(sets) > 5 and sets[0] == old and sets[-1] != old and set(sets) == {old, sets[-1]}
    assert [path.name for path in out.glob("walks-*")] == json.loads((out / "dataset.json").read_text())["shards"]
    assert again(raw, out, min_frames=2).reused


def test_overwriting_prepares_again_whatever_is_there_and_keeps_files_of_others(raw, out):
    (out / "notes.txt").write_text("mine")
    before = data_fingerprint(open_walks(out))
    for _ in range(3):
        assert not again(raw, out, overwrite=True).reused
        assert data_fingerprint(open_walks(out)) == before
        assert len(list(out.glob("walks-*"))) == 1
    assert (out / "notes.txt").read_text() == "mine"


@pytest.mark.bad_input
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("damage", ["cut", "bit", "gone", "grown"])
def test_a_damaged_shard_is_seen_and_the_data_set_is_prepared_again(raw, out, capsys, damage, overwrite):
    path = out / SHARD
    fingerprint = data_fingerprint(open_walks(out))
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    elif damage == "bit":
        flip_a_bit(path)
    elif damage == "grown":
        path.write_bytes(path.read_bytes() + b"?")
    else:
        path.unlink()
    report = prepare(raw, out=out, workers=1, overwrite=overwrite)
    walks = open_walks(out)
    assert not report.reused and [walks.read(i).num_frames for i in range(8)] == [3] * 8
    assert data_fingerprint(walks) == fingerprint
    if not overwrite:
        assert f"{SHARD} is " in " ".join(capsys.readouterr().err.split())


@pytest.mark.bad_input
@pytest.mark.parametrize("size", ["shorter", "longer"])
def test_a_shard_of_another_size_is_refused_when_the_data_set_is_opened(out, size):
    content = (out / SHARD).read_bytes()
    (out / SHARD).write_bytes(content[:-1] if size == "shorter" else content + b"?")
    with pytest.raises(
        UnreadableError, match=f"{SHARD} cannot be read: it has .* should have .*prepare RAW OUT --over"
    ):
        open_walks(out)


@pytest.mark.bad_input
def test_a_damaged_record_names_its_file_and_the_way_to_prepare_it_again(out):
    flip_a_bit(out / SHARD)
    walks = open_walks(out)
    with pytest.raises(UnreadableError, match=f"{SHARD}, 002/nm-01/090 .*is damaged.*tf3dlocal prepare RAW OUT --over"):
        walks.read(7)


@pytest.mark.bad_input
@pytest.mark.parametrize("change", ["a frame in place", "a frame more", "a frame less", "a time"])
def test_a_change_of_the_raw_files_is_seen(raw, out, change):
    frame = next(raw.rglob("*.png"))
    if change == "a frame in place":
        folder = frame.parent.stat()
        with open(frame, "r+b") as file:  # the folder does not change
            file.write(png(raw_frame(5)))
        os.utime(frame.parent, ns=(folder.st_atime_ns, folder.st_mtime_ns))
    elif change == "a frame more":
        (frame.parent / "999.png").write_bytes(frame.read_bytes())
    elif change == "a frame less":
        frame.unlink()
    else:
        os.utime(frame, ns=(1, 1))
    with pytest.raises(
        PreparationError, match="the raw files have changed.*with --overwrite .in Python overwrite=True"
    ):
        again(raw, out)
    assert not again(raw, out, overwrite=True).reused
    assert again(raw, out).reused


def make_old(folder):
    """Turn an index into one of version 0.1."""
    index = json.loads((folder / "dataset.json").read_text())
    for key in ("shard_bytes", "shard_sha256", "preparation", "report_sha256", "sha256"):
        del index[key]
    (folder / "dataset.json").write_text(json.dumps(index))
    report = json.loads((folder / "report.json").read_text())
    del report["changed"]
    (folder / "report.json").write_text(json.dumps(report | {"fingerprint": "0" * 64}))


def test_a_data_set_of_version_0_1_opens_and_is_complete_and_it_is_said_once(raw, out, capsys):
    fingerprint = data_fingerprint(open_walks(out))
    make_old(out)
    assert data_fingerprint(open_walks(out)) == fingerprint
    capsys.readouterr()
    assert prepare(raw, out=out, workers=1).reused
    assert " ".join(capsys.readouterr().err.split()).count("An earlier version prepared it") == 1
    with pytest.raises(PreparationError, match="size was 64 and is 32"):
        again(raw, out, size=32)


@pytest.mark.bad_input
def test_damage_of_a_data_set_of_version_0_1_is_seen_as_well(raw, out):
    make_old(out)
    flip_a_bit(out / SHARD)
    assert not again(raw, out).reused and open_walks(out).read(7).num_frames == 3


@pytest.mark.bad_input
@pytest.mark.parametrize("content", [b"", b"[]", b'{"settings": 3}', b"\xff", "num_walks", "num_frames", "left_out"])
def test_a_damaged_report_is_written_again(raw, out, content):
    before = (out / "report.json").read_bytes()
    if isinstance(content, str):  # whole JSON, with a number or an entry that is another
        values = json.loads(before)
        content = json.dumps(values | {content: 7 if content != "left_out" else [{}]}).encode()
    (out / "report.json").write_bytes(content)
    assert not again(raw, out).reused and (out / "report.json").read_bytes() == before


@pytest.mark.bad_input
def test_a_damaged_entry_in_a_report_of_version_0_1_is_written_again(raw, out):
    make_old(out)
    values = json.loads((out / "report.json").read_text())
    (out / "report.json").write_text(json.dumps(values | {"left_out": [{}]}))
    with pytest.raises(PreparationError, match="its report.json cannot be read"):
        again(raw, out)


@pytest.mark.parametrize("damage", [b"", b"\xff", None])
def test_a_report_md_that_is_not_what_report_json_says_is_written_again(raw, out, damage):
    before = (out / "report.md").read_bytes()
    (out / "report.md").unlink()
    if damage is not None:
        (out / "report.md").write_bytes(damage)
    assert again(raw, out).reused and (out / "report.md").read_bytes() == before


@pytest.mark.bad_input
def test_two_calls_in_one_folder_do_not_mix(raw, tmp_path):
    with file_lock(tmp_path / "out" / ".parts" / "lock"):
        with pytest.raises(PreparationError, match=f"is being prepared by process {os.getpid()} on .*Wait until"):
            again(raw, tmp_path / "out")
    assert again(raw, tmp_path / "out").num_walks == 8


def test_a_complete_data_set_may_be_read_only(raw, out):
    out.chmod(0o555)
    try:
        assert again(raw, out).reused
    finally:
        out.chmod(0o755)


@pytest.mark.bad_input
def test_a_file_is_no_folder_for_prepared_data(raw, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(PreparationError, match="file is a file. Give a folder"):
        again(raw, tmp_path / "file")


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"size": "64"}, "even number of pixels, 2 to 1024, got '64'"),
        ({"size": 2**20}, "even number of pixels, 2 to 1024"),
        ({"size": 64.0}, "got 64.0"),
        ({"min_frames": -1}, "min_frames must be a number of at least 0, got -1"),
        ({"min_frames": "3"}, "min_frames must be .*got '3'"),
        ({"minimum_pixel_sum": None}, "minimum_pixel_sum must be .*got None"),
        ({"invert": "yes"}, "invert must be True or False, got 'yes'"),
    ],
)
def test_a_setting_out_of_its_range_is_named_before_anything_is_read(tmp_path, settings, words):
    with pytest.raises(ValueError, match=words):
        prepare(tmp_path / "nowhere", out=tmp_path / "out", **settings)


@pytest.mark.bad_input
def test_a_mistyped_argument_is_named_with_the_near_one(tmp_path):
    with pytest.raises(TypeError, match=r"prepare\(\) has no argument 'min_frame'. Did you mean 'min_frames'"):
        prepare(tmp_path, out=tmp_path / "out", min_frame=3)


def test_a_tilde_is_the_home_folder(raw, monkeypatch):
    monkeypatch.setenv("HOME", str(raw.parent))
    report = again("~/raw", pathlib.Path("~/new"))
    assert report.num_walks == len(open_walks("~/new")) == 8 and (raw.parent / "new").is_dir()
