"""Frames that appear in a folder: an answer after each window, and the memory of one window."""

import os
import shutil
import threading
import time

import cv2
import numpy as np
import pytest
from bar_walks import bar, walk_folder

from tf3dlocal.serving.gallery import EmbeddedWalk, LiveRefusal, follow, identify, read_gallery

SOON = {"seconds_between": 0.02, "seconds_to_end": 0.6}


def write_slowly(source, folder, *, pause=0.05):
    folder.mkdir(exist_ok=True)
    for path in sorted(source.iterdir()):
        shutil.copyfile(path, folder / f".{path.name}")
        (folder / f".{path.name}").rename(folder / path.name)
        time.sleep(pause)


@pytest.mark.slow
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


@pytest.mark.slow
def test_an_empty_folder_is_watched_until_the_end(path, embedder, tmp_path):
    (tmp_path / "live").mkdir()
    gallery = read_gallery(path)
    assert not list(follow(tmp_path / "live", gallery=gallery, embedder=embedder, seconds=0.1, **SOON))


@pytest.mark.bad_input
def test_a_folder_that_is_missing_is_named(path, embedder, tmp_path):
    with pytest.raises(FileNotFoundError, match="none is not a folder. Give the folder in which frames will appear"):
        next(follow(tmp_path / "none", gallery=read_gallery(path), embedder=embedder))


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["seconds", "seconds_to_end", "seconds_between"])
@pytest.mark.parametrize("value", [-1, float("nan")])
@pytest.mark.slow
def test_a_time_that_is_none_is_refused_and_not_waited_for(path, embedder, tmp_path, name, value):
    with pytest.raises(ValueError, match=f"{name} must be a number of at least 0; got {value!r}"):
        next(follow(tmp_path, gallery=read_gallery(path), embedder=embedder, **{name: value}))


@pytest.mark.bad_input
def test_an_empty_gallery_is_named_before_the_first_frame(path, embedder, tmp_path):
    empty = read_gallery(path).without("anna").without("ben")
    with pytest.raises(ValueError, match="The gallery is empty. `tf3dlocal enroll"):
        next(follow(tmp_path, gallery=empty, embedder=embedder, seconds=60))


@pytest.mark.bad_input
def test_a_damaged_frame_is_left_out(path, embedder, tmp_path):
    walk_folder(tmp_path / "live", 8)
    (tmp_path / "live" / "00003.png").write_bytes(b"no picture")
    answers = list(follow(tmp_path / "live", gallery=read_gallery(path), embedder=embedder, seconds=0.8, **SOON))
    assert answers[-1].answer.name == "ben" and answers[-1].answer.num_frames == 7


def settled(folder, *, seconds=5):
    """Make the frames of a folder as old as if their writer had ended before."""
    for path in folder.iterdir():
        if path.is_file():
            os.utime(path, (time.time() - seconds, time.time() - seconds))
    return folder


def test_one_walk_is_not_two_where_embedding_takes_longer_than_the_pause(path, embedder, tmp_path, monkeypatch):
    monkeypatch.setattr("tf3dlocal.serving.gallery.watched_folder.FRAMES_AT_ONCE", 5)
    live = settled(walk_folder(tmp_path / "live", 8, frames=20))

    class Slow:
        height, width = embedder.height, embedder.width

        def embed(self, batch):
            time.sleep(0.06)
            return embedder.embed(batch)

    soon = {"seconds_between": 0.01, "seconds_to_end": 0.05}
    answers = list(follow(live, gallery=read_gallery(path), embedder=Slow(), seconds=0.8, **soon))
    assert [each.answer.num_frames for each in answers if each.is_final] == [20]


def test_frames_that_wait_are_read_before_the_end(path, embedder, tmp_path, monkeypatch):
    monkeypatch.setattr("tf3dlocal.serving.gallery.watched_folder.FRAMES_AT_ONCE", 5)
    live = settled(walk_folder(tmp_path / "live", 8, frames=20))
    answers = list(follow(live, gallery=read_gallery(path), embedder=embedder, seconds=0))
    assert [each.answer.num_frames for each in answers if each.is_final] == [20]


