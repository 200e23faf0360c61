"""A file or a folder is there as a whole or not at all."""

import os
import pathlib
import stat
import subprocess
import sys

import numpy as np
import pytest

from tf3dlocal.io import (
    check_writable,
    file_lock,
    lock_holder,
    new_folder,
    remove_unfinished,
    whole_file,
    write_file,
    write_json,
    write_text,
)

HELD = """
import sys, pathlib
from tf3dlocal.io import new_folder, write_file
parent = pathlib.Path(sys.argv[2])
def wait(path=None):
    print("writing", flush=True)
    sys.stdin.readline()
if sys.argv[1] == "file":
    write_file(parent / "kept.txt", wait)
else:
    with new_folder(parent / "kept", replace=True) as folder:
        (folder / "new.txt").write_text("new")
        wait()
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def writer(tmp_path):
    """Start a process that is in the middle of writing into tmp_path."""
    processes = []

    def start(kind):
        command = [sys.executable, "-c", HELD, kind, str(tmp_path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout.readline() == "writing\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_failing_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail(temporary):
        temporary.write_text("half")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError):
        write_file(path, fail)
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_the_temporary_name_is_that_of_the_file(tmp_path):
    seen = []
    write_file(tmp_path / "deep" / "model.keras", lambda temporary: (seen.append(temporary.name), temporary.touch()))
    assert seen == ["model.keras"]


def test_a_failing_block_leaves_the_old_folder(tmp_path):
    with new_folder(tmp_path / "set") as folder:
        (folder / "old.txt").write_text("old")
    with pytest.raises(RuntimeError), new_folder(tmp_path / "set", replace=True) as folder:
        (folder / "new.txt").write_text("half")
        raise RuntimeError
    assert names(tmp_path) == ["set"] and names(tmp_path / "set") == ["old.txt"]


def test_a_folder_is_replaced_only_on_request(tmp_path):
    for number in (1, 2):
        with new_folder(tmp_path / "set", replace=number == 2) as folder:
            (folder / f"{number}.txt").touch()
    assert names(tmp_path / "set") == ["2.txt"]
    with pytest.raises(FileExistsError, match="set exists"), new_folder(tmp_path / "set"):
        pass


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_living_process_writes_stays_and_what_a_killed_one_left_goes(tmp_path, writer, kind):
    process = writer(kind)
    assert remove_unfinished(tmp_path) == [] and len(names(tmp_path)) == 1
    process.kill()
    process.wait()
    assert len(remove_unfinished(tmp_path)) == 1 and names(tmp_path) == []


def test_a_folder_that_was_being_swapped_at_a_kill_comes_back(tmp_path):
    abandoned = tmp_path / ".0123abcd.unfinished"
    (abandoned / "replaced" / "set").mkdir(parents=True)
    (abandoned / "replaced" / "set" / "old.txt").touch()
    (abandoned / "lock").touch()
    remove_unfinished(tmp_path)
    assert names(tmp_path) == ["set"] and names(tmp_path / "set") == ["old.txt"]


def test_json_takes_arrays_and_paths_and_refuses_nan(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": np.float32(0.5), "b": np.arange(2), "c": pathlib.Path("x")})
    assert path.read_text() == '{\n  "a": 0.5,\n  "b": [\n    0,\n    1\n  ],\n  "c": "x"\n}\n'
    with pytest.raises(ValueError):
        write_json(path, {"a": float("nan")})
    assert "0.5" in path.read_text()


def test_a_name_that_is_not_utf_8_does_not_stop_a_report(tmp_path):
    write_text(tmp_path / "report.md", os.fsdecode(b"walk \xff"))
    assert (tmp_path / "report.md").read_text() == "walk \\udcff"


def test_one_call_holds_a_lock_and_the_other_learns_who(tmp_path):
    path = tmp_path / "lock"
    with file_lock(path) as first, file_lock(path) as second:
        assert first and not second
        assert lock_holder(path).startswith(f"process {os.getpid()} on ")
    with file_lock(path) as third:
        assert third


def test_the_files_of_a_large_folder_are_forced_to_the_disk_together(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(whole_file.os, "sync", lambda: calls.append(sorted(path.name for path in tmp_path.iterdir())))
    with new_folder(tmp_path / "walks") as folder:
        for number in range(whole_file.MANY_FILES):
            (folder / f"{number}.png").write_bytes(b"")
    assert len(calls) == 1 and "walks" not in calls[0]
    assert len(list((tmp_path / "walks").iterdir())) == whole_file.MANY_FILES


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_first_write_into_a_folder_removes_what_a_killed_process_left_there(tmp_path, writer, kind, monkeypatch):
    monkeypatch.setattr(whole_file, "TIDIED", set())
    process = writer(kind)
    write_text(tmp_path / "first.txt", "while the other lives")
    assert len(names(tmp_path)) == 2
    process.kill()
    process.wait()
    monkeypatch.setattr(whole_file, "TIDIED", set())
    write_text(tmp_path / "second.txt", "after it was killed")
    assert names(tmp_path) == ["first.txt", "second.txt"]


def try_writing(path, kind):
    if kind == "file":
        write_file(path, lambda temporary: temporary.write_text("x"))
    else:
        with new_folder(path):
            pass


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize(
    ("above", "told"),
    [("file", "not a folder"), ("file/deeper", "file is not a folder"), ("dangling", "a link to nothing")],
)
def test_what_lies_below_a_file_is_refused_with_the_name_of_that_file(above, told, kind, tmp_path):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "dangling").symlink_to("nowhere")
    for attempt in (lambda path: check_writable(path, kind=kind), lambda path: try_writing(path, kind)):
        with pytest.raises(NotADirectoryError, match=f"cannot be written: .*{told}. Choose another path") as refused:
            attempt(tmp_path / above / "new")
        assert ".unfinished" not in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "file"]


@pytest.mark.bad_input
def test_a_folder_is_not_replaced_by_a_file_and_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(IsADirectoryError, match="is a folder, and a file of this name cannot be written"):
        check_writable(tmp_path, kind="file")
    with pytest.raises(NotADirectoryError, match="file cannot be written: it is not a folder"):
        check_writable(tmp_path / "file")
    check_writable(tmp_path / "file", kind="file")
    check_writable(tmp_path / "new" / "newer")


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_folder_without_permission_is_named(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="you may not write into the folder"):
        try_writing(tmp_path / "new", kind)


@pytest.mark.bad_input
def test_a_link_to_nothing_is_not_replaced_by_a_folder(tmp_path):
    (tmp_path / "set").symlink_to("nowhere")
    with pytest.raises(FileExistsError, match="set exists and is not overwritten"):
        try_writing(tmp_path / "set", "folder")


@pytest.mark.bad_input
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_a_pipe_and_a_link_to_one_are_refused_and_stay(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match=f"{name} is a device or a pipe, and a file would replace it. Give the name"):
            write_file(tmp_path / name, lambda temporary: temporary.write_text("x"))
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "link").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]


@pytest.mark.bad_input
@pytest.mark.parametrize("path", ["/dev/null", "/dev/stdout", "/dev/fd/1", "/dev/../dev/absent.json", "/proc/self/mem"])
def test_a_place_of_the_system_is_refused_before_the_work(path):
    with pytest.raises(OSError, match="is a device or a pipe"):
        check_writable(path, kind="file")


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o400])
def test_a_file_that_is_replaced_keeps_its_permissions(mode, tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    path.chmod(mode)
    write_text(path, "new")
    assert path.read_text() == "new" and stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_new_file_has_the_permissions_that_are_wanted_and_others_cannot_look_into_it_before(tmp_path):
    seen = []

    def write(temporary):
        seen.append(stat.S_IMODE(temporary.parent.stat().st_mode))
        temporary.touch()

    write_file(tmp_path / "a", write, mode=0o600)
    (tmp_path / "plain").touch()
    write_file(tmp_path / "b", write)
    assert seen == [0o700] * 2 and stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert (tmp_path / "b").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_folder_that_is_replaced_keeps_its_permissions(tmp_path):
    path = tmp_path / "set"
    path.mkdir(mode=0o700)
    with new_folder(path, replace=True) as folder:
        (folder / "a.txt").touch()
    assert stat.S_IMODE(path.stat().st_mode) == 0o700 and names(path) == ["a.txt"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only the superuser may give files away")
def test_a_file_of_another_user_stays_theirs(tmp_path):
    path = tmp_path / "a.txt"
    path.touch()
    os.chown(path, 12345, 54321)
    path.chmod(0o640)
    write_text(path, "new")
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12345, 54321, 0o640)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_another_group_than_that_of_the_old_file_gets_no_permission(tmp_path, monkeypatch):
    def refuse(path, user, group):
        raise PermissionError(1, "Operation not permitted")

    path = tmp_path / "a.txt"
    path.touch()
    path.chmod(0o660)
    old, real = path.stat(), os.stat
    monkeypatch.setattr(os, "chown", refuse)

    def of_another_group(place, **settings):
        found = real(place, **settings)
        return os.stat_result([*found[:5], old.st_gid + 1, *found[6:]]) if place == path else found

    monkeypatch.setattr(os, "stat", of_another_group)
    write_text(path, "new")
    monkeypatch.undo()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
