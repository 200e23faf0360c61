"""A gallery on disk: who is added, found and removed; what is refused, and that the file is unharmed then."""

import json
import os
import stat
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from bar_walks import bar, exported, walk_folder

from tf3dlocal.serving import ExportedModel, WalkEmbeddings
from tf3dlocal.serving.gallery import (
    EmbeddedWalk,
    Gallery,
    GalleryModel,
    WindowRule,
    calibrate,
    change_gallery,
    enroll,
    forget,
    identify,
    open_model,
    read_gallery,
    verify,
    write_gallery,
)


def embedded(gallery, embedder, column, **settings):
    frames = np.stack([bar(column + frame % 2) for frame in range(8)])
    return EmbeddedWalk.of_silhouettes(frames, embedder=embedder, rule=gallery.rule, source="probe", **settings)


def unharmed(path, call, *, told, error=ValueError):
    before = path.read_bytes()
    with pytest.raises(error, match=told):
        call()
    assert path.read_bytes() == before


@pytest.mark.slow
def test_the_nearest_person_is_named_first_and_each_person_once(path, embedder):
    gallery = read_gallery(path)
    assert gallery.people == {"anna": 2, "ben": 1} and gallery.frame_rate == 25
    (answer,) = identify(gallery, walks=[embedded(gallery, embedder, 7)], count=9)
    assert [name for name, _ in answer.nearest] == ["ben", "anna"]
    assert answer.name == "ben" and answer.threshold is None and "no threshold" in str(answer)


def test_the_distance_to_a_person_is_that_to_the_nearest_of_their_walks(path, embedder):
    gallery = read_gallery(path)
    verdict = verify(gallery, name="anna", walk=embedded(gallery, embedder, 2))
    assert verdict.distance == 0 and verdict.accepted is None


def test_a_removed_person_is_neither_found_nor_in_the_file(path, embedder):
    gallery, num_walks = forget(path, name="anna")
    assert num_walks == 2 and gallery.people == {"ben": 1}
    assert read_gallery(path).people == {"ben": 1}
    assert b"a\x00\x00\x00n\x00\x00\x00n\x00\x00\x00a" not in path.read_bytes()  # as numpy stores texts
    enroll(path, name="anna", walks=[path.parent / "walks" / "a1"])
    assert read_gallery(path).people == {"anna": 1, "ben": 1}


def test_the_last_person_can_be_removed_and_another_one_added(path):
    forget(path, name="anna")
    gallery, _ = forget(path, name="ben")
    assert gallery.people == {}
    with pytest.raises(ValueError, match="gallery is empty"):
        gallery.nearest([], count=1)
    enroll(path, name="carl", walks=[path.parent / "walks" / "a1"])
    assert read_gallery(path).people == {"carl": 1}


def test_names_are_the_same_however_an_accent_is_typed(path):
    enroll(path, name="Zoe\u0308", walks=[walk_folder(path.parent / "z", 5)])
    assert read_gallery(path).known_name("Zo\u00eb") == "Zo\u00eb"


def test_a_name_in_a_file_made_by_hand_is_found_however_an_accent_is_typed(path):
    arrays = dict(np.load(path))
    np.savez(path, **arrays | {"names": np.array(["Zoe\u0308", "ben", "Zo\u00eb"])})
    assert read_gallery(path).people == {"Zo\u00eb": 2, "ben": 1}
    _, num_walks = forget(path, name=unicodedata.normalize("NFD", "Zo\u00eb"))
    assert num_walks == 2 and read_gallery(path).people == {"ben": 1}


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_new_gallery_is_its_owners_and_one_that_is_changed_keeps_its_permissions(path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for mode in (0o640, 0o600):
        path.chmod(mode)
        enroll(path, name="carl", walks=[walk_folder(path.parent / f"new-{mode}", 3 + mode % 7)])
        assert stat.S_IMODE(path.stat().st_mode) == mode
    forget(path, name="anna")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.bad_input
def test_a_gallery_of_a_newer_version_asks_for_a_newer_program(path):
    np.savez(path, **dict(np.load(path)) | {"facts": np.array('{"format": "tf3dlocal-gallery", "version": 2}')})
    with pytest.raises(
        ValueError, match=r"format version 2, and this tf3dlocal reads 1\. .*pip install --upgrade"
    ) as told:
        read_gallery(path)
    assert "backup" not in str(told.value) and "enroll again" not in str(told.value)


@pytest.mark.bad_input
def test_a_link_that_leads_to_itself_is_named(path, tmp_path):
    (tmp_path / "loop.npz").symlink_to(tmp_path / "loop.npz")
    for call in (
        read_gallery,
        lambda place: enroll(place, name="x", walks=["w"]),
        lambda place: forget(place, name="x"),
    ):
        with pytest.raises(OSError, match=r"loop\.npz is a link that leads to itself"):
            call(tmp_path / "loop.npz")


def test_writers_at_the_same_time_lose_no_walk(path):
    def write(who):
        for number in range(5):
            change_gallery(
                path, change=lambda gallery, number=number: with_copy(gallery, name=who, digest=f"{who}-{number}")
            )

    def with_copy(gallery, *, name, digest):
        walk = EmbeddedWalk(
            source="copy",
            embedding=gallery.embeddings[0],
            num_frames=9,
            frame_rate=None,
            digest=digest,
            model=gallery.model.fingerprint,
        )
        return gallery.with_walk(walk, name=name)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, ("x", "y", "z")))
    assert read_gallery(path).people == {"anna": 2, "ben": 1, "x": 5, "y": 5, "z": 5}