@pytest.mark.parametrize("is_removed", [False, True])
@pytest.mark.slow
def test_a_writer_that_starts_again_at_the_first_number_makes_a_new_walk(path, embedder, tmp_path, is_removed):
    live = settled(walk_folder(tmp_path / "live", 8, frames=9))
    rates = {"seconds_between": 0.01, "seconds_to_end": 60 if is_removed else 0.1}
    found, stop = [], threading.Event()
    for each in follow(live, gallery=read_gallery(path), embedder=embedder, stop=stop, seconds=10, **rates):
        found.append(each)
        if len(found) == (1 if is_removed else 2):  # a walk so far; ended
            if is_removed:
                shutil.rmtree(live)
            settled(walk_folder(live, 1, frames=9), seconds=4)
        elif each.is_final or len(found) > 3:
            stop.set()
    assert [(each.answer.num_frames, each.answer.name) for each in found if each.is_final] == [(9, "ben"), (9, "anna")]


def test_the_notes_on_a_walk_are_those_of_identify(path, embedder, tmp_path):
    gallery, live = read_gallery(path), walk_folder(tmp_path / "live", 8, frames=13)
    (live / "00003.png").write_bytes(b"no picture")
    settled(live)
    for rate in (None, 15, 25, 60):
        *_, last = follow(live, gallery=gallery, embedder=embedder, seconds=0, frame_rate=rate)
        settings = {"rule": gallery.rule, "frame_rate": rate, "wanted_rate": gallery.frame_rate}
        whole = EmbeddedWalk.of_folder(live, embedder=embedder, **settings)
        (expected,) = identify(gallery, walks=[whole])
        assert last.answer.notes == expected.notes and last.left_out == whole.left_out
        assert last.answer.nearest[0][1] == pytest.approx(expected.nearest[0][1], abs=1e-5)


@pytest.mark.bad_input
def test_a_walk_that_is_no_silhouettes_is_refused_and_the_others_are_answered(path, embedder, tmp_path):
    for name in ("bad", "empty"):
        (tmp_path / "live" / name).mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "live" / "bad" / "1.png"), noise)
    cv2.imwrite(str(tmp_path / "live" / "empty" / "1.png"), 0 * bar(1))
    settled(walk_folder(tmp_path / "live" / "good", 8))
    for name in ("bad", "empty"):
        settled(tmp_path / "live" / name)
    answers = list(follow(tmp_path / "live", gallery=read_gallery(path), embedder=embedder, seconds=0))
    refused = {each.source.rpartition("/")[2] for each in answers if isinstance(each, LiveRefusal)}
    assert refused == {"bad", "empty"} and answers[-1].answer.name == "ben" and answers[-1].is_final


@pytest.mark.bad_input
def test_a_link_that_leads_nowhere_costs_one_frame_and_neither_the_walk_nor_the_watch(path, embedder, tmp_path):
    live = tmp_path / "live"
    walk = settled(walk_folder(live / "a", 8))
    for loop in (live / "loop", live / "loop.png", walk / "99999.png", walk / "loop"):
        loop.symlink_to(loop.name)
    (live / "dangling").symlink_to("nothing")
    answers = list(follow(live, gallery=read_gallery(path), embedder=embedder, seconds=0))
    (final,) = [each for each in answers if not isinstance(each, LiveRefusal) and each.is_final]
    whole = EmbeddedWalk.of_folder(walk, embedder=embedder, rule=read_gallery(path).rule)
    assert final.answer.source == str(walk) and final.answer.name == "ben"
    assert final.left_out == whole.left_out == [("99999.png", "too many levels of symbolic links")]
    (refused,) = [each for each in answers if isinstance(each, LiveRefusal)]
    assert refused.source == str(live) and "too many levels of symbolic links" in refused.refused


@pytest.mark.bad_input
def test_a_watched_folder_that_cannot_be_read_for_a_while_is_refused_once(path, embedder, tmp_path):
    live = tmp_path / "live"
    live.mkdir()
    settled(walk_folder(tmp_path / "away" / "pass-2", 8))
    answers, stop = [], threading.Event()

    def turn():
        time.sleep(0.2)
        live.rmdir()
        live.symlink_to("live")
        time.sleep(0.3)
        live.unlink()
        (tmp_path / "away").rename(live)

    threading.Thread(target=turn).start()
    for each in follow(live, gallery=read_gallery(path), embedder=embedder, stop=stop, seconds=20, **SOON):
        answers.append(each)
        if not isinstance(each, LiveRefusal):
            stop.set()
    assert "cannot be read: too many levels of symbolic links" in answers[0].refused
    assert not any(isinstance(each, LiveRefusal) for each in answers[1:]) and answers[-1].answer.name == "ben"
