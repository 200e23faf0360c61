"""Thresholds: what they mean on walks whose distances are known, that they are stored, and what is refused."""

import numpy as np
import pytest

from tf3dlocal.serving.gallery import (
    EmbeddedWalk,
    WindowRule,
    calibrate,
    change_gallery,
    identify,
    read_gallery,
    thresholds_of,
    verify,
)
from tf3dlocal.serving.gallery.calibration import embed_data_set

PEOPLE = 60


def embeddings_of(num_people, *, walks=4, noise=0.1, seed=0):
    """People on a grid of the plane, walks around them."""
    rng = np.random.default_rng(seed)
    people = rng.uniform(0, 10, (num_people, 1, 8))
    found = people + noise * rng.standard_normal((num_people, walks, 8))
    return found.reshape(-1, 8).astype(np.float32), np.repeat([f"{n:03d}" for n in range(num_people)], walks)


def test_at_the_threshold_the_wanted_share_of_strangers_is_named():
    embeddings, subjects = embeddings_of(PEOPLE)
    found = thresholds_of(embeddings, subjects=subjects, distance="flattened", fpir=0.05, walks_per_person=2)
    assert found["num_people"] == 60 and found["num_enrolled"] == 30 and found["num_searches"] == 120
    assert found["fnir"] == 0 and found["threshold_low"] <= found["threshold"] <= found["threshold_high"]
    others, names = embeddings_of(500, seed=1)
    known, probes = others[: 30 * 4].reshape(30, 4, 8)[:, :2].reshape(-1, 8), others[30 * 4 :]
    nearest = np.linalg.norm(probes[:, None] - known, axis=-1).min(axis=1)
    assert 0.01 < (nearest <= found["threshold"]).mean() < 0.15


def test_more_enrolled_people_need_a_lower_threshold():
    embeddings, subjects = embeddings_of(PEOPLE)
    settings = {"subjects": subjects, "distance": "flattened", "fpir": 0.05}
    few, many = (thresholds_of(embeddings, num_enrolled=number, **settings) for number in (3, 30))
    assert few["threshold"] > many["threshold"]
    assert many["verify_threshold"] > many["threshold"]  # one comparison instead of thirty


def test_the_same_seed_gives_the_same_threshold():
    embeddings, subjects = embeddings_of(20)
    settings = {"subjects": subjects, "distance": "part_mean", "fpir": 0.1}
    assert thresholds_of(embeddings, **settings) == thresholds_of(embeddings, **settings)


@pytest.mark.bad_input
@pytest.mark.parametrize("fpir", [0, 1, 2, -0.1, float("nan")])
def test_an_fpir_that_is_no_share_is_refused(fpir):
    embeddings, subjects = embeddings_of(8)
    with pytest.raises(ValueError, match="between 0 and 1"):
        thresholds_of(embeddings, subjects=subjects, distance="flattened", fpir=fpir)


@pytest.mark.bad_input
@pytest.mark.parametrize(("num_people", "walks"), [(1, 8), (3, 8), (30, 1)])
def test_too_few_people_are_refused(num_people, walks):
    embeddings, subjects = embeddings_of(num_people, walks=walks)
    with pytest.raises(ValueError, match="at least four people with two walks each"):
        thresholds_of(embeddings, subjects=subjects, distance="flattened")


@pytest.mark.bad_input
def test_an_fpir_that_so_few_searches_cannot_show_is_refused():
    embeddings, subjects = embeddings_of(4, walks=2)
    with pytest.raises(ValueError, match="no threshold at FPIR 0.001.*more people"):
        thresholds_of(embeddings, subjects=subjects, distance="flattened", fpir=0.001)


@pytest.fixture
def calibrated(path, small_walks, monkeypatch):
    """The gallery of anna and ben, calibrated; walks of another size are embedded by their mean."""

    def embed(walks, **_):
        means = [walks.read(row).silhouettes.mean(axis=0)[::4, ::4][:, 2:14] for row in range(len(walks))]
        return np.stack(means).reshape(len(walks), 2, -1).astype(np.float32) / 255

    monkeypatch.setattr("tf3dlocal.serving.gallery.actions.embed_data_set", embed)
    return calibrate(path, data=small_walks, fpir=0.25, progress=False), small_walks


@pytest.mark.slow
def test_a_threshold_is_stored_with_what_it_was_calibrated_on(calibrated, path):
    found, walks = calibrated
    stored = read_gallery(path).calibration
    assert stored == found and stored.data == walks.name and stored.num_people == 4
    assert stored.num_enrolled == 2 and stored.walks_per_person == 2 and len(stored.data_fingerprint) == 64


@pytest.mark.slow
def test_data_without_a_frame_rate_is_taken_to_have_that_of_the_gallery(calibrated):
    found, _ = calibrated
    assert (
        "A frame rate is not known (--fps): that of the data set is taken to be that of the gallery." in found.notices
    )


def test_data_are_shown_at_the_frame_rate_of_the_gallery():
    class Walks:
        name, size = "set", 16

        def __len__(self):
            return 1

        def read(self, _):
            return type("Walk", (), {"silhouettes": np.arange(8, dtype=np.uint8)[:, None, None] * np.ones((16, 16))})

    class Embedder:
        height, width = 16, 12

        def embed(self, batch):
            return batch[:, :, 0, 0].astype(np.float32)

    rule = WindowRule(length=4, step=2)
    found = embed_data_set(Walks(), embedder=Embedder(), rule=rule, frame_rate=50, wanted_rate=25, progress=False)
    assert found.tolist() == [[0, 2, 4, 6]]


def test_a_walk_beyond_the_threshold_is_of_an_unknown_person(calibrated, path, embedder):
    gallery = read_gallery(path)
    near = EmbeddedWalk.of_folder(path.parent / "walks" / "a1", embedder=embedder, rule=gallery.rule)
    far = EmbeddedWalk.of_silhouettes(
        np.full((8, 16, 12), 255, np.uint8), embedder=embedder, rule=gallery.rule, source="far"
    )
    known, unknown = identify(gallery, walks=[near, far])
    assert known.name == "anna" and "threshold" in str(known)
    assert unknown.name is None and str(unknown).startswith("unknown: the nearest is ")
    assert verify(gallery, name="anna", walk=near).accepted and not verify(gallery, name="ben", walk=far).accepted


def test_a_gallery_that_has_grown_says_that_its_calibration_is_old(calibrated, path, embedder):
    def grow(gallery):
        for number in range(3):
            walk = EmbeddedWalk(
                source="copy",
                embedding=gallery.embeddings[0],
                num_frames=9,
                frame_rate=None,
                digest=str(number),
                model=gallery.model.fingerprint,
            )
            gallery = gallery.with_walk(walk, name=f"new {number}")
        return gallery

    gallery = change_gallery(path, change=grow)
    assert gallery.calibration is not None
    walk = EmbeddedWalk.of_folder(path.parent / "walks" / "a1", embedder=embedder, rule=gallery.rule, frame_rate=25)
    (answer,) = identify(gallery, walks=[walk])
    assert answer.notes == (
        "the threshold was calibrated for 2 enrolled people, and the gallery has 5: FPIR is about 2.5 times as large. "
        "Calibrate again, with more people",
    )


@pytest.mark.bad_input
def test_data_of_another_size_is_refused(path, small_walks):
    before = path.read_bytes()
    with pytest.raises(ValueError, match="have 64 x 64 pixels, and the model takes 16 x 12"):
        calibrate(path, data=small_walks, fpir=0.25, progress=False)
    assert path.read_bytes() == before