@pytest.mark.bad_input
@pytest.mark.slow
def test_a_walk_is_enrolled_once(path):
    walk = path.parent / "walks" / "a1"
    unharmed(path, lambda: enroll(path, name="ben", walks=[walk]), told="in the gallery already, as one of 'anna'")
    new = walk_folder(path.parent / "new", 4)
    unharmed(path, lambda: enroll(path, name="ben", walks=[new, new]), told="already, as one of 'ben'")


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("walks/anna", "is a path"),
        ("..", "is a path"),
        ("", "it is empty"),
        (" ", "it is empty"),
        ("anna ", "begins or ends with a space. Give 'anna'"),
        ("a\nb", "do not print"),
        ("n" * 500, "200 are the limit"),
    ],
)
def test_what_is_no_name_is_refused(path, name, told):
    unharmed(path, lambda: enroll(path, name=name, walks=[path.parent / "walks" / "b1"]), told=told)


@pytest.mark.bad_input
@pytest.mark.slow
def test_an_unknown_name_gets_the_near_ones(path, embedder):
    unharmed(path, lambda: forget(path, name="Anna"), told="no person 'Anna'. Did you mean 'anna'")
    gallery = read_gallery(path)
    with pytest.raises(ValueError, match="no person 'bern'. Did you mean 'ben'"):
        verify(gallery, name="bern", walk=embedded(gallery, embedder, 2))


@pytest.mark.bad_input
@pytest.mark.slow
def test_another_model_is_refused(path, tmp_path):
    other = exported(tmp_path / "other", name="other")
    walk = walk_folder(tmp_path / "new", 4)
    unharmed(path, lambda: enroll(path, name="ben", walks=[walk], model=other), told="'mean' version 1 .*'other'")
    gallery = read_gallery(path)
    with pytest.raises(ValueError, match="another model than the gallery"):
        identify(gallery, walks=[embedded(gallery, ExportedModel(other), 2)])


@pytest.mark.bad_input
def test_a_gallery_whose_model_is_gone_asks_for_it(path):
    gallery = read_gallery(path)
    moved = Gallery(model=GalleryModel(name="m", version=1, fingerprint="0", distance="part_mean", folder="/gone"))
    with pytest.raises(FileNotFoundError, match="no longer in /gone. Give its folder with --model"):
        open_model(moved)
    with pytest.raises(ValueError, match="A new gallery needs a model"):
        open_model(None)
    with pytest.raises(ValueError, match="distances between their embeddings mean nothing"):
        open_model(moved, model=gallery.model.folder)


