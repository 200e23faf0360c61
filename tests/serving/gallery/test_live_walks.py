"""Frames that appear in a folder: an answer after each window, and the memory of one window."""

import shutil
import threading
import time

import pytest
from bar_walks import walk_folder

from tf3dlocal.serving.gallery import EmbeddedWalk, follow, identify, read_gallery

SOON = {"seconds_between": 0.02, "seconds_to_end": 0.6}


def write_slowly(source, folder, *, pause=0.05):
    folder.mkdir(exist_ok=True)
    for path in sorted(source.iterdir()):
        shutil.copyfile(path, folder / f".{path.name}")
        (folder / f".{path.name}").rename(folder / path.name)
        time.sleep(pause)


def test_an_answer_becomes_final_and_is_that_of_the_whole_walk(path, embedder, tmp_path):
    gallery, live = read_gallery(path), tmp_path / "live"
    live.mkdir()
    source = walk_folder(tmp_path / "source", 7, frames=13)
    writer = threading.Thread(target=write_slowly, args=(source, live / "pass-1"))
    writer.start()
    answers = list(
        follow(live, gallery=gallery, embedder=embedder, seconds=3.5, seconds_to_end=2, seconds_between=0.02)
    )
    writer.join()
    assert [each.is_final for each in answers] == [False] * (len(answers) - 1) + [True]
    assert len(answers) >= 3 and answers[0].num_windows < answers[-1].num_windows
    assert answers[-1].answer.num_frames == 13
    whole = EmbeddedWalk.of_folder(source, embedder=embedder, rule=gallery.rule)
    (expected,) = identify(gallery, walks=[whole])
    assert answers[-1].answer.name == expected.name == "ben"
    assert answers[-1].answer.nearest[0][1] == pytest.approx(expected.nearest[0][1], abs=1e-5)


def test_each_folder_is_one_walk_and_the_folder_itself_may_hold_frames(path, embedder, tmp_path):
    live = tmp_path / "live"
    walk_folder(live, 1)
    walk_folder(live / "pass-2", 8)
    answers = list(follow(live, gallery=read_gallery(path), embedder=embedder, seconds=0.8, **SOON))
    final = {each.answer.source: each.answer.name for each in answers if each.is_final}
    assert final == {str(live): "anna", str(live / "pass-2"): "ben"}


def test_a_walk_shorter_than_a_window_is_answered_when_it_ends(path, embedder, tmp_path):
    walk_folder(tmp_path / "live" / "p", 8, frames=2)
    answers = list(follow(tmp_path / "live", gallery=read_gallery(path), embedder=embedder, seconds=0.6, **SOON))
    assert [(each.is_final, each.num_windows, each.answer.name) for each in answers] == [(True, 1, "ben")]


def test_an_empty_folder_is_watched_until_the_end(path, embedder, tmp_path):
    (tmp_path / "live").mkdir()
    gallery = read_gallery(path)
    assert not list(follow(tmp_path / "live", gallery=gallery, embedder=embedder, seconds=0.1, **SOON))


@pytest.mark.bad_input
def test_a_folder_that_is_missing_is_named(path, embedder, tmp_path):
    with pytest.raises(FileNotFoundError, match="none is not a folder. Give the folder in which frames will appear"):
        next(follow(tmp_path / "none", gallery=read_gallery(path), embedder=embedder))


@pytest.mark.bad_input
def test_a_damaged_frame_is_left_out(path, embedder, tmp_path):
    walk_folder(tmp_path / "live", 8)
    (tmp_path / "live" / "00003.png").write_bytes(b"no picture")
    answers = list(follow(tmp_path / "live", gallery=read_gallery(path), embedder=embedder, seconds=0.8, **SOON))
    assert answers[-1].answer.name == "ben" and answers[-1].answer.num_frames == 7
