"""Ranks by matrix products equal counting one by one, at sizes where blocks, groups of views and threads matter."""

import importlib

import numpy as np
import pytest

from tf3dlocal.evaluation import cross_view, load_protocol, pairwise_distances

places = importlib.import_module("tf3dlocal.evaluation.places")  # the module, for its constants

PROTOCOL = load_protocol("casia-b-st").model_copy(update={"train": "none", "test": "all"})

CONDITIONS = ("nm-01", "nm-02", "nm-05", "cl-01")


def walks(num_subjects=7, views=(0, 90, 180), missing=5, seed=0):
    """Embeddings and columns; walks of one person are near each other, and some walks are missing."""
    rng = np.random.default_rng(seed)
    rows = [(s, c, v) for s in range(num_subjects) for c in CONDITIONS for v in views]
    rows = [rows[i] for i in np.sort(rng.permutation(len(rows))[missing:])]
    subjects, conditions, view_degrees = map(np.array, zip(*rows, strict=True))
    people = rng.normal(size=(num_subjects, 4, 6))
    embeddings = np.float32(people[subjects] + rng.normal(size=(len(rows), 4, 6)))
    subjects = np.array([f"{s:03d}" for s in subjects])
    return embeddings, {"subjects": subjects, "conditions": conditions, "view_degrees": view_degrees}


def counted_one_by_one(embeddings, subjects, probe, gallery, distance):
    """Number of walks of other subjects that are at least as near as the nearest own one; None without an own one."""
    a = embeddings.astype(np.float64)
    size = 1 if distance == "part_mean" else a.shape[1]  # parts per vector
    a = a.reshape(len(a), -1, size * a.shape[2])
    away = np.linalg.norm(a[gallery] - a[probe], axis=2).mean(axis=1)
    own = [d for d, row in zip(away, gallery, strict=True) if subjects[row] == subjects[probe] and row != probe]
    others = [d for d, row in zip(away, gallery, strict=True) if subjects[row] != subjects[probe]]
    return sum(d <= min(own) for d in others) if own else None


@pytest.mark.parametrize("distance", ["part_mean", "flattened"])
@pytest.mark.parametrize(
    "block_size, workers, gallery_bytes",
    [(512, 1, 1 << 28), (4, 3, 1 << 28), (5, 2, 1000)],
    ids=["whole", "blocks", "views"],
)
def test_places_equal_counting_one_by_one(monkeypatch, distance, block_size, workers, gallery_bytes):
    monkeypatch.setattr(places, "_GALLERY_BYTES", gallery_bytes)
    embeddings, columns = walks()
    subjects, conditions, views = columns.values()
    probes = np.flatnonzero(np.isin(conditions, ["nm-05", "cl-01", "nm-02"]))
    galleries = [np.flatnonzero(np.isin(conditions, ["nm-01", "nm-02"]) & (views == view)) for view in (0, 33, 90, 180)]
    numbers = np.unique(subjects, return_inverse=True)[1]
    found = places.places(
        embeddings,
        subject_numbers=numbers,
        probes=probes,
        galleries=galleries,
        as_one_part=distance == "flattened",
        block_size=block_size,
        workers=workers,
    )
    for i, probe in enumerate(probes):
        for column, gallery in enumerate(galleries):
            expected = counted_one_by_one(embeddings, subjects, probe, gallery, distance) if len(gallery) else None
            assert found[i, column] == (places.NOT_THERE if expected is None else expected)


@pytest.mark.parametrize("workers", [2, 5])
def test_the_number_of_threads_changes_nothing(workers):
    embeddings, columns = walks(num_subjects=20, seed=1)
    alone, threaded = (
        cross_view(embeddings, **columns, protocol=PROTOCOL, workers=number, block_size=7) for number in (1, workers)
    )
    np.testing.assert_array_equal(threaded.hits, alone.hits)


@pytest.mark.parametrize("kind", ["float16", "float32"])
def test_a_memory_mapped_file_is_never_read_as_a_whole(tmp_path, monkeypatch, kind):
    embeddings, columns = walks(num_subjects=60)
    np.save(tmp_path / "embeddings.npy", embeddings.astype(kind))
    mapped = np.load(tmp_path / "embeddings.npy", mmap_mode="r")
    expected = cross_view(np.array(mapped), **columns, protocol=PROTOCOL)

    read = []

    class Watched(np.memmap):
        def __getitem__(self, chosen):
            part = np.asarray(super().__getitem__(chosen))
            read.append(len(part))
            return part

    watched = Watched(tmp_path / "embeddings.npy", kind, "r", 128, embeddings.shape)
    module = importlib.import_module("tf3dlocal.evaluation.cross_view")
    monkeypatch.setattr("tf3dlocal.evaluation.distances._ROWS_AT_ONCE", 16)
    monkeypatch.setattr(module, "as_parts", lambda x: x)  # which would return a plain array
    found = cross_view(watched, **columns, protocol=PROTOCOL, block_size=16)
    np.testing.assert_array_equal(found.hits, expected.hits)
    assert max(read) <= 16 < len(embeddings)


def test_embeddings_of_doubles_give_the_same_table_as_their_floats():
    embeddings, columns = walks(num_subjects=12)
    doubles = cross_view(embeddings.astype(np.float64), **columns, protocol=PROTOCOL)
    np.testing.assert_array_equal(doubles.hits, cross_view(embeddings, **columns, protocol=PROTOCOL).hits)


def test_a_double_too_large_for_a_float_is_refused_as_not_finite():
    embeddings, columns = walks()
    embeddings = embeddings.astype(np.float64)
    embeddings[3] = 1e300
    with pytest.raises(ValueError, match="1 of .* embeddings are not finite"), np.errstate(over="ignore"):
        cross_view(embeddings, **columns, protocol=PROTOCOL)


@pytest.mark.parametrize("distance", ["part_mean", "flattened"])
def test_some_close_pairs_among_far_ones_are_exact_in_every_tile(monkeypatch, distance):
    monkeypatch.setattr("tf3dlocal.evaluation.distances._COLUMNS_AT_ONCE", 8)
    rng = np.random.default_rng(3)
    gallery = np.float32(50 * rng.normal(size=(30, 2, 16)))
    probes = gallery[::-1].copy()
    probes[:, 1, 3] += np.float32(1e-3)
    a, b = probes.astype(np.float64), gallery.astype(np.float64)
    per_part = np.linalg.norm(a[:, None] - b[None], axis=3)
    expected = per_part.mean(axis=2) if distance == "part_mean" else np.sqrt((per_part**2).sum(axis=2))
    np.testing.assert_allclose(pairwise_distances(probes, gallery, distance=distance), expected, rtol=1e-3)
    assert expected.min() < 2e-3 and expected.max() > 50


def test_a_progress_bar_appears_only_if_the_work_takes_long(monkeypatch, capsys):
    appeared = []
    monkeypatch.setattr("rich.progress.Progress.start", lambda bar: appeared.append(bar.tasks[0].description))
    embeddings, columns = walks()
    cross_view(embeddings, **columns, protocol=PROTOCOL, progress=True)
    assert appeared == []
    monkeypatch.setattr(places, "_BAR_DELAY", 0.0)
    cross_view(embeddings, **columns, protocol=PROTOCOL, progress=False)
    assert appeared == []
    cross_view(embeddings, **columns, protocol=PROTOCOL, progress=True)
    assert appeared == ["comparing walks"] and capsys.readouterr().out == ""