@pytest.mark.bad_input
@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 0.99])
@pytest.mark.slow
def test_a_truncated_gallery_is_refused_and_left_as_it_is(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    walk = path.parent / "walks" / "a1"
    for call in (lambda: read_gallery(path), lambda: enroll(path, name="x", walks=[walk])):
        unharmed(path, call, told=r"people.npz cannot be read: (?!\[Errno)")


@pytest.mark.bad_input
def test_a_changed_byte_is_found(path):
    content = bytearray(path.read_bytes())
    place = content.index(b"embeddings.npy") + 300
    content[place] ^= 0xFF
    path.write_bytes(content)
    unharmed(path, lambda: read_gallery(path), told="cannot be read: ")


@pytest.mark.bad_input
def test_files_of_other_kinds_are_refused_with_what_they_are(path, tmp_path, embedder):
    walk = tmp_path / "walks" / "a1"
    embedding = WalkEmbeddings.of_folders([("anna", walk)], embedder=embedder)
    embedding.write(tmp_path / "embed.npz")
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "other.npz", facts=np.array('{"format": "x"}'))
    for name, told in (
        ("embed.npz", "`tf3dlocal embed` wrote it"),
        ("text.npz", "of another kind"),
        ("other.npz", "it is no gallery of tf3dlocal"),
    ):
        unharmed(tmp_path / name, lambda name=name: enroll(tmp_path / name, name="x", walks=[walk]), told=told)
    with pytest.raises(ValueError, match="is a folder, and a gallery is a file"):
        read_gallery(tmp_path)
    with pytest.raises(OSError, match="is a folder, and a file of this name"):
        enroll(tmp_path, name="x", walks=[walk])
    with pytest.raises(FileNotFoundError, match="There is no gallery .*tf3dlocal enroll"):
        read_gallery(tmp_path / "none.npz")


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("names", ["a"], "equally long"),
        ("embeddings", np.full((3, 2, 96), np.nan, np.float32), "not finite"),
        ("embeddings", np.zeros((3, 2, 96)), "float32"),
        ("embeddings", np.zeros((3, 0), np.float32), "have no numbers"),
        ("num_frames", [0, 1, 1], "below 1"),
        ("frame_rates", [-1.0, 0, 0], "below 0"),
        ("frame_rates", [1e300, 0, 0], "frame rate is 1e.300"),
        ("names", ["../x", "a", "b"], "'../x' is no name"),
        ("names", ["a\x1b[2J", "a", "b"], "do not print"),
        ("digests", np.zeros((3, 1)), "does not write"),
        ("facts", '{"format": "tf3dlocal-gallery", "version": 2}', "format version 2"),
        ("facts", '{"format": "tf3dlocal-gallery", "version": 1}', "lacks 'model'"),
        ("facts", "[]", "no gallery"),
    ],
)
@pytest.mark.slow
def test_a_gallery_changed_by_hand_is_refused(path, column, values, told):
    arrays = dict(np.load(path)) | {column: np.asarray(values)}
    np.savez(path, **arrays)
    unharmed(path, lambda: read_gallery(path), told=f"cannot be read: .*{told}")


CALIBRATION = {
    "fpir": 0.1,
    "threshold": 0.4,
    "threshold_low": None,
    "threshold_high": None,
    "fnir": 0.2,
    "verify_threshold": 1,
    "fnmr": None,
    "num_people": 4,
    "num_enrolled": 2,
    "walks_per_person": 2,
    "num_searches": 8,
    "data": "set",
    "data_fingerprint": "0",
    "seed": 0,
    "made": "today",
    "notices": ["one"],
}


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("keys", "value"),
    [
        ("calibration.threshold", "0.4"),
        ("calibration.threshold", float("nan")),
        ("calibration.threshold", -1.0),
        ("calibration.num_enrolled", 0),
        ("calibration.num_enrolled", 2.5),
        ("calibration.fnir", 2),
        ("calibration.notices", "one"),
        ("calibration.more", 1),
        ("calibration", []),
        ("frame_rate", "25"),
        ("frame_rate", -25),
        ("frame_rate", 1e300),
        ("frame_rate", True),
        ("model", None),
        ("model.fingerprint", 5),
        ("model.distance", "cosine"),
        ("model.name", None),
        ("windows.length", "30"),
        ("windows.length", 10**9),
        ("windows.length", 10**30),
        ("windows.length", 2049),
        ("windows.length", 0),
        ("windows.step", 10**9),
        ("windows.step", 5),  # more than the length
        ("model.version", -1),
        ("model.version", 10**30),
        ("model.folder", "a\0b"),
        ("calibration.num_enrolled", 10**400),
        ("calibration.threshold", 10**400),
        ("calibration.seed", -1),
        ("frame_rate", 10**400),
    ],
)
@pytest.mark.slow
def test_a_fact_changed_by_hand_is_refused_with_its_name(path, keys, value):
    arrays = dict(np.load(path))
    facts = json.loads(str(arrays["facts"])) | {"calibration": dict(CALIBRATION)}
    np.savez(path, **arrays | {"facts": np.array(json.dumps(facts))})
    assert read_gallery(path).calibration.threshold == 0.4
    *above, key = keys.split(".")
    place = facts[above[0]] if above else facts
    place[key] = value
    np.savez(path, **arrays | {"facts": np.array(json.dumps(facts))})
    unharmed(
        path, lambda: read_gallery(path), told=f"cannot be read: .*({key}|windows|frame rate is|distance is).*Copy the"
    )


@pytest.mark.bad_input
def test_a_read_only_gallery_is_read_and_not_written(path, embedder):
    path.chmod(stat.S_IRUSR)
    gallery = read_gallery(path)
    identify(gallery, walks=[embedded(gallery, embedder, 2)])
    unharmed(path, lambda: forget(path, name="anna"), told="read-only", error=PermissionError)


@pytest.mark.bad_input
@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder_is_named(path):
    path.parent.chmod(0o500)
    try:
        unharmed(path, lambda: forget(path, name="anna"), told="may not write", error=PermissionError)
    finally:
        path.parent.chmod(0o700)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("silhouettes", "told"),
    [
        (np.full((3, 16, 12), np.nan), "uint8 .*got float64"),
        (np.zeros((3, 16, 12), np.float32), "uint8 .*got float32"),
        (np.zeros((3, 8000, 8000), np.uint8), "8000, 8000"),
        (np.zeros((0, 16, 12), np.uint8), "no frame"),
        (np.zeros((30, 16, 12), np.uint8), "array: the walk has no body: all of its 30 frames are black"),
        (np.stack([bar(3), bar(4), bar(3) * 0]), "array: 1 of the 3 frames of the walk have no body.*at index 2"),
        (np.zeros((16, 12), np.uint8), "uint8"),
    ],
)
def test_arrays_that_are_no_walk_are_refused(embedder, silhouettes, told):
    with pytest.raises(ValueError, match=told):
        EmbeddedWalk.of_silhouettes(silhouettes, embedder=embedder, rule=WindowRule())


@pytest.mark.bad_input
def test_a_refusal_of_the_model_names_the_walk(embedder, monkeypatch):
    def refuse(self, silhouettes):
        raise ValueError("Walk 0 is refused.")

    monkeypatch.setattr(ExportedModel, "embed", refuse)
    with pytest.raises(ValueError, match=r"probe, in windows of 30 frames: Walk 0 is refused\."):
        EmbeddedWalk.of_silhouettes(bar(1)[None], embedder=embedder, rule=WindowRule(), source="probe")


@pytest.mark.bad_input
def test_a_walk_embedded_by_another_rule_is_not_compared(path, embedder):
    gallery = read_gallery(path)
    walk = EmbeddedWalk.of_silhouettes(bar(1)[None], embedder=embedder, rule=WindowRule(length=8, step=2), source="w")
    told = "w was embedded in windows of 8 frames, step 2, and the gallery in windows of 4, step 2"
    for call in (
        lambda: identify(gallery, walks=[walk]),
        lambda: verify(gallery, name="anna", walk=walk),
        lambda: gallery.with_walk(walk, name="x"),
    ):
        with pytest.raises(ValueError, match=told):
            call()


def test_one_walk_and_an_iterator_of_walks_are_identified(path, embedder):
    gallery = read_gallery(path)
    walk = embedded(gallery, embedder, 7)
    assert [each.name for each in identify(gallery, walks=walk)] == ["ben"]
    assert [each.name for each in identify(gallery, walks=iter([walk, walk]))] == ["ben", "ben"]


@pytest.mark.bad_input
def test_arguments_that_are_no_walks_or_names_are_refused(path, model_folder):
    gallery, new = read_gallery(path), path.parent / "new.npz"
    for call, told in (
        (lambda: identify(gallery, walks=[]), "There is no walk to compare"),
        (lambda: enroll(new, name="x", walks="walks/a1", model=model_folder), "walks is one path, 'walks/a1'"),
        (lambda: enroll(new, name="x", walks=path, model=model_folder), "walks is one path"),
        (lambda: enroll(new, name="x", walks=[], model=model_folder), "There is no walk of 'x' to enroll"),
        (lambda: enroll(new, name=None, walks=["w"], model=model_folder), "None is no name: it is no text"),
        (lambda: forget(path, name=5), "5 is no name: it is no text"),
        (lambda: calibrate(path, data="prepared"), "data is a path, 'prepared'. Open the data set first"),
    ):
        unharmed(path, call, told=told)
        assert not new.exists()


def test_a_frame_rate_of_numpy_is_stored_as_a_number(path):
    enroll(path, name="carl", walks=[walk_folder(path.parent / "new", 4)], frame_rate=np.float32(25))
    assert read_gallery(path).frame_rates[-1] == 25


@pytest.mark.bad_input
@pytest.mark.parametrize("frame_rate", [0, -25, float("nan"), 1e9, "25", True, [25]])
@pytest.mark.slow
def test_a_frame_rate_of_no_camera_is_refused(path, frame_rate):
    walk = walk_folder(path.parent / "new", 4)
    unharmed(path, lambda: enroll(path, name="x", walks=[walk], frame_rate=frame_rate), told="frames per second")


@pytest.mark.bad_input
@pytest.mark.parametrize("count", [0, 1.5, "3", None])
def test_a_count_that_is_no_whole_number_of_at_least_one_is_refused(path, embedder, count):
    gallery = read_gallery(path)
    with pytest.raises(ValueError, match="count must be a whole number of at least 1, not"):
        identify(gallery, walks=[embedded(gallery, embedder, 2)], count=count)


def test_a_walk_of_one_frame_and_another_frame_rate_are_said(path, embedder):
    gallery = read_gallery(path)
    walk = EmbeddedWalk.of_silhouettes(bar(1)[None], embedder=embedder, rule=gallery.rule, frame_rate=50)
    (answer,) = identify(gallery, walks=[walk])
    assert [note for note in answer.notes if "has 1 frame, and a window has 4" in note]
    assert [note for note in answer.notes if "has 50 frames per second, and the gallery 25" in note]
    (answer,) = identify(gallery, walks=[embedded(gallery, embedder, 1)])
    assert answer.notes == ("the frame rate of the walk is not known (--fps), and that of the gallery is 25",)


def test_a_gallery_is_written_and_read_as_it_is(path, tmp_path):
    gallery = read_gallery(path)
    write_gallery(gallery, path=tmp_path / "copy.npz")
    assert (tmp_path / "copy.npz").read_bytes() == path.read_bytes()


def test_a_person_removed_through_a_link_is_not_in_the_file_it_leads_to(path, tmp_path):
    (tmp_path / "shared").mkdir()
    link = tmp_path / "shared" / "link.npz"
    link.symlink_to(path)
    forget(link, name="anna")
    enroll(link, name="carl", walks=[tmp_path / "walks" / "a1"])
    assert link.is_symlink() and read_gallery(path).people == {"ben": 1, "carl": 1}
    assert not (tmp_path / "shared" / ".link.npz.lock").exists()  # one lock for one file


@pytest.mark.slow
def test_a_walk_is_embedded_again_where_another_program_has_set_the_frame_rate(path, tmp_path, embedder, monkeypatch):
    real, new = EmbeddedWalk.of_folder, tmp_path / "new.npz"
    rates = []

    def of_folder(walk, **settings):
        if not rates:  # the other program is faster
            rates.append(None)
            enroll(new, name="ben", walks=[tmp_path / "walks" / "b1"], model=embedder.folder, frame_rate=50)
        rates.append(settings["wanted_rate"])
        return real(walk, **settings)

    monkeypatch.setattr(EmbeddedWalk, "of_folder", of_folder)
    gallery, _ = enroll(new, name="anna", walks=[tmp_path / "walks" / "a1"], model=embedder.folder, frame_rate=25)
    assert gallery.frame_rate == 50 and rates == [None, None, None, 50]


@pytest.mark.parametrize("verb", ["forget", "enroll"])
def test_a_gallery_that_is_removed_in_the_meantime_does_not_come_back(path, monkeypatch, verb):
    def removed_first(where, *, change):
        where.unlink()
        return change_gallery(where, change=change)

    monkeypatch.setattr("tf3dlocal.serving.gallery.actions.change_gallery", removed_first)
    walk = walk_folder(path.parent / "new", 4)
    with pytest.raises(FileNotFoundError, match="was removed by another program"):
        forget(path, name="anna") if verb == "forget" else enroll(path, name="x", walks=[walk])
    assert not path.exists()
