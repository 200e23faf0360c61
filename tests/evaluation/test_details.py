"""What lies behind a rank-1 table: answers, counts and rates equal those of whole distance matrices, as files too."""

import csv
import json

import numpy as np
import pytest

from tf3dlocal.evaluation import (
    Protocol,
    cross_view,
    evaluate_gait_energy,
    json_report,
    markdown_report,
    open_set,
    pairwise_distances,
    verification,
    write_details,
)

CONDITIONS = ("nm-01", "nm-02", "nm-05", "cl-01")
PROTOCOL = Protocol(name="toy", test="all", gallery=["nm-01", "nm-02"], probes={"NM": ["nm-05"], "CL": ["cl-01"]})


def walks(num_subjects=9, views=(0, 90, 180), missing=0, seed=0):
    rng = np.random.default_rng(seed)
    rows = [(s, c, v) for s in range(num_subjects) for c in CONDITIONS for v in views]
    rows = [rows[i] for i in np.sort(rng.permutation(len(rows))[missing:])]
    subjects, conditions, view_degrees = map(np.array, zip(*rows, strict=True))
    people = rng.normal(size=(num_subjects, 2, 4))
    embeddings = np.float32(people[subjects] + rng.normal(size=(len(rows), 2, 4)))
    subjects = np.array([f"{s:03d}" for s in subjects])
    return embeddings, {"subjects": subjects, "conditions": conditions, "view_degrees": view_degrees}


def matrix(embeddings, columns, group):
    """Distances of a group's probes to the whole gallery, and which count: those in other views."""
    is_probe = columns["conditions"] == PROTOCOL.probes[group][0]
    is_gallery = np.isin(columns["conditions"], PROTOCOL.gallery)
    names = {
        "probe_subjects": columns["subjects"][is_probe],
        "gallery_subjects": columns["subjects"][is_gallery],
        "compared": columns["view_degrees"][is_probe][:, None] != columns["view_degrees"][is_gallery],
    }
    return pairwise_distances(embeddings[is_probe], embeddings[is_gallery]), names


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("block_size", [512, 5], ids=["one block", "many blocks"])
@pytest.mark.parametrize("group", ["NM", "CL"])
def test_verification_by_blocks_equals_that_of_the_whole_matrix(group, block_size):
    embeddings, columns = walks(missing=7)
    found = cross_view(embeddings, **columns, protocol=PROTOCOL, comparisons=True, block_size=block_size)
    found = found.comparisons.verification[group]
    distances, names = matrix(embeddings, columns, group)
    expected = verification(distances, **names)
    assert (found.num_genuine, found.num_impostor) == (expected.num_genuine, expected.num_impostor)
    # The thresholds are those of both groups: at each of them the rates are those of the matrix.
    same = names["probe_subjects"][:, None] == names["gallery_subjects"]
    for threshold, fmr, fnmr in zip(found.thresholds[::20], found.fmr[::20], found.fnmr[::20]):
        assert fmr == pytest.approx((distances <= threshold * (1 + 1e-6))[names["compared"] & ~same].mean(), abs=0.003)
        assert fnmr == pytest.approx((distances > threshold * (1 + 1e-6))[names["compared"] & same].mean(), abs=0.02)
    assert found.eer.value == pytest.approx(expected.eer.value, abs=0.005)
    assert (found.eer.low, found.eer.high) == pytest.approx((expected.eer.low, expected.eer.high), abs=0.02)


def test_thresholds_of_some_probes_give_the_rates_of_all_of_them():
    embeddings, columns = walks(num_subjects=60, views=(0, 45, 90, 135))
    found = cross_view(embeddings, **columns, protocol=PROTOCOL, comparisons=True).comparisons.verification["NM"]
    distances, names = matrix(embeddings, columns, "NM")
    assert distances.size > 50_000 and len(found.thresholds) <= 400
    expected = verification(distances, **names, num_resamples=0)
    one_pair = 1 / expected.num_genuine  # a rate of the exact curve moves in steps of one pair
    assert found.eer.value == pytest.approx(expected.eer.value, abs=one_pair)
    for far, tar in expected.tar_at_far.items():
        assert found.tar_at_far[far].value == pytest.approx(tar.value, abs=3 * one_pair)


def test_open_set_by_blocks_equals_one_search_for_each_probe_and_gallery_view():
    embeddings, columns = walks()
    result = cross_view(embeddings, **columns, protocol=PROTOCOL, comparisons=True, block_size=5)
    distances, names = matrix(embeddings, columns, "NM")
    views = columns["view_degrees"][np.isin(columns["conditions"], PROTOCOL.gallery)]
    in_view = [names["compared"] & (views == view) for view in result.views]
    searches = [(distances[rows], allowed[rows], names["probe_subjects"][rows]) for allowed in in_view
                for rows in [allowed.any(axis=1)]]  # fmt: skip
    expected = open_set(
        np.concatenate([each[0] for each in searches]),
        compared=np.concatenate([each[1] for each in searches]),
        probe_subjects=np.concatenate([each[2] for each in searches]),
        gallery_subjects=names["gallery_subjects"],
    )
    found = result.comparisons.open_set["NM"]
    assert found.num_searches == expected.num_searches
    assert found.fnir_without_threshold.value == pytest.approx(expected.fnir_without_threshold.value)
    assert found.fnir_at_fpir[0.1].value == pytest.approx(expected.fnir_at_fpir[0.1].value, abs=0.01)


@pytest.mark.parametrize("protocol", [PROTOCOL, PROTOCOL.model_copy(update={"probes_without_gallery": "drop"})])
def test_probes_and_pairs_agree_with_the_table(tmp_path, protocol):
    embeddings, columns = walks(missing=14)
    result = cross_view(embeddings, **columns, protocol=protocol, comparisons=True, block_size=7)
    write_details(result, folder=tmp_path)
    probes, pairs = rows_of(tmp_path / "probes.csv"), rows_of(tmp_path / "pairs.csv")
    assert len(pairs) == 2 * 3 * 3
    for row in pairs:
        same = [p for p in probes if all(p[a] == row[b] for a, b in
                (("group", "group"), ("view", "probe_view"), ("gallery_view", "gallery_view")))]  # fmt: skip
        ranks = [int(p["rank"]) for p in same if p["rank"]]
        assert int(row["without_gallery"]) == sum(not p["rank"] for p in same)
        assert int(row["probes"]) == (len(ranks) if protocol.probes_without_gallery == "drop" else len(same))
        for k in (1, 5):
            assert int(row[f"rank_{k}"]) == sum(rank <= k for rank in ranks)
        assert row["counts"] == str(int(row["probe_view"] != row["gallery_view"]))


def test_a_row_of_probes_names_the_nearest_walk_and_the_nearest_own_one(tmp_path):
    embeddings, columns = walks(missing=5)
    write_details(cross_view(embeddings, **columns, protocol=PROTOCOL, comparisons=True), folder=tmp_path)
    row_of = {key: i for i, key in enumerate(zip(*(column.tolist() for column in columns.values())))}
    for row in rows_of(tmp_path / "probes.csv"):
        probe = row_of[row["subject"], row["condition"], int(row["view"])]
        gallery = np.flatnonzero(
            np.isin(columns["conditions"], PROTOCOL.gallery) & (columns["view_degrees"] == int(row["gallery_view"]))
        )
        away = pairwise_distances(embeddings[probe : probe + 1], embeddings[gallery])[0]
        assert float(row["nearest_distance"]) == pytest.approx(away.min(), rel=1e-3)
        nearest = row_of[row["nearest_subject"], row["nearest_condition"], int(row["nearest_view"])]
        assert nearest == gallery[away.argmin()]
        own = away[columns["subjects"][gallery] == row["subject"]]
        if len(own):
            assert float(row["own_distance"]) == pytest.approx(own.min(), rel=1e-3)
            assert (row["rank"] == "1") == (row["nearest_subject"] == row["subject"])
        else:
            assert row["rank"] == row["own_distance"] == row["own_condition"] == ""


def test_where_two_walks_tie_the_answer_is_the_other_person():
    protocol = Protocol(name="three", test="all", gallery=["nm-01"], probes={"NM": ["nm-05"]})
    columns = {"subjects": ["a", "b", "a"], "conditions": ["nm-01", "nm-01", "nm-05"], "view_degrees": [0, 0, 90]}
    found = cross_view([[1.0], [1.0], [0.0]], **columns, protocol=protocol, comparisons=True).comparisons
    assert found.rank.tolist() == [[2, 0]] and found.nearest.tolist() == [[1, -1]] and found.own.tolist() == [[0, -1]]


def test_a_probe_that_is_in_the_gallery_is_not_compared_with_itself():
    protocol = Protocol(
        name="loo", test="all", gallery=["a"], probes={"A": ["a"]}, leave_one_out=True, identical_views="include"
    )
    embeddings = np.array([[0.0], [1], [5], [6]])
    columns = {"subjects": ["x", "x", "y", "y"], "conditions": ["a"] * 4, "view_degrees": [90] * 4}
    found = cross_view(embeddings, **columns, protocol=protocol, comparisons=True).comparisons
    assert found.nearest[:, 0].tolist() == [1, 0, 3, 2] and found.nearest_distance[:, 0].tolist() == [1, 1, 1, 1]
    rates = found.verification["A"]
    assert (rates.num_genuine, rates.num_impostor, rates.eer.value) == (4, 8, 0)


def test_the_table_is_the_same_with_and_without_details():
    embeddings, columns = walks(missing=9)
    plain, detailed = (cross_view(embeddings, **columns, protocol=PROTOCOL, comparisons=each) for each in (False, True))
    np.testing.assert_array_equal(plain.hits, detailed.hits)
    assert plain.comparisons is None
    assert plain.notices + tuple(detailed.comparisons.notices) == detailed.notices


def test_threads_and_blocks_change_no_number():
    embeddings, columns = walks(num_subjects=20)
    one, many = (
        cross_view(embeddings, **columns, protocol=PROTOCOL, comparisons=True, workers=workers, block_size=size)
        for workers, size in ((1, 512), (4, 6))
    )
    one, many = one.comparisons.verification["NM"], many.comparisons.verification["NM"]
    np.testing.assert_array_equal(one.thresholds, many.thresholds)
    np.testing.assert_array_equal(one.fmr, many.fmr)
    assert one.eer == many.eer and one.tar_at_far == many.tar_at_far


def test_files_state_units_facts_and_counts_and_hold_curves(tmp_path):
    embeddings, columns = walks()
    result = cross_view(embeddings, **columns, protocol=PROTOCOL, comparisons=True)
    paths = write_details(result, folder=tmp_path / "new" / "folder")
    assert [path.name for path in paths] == [
        "probes.csv", "pairs.csv", "verification.json", "verification.csv", "open_set.json", "open_set.csv"
    ]  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(p.name for p in paths)
    verified = json.loads(paths[2].read_text())
    assert "shares from 0 to 1" in verified["about"] and verified["facts"]["protocol"] == "toy"
    rates = verified["groups"]["CL"]
    assert rates["eer"]["low"] <= rates["eer"]["value"] <= rates["eer"]["high"]
    assert rates["num_genuine_pairs"] == 9 * 3 * 2 * 2 and rates["num_impostor_pairs"] == 9 * 3 * 2 * 2 * 8
    assert rates["tar_at_far"]["0.001"]["value"] is None and "needs at least 1,000" in " ".join(rates["notices"])
    answers = json.loads(paths[4].read_text())["groups"]["NM"]
    assert answers["num_splits"] == len(answers["fnir_at_fpir"]["0.1"]["of_splits"]) == 20
    curve = [row for row in rows_of(paths[3]) if row["group"] == "NM"]
    assert list(curve[0]) == ["group", "threshold", "fmr", "fnmr", "fnmr_low", "fnmr_high"]
    assert np.all(np.diff([float(row["fmr"]) for row in curve]) >= 0)
    assert rows_of(paths[5])


def test_names_with_commas_and_quotes_survive_the_csv(tmp_path):
    embeddings, columns = walks(num_subjects=2)
    columns["subjects"] = np.where(columns["subjects"] == "000", 'O"Neil, A', "b")
    write_details(cross_view(embeddings, **columns, protocol=PROTOCOL, comparisons=True), folder=tmp_path)
    assert {row["subject"] for row in rows_of(tmp_path / "probes.csv")} == {'O"Neil, A', "b"}


def test_reports_give_the_equal_error_rate_in_one_line():
    embeddings, columns = walks()
    result = cross_view(embeddings, **columns, protocol=PROTOCOL, comparisons=True)
    (line,) = (line for line in markdown_report(result).splitlines() if line.startswith("- verification:"))
    value = 100 * result.comparisons.verification["NM"].eer.value
    assert line.startswith(f"- verification: EER in % [95 % over subjects]: NM {value:.1f} [")
    report = json.loads(json.dumps(json_report(result), allow_nan=False))
    assert 100 * report["verification"]["NM"]["eer"]["value"] == pytest.approx(value)


@pytest.mark.parametrize(
    ("num_subjects", "expected"),
    [
        (2, ["verification, NM, CL: There is no interval over 2 subjects; it needs at least 3."]),
        (9, ["verification, NM, CL: The intervals rest on 9 subjects. Read them as a lower bound of the uncertainty"]),
        (20, []),
    ],
)
def test_reports_say_once_that_an_interval_rests_on_few_subjects(num_subjects, expected):
    embeddings, columns = walks(num_subjects=num_subjects)
    result = cross_view(embeddings, **columns, protocol=PROTOCOL, comparisons=True)
    found = [notice for notice in result.notices if notice.startswith("verification")]
    assert len(found) == len(expected)
    assert all(notice.startswith(start) for notice, start in zip(found, expected, strict=True))
    assert all(f"- {notice}" in markdown_report(result) for notice in found)
    assert json_report(result)["notices"] == list(result.notices)


def test_gait_energy_images_have_details_too(small_walks):
    protocol = Protocol(name="blobs", test="all", gallery=["nm-01"], probes={"NM": ["nm-05"]})
    result = evaluate_gait_energy(small_walks, protocol=protocol, progress=False, comparisons=True)
    assert 0 <= result.comparisons.verification["NM"].eer.value <= 1


@pytest.mark.bad_input
def test_one_subject_makes_every_hit_certain_and_a_notice_says_so():
    embeddings, columns = walks(num_subjects=1)
    result = cross_view(embeddings, **columns, protocol=PROTOCOL, comparisons=True)
    assert result.mean().tolist() == [100, 100]
    (certain,) = (notice for notice in result.notices if "whatever the model does" in notice)
    assert certain.startswith("All gallery walks are of one subject (000), so each probe of that subject is a hit")
    (missing,) = (notice for notice in result.notices if notice.startswith("verification"))
    assert missing.startswith("verification, NM, CL: There is no pair of walks of two people to compare")
    assert "EER in %: NM -, CL -" in markdown_report(result)


@pytest.mark.bad_input
def test_a_single_view_leaves_no_pair_and_one_sentence_says_so():
    embeddings, columns = walks(views=(90,))
    result = cross_view(embeddings, **columns, protocol=PROTOCOL, comparisons=True)
    (sentence,) = (notice for notice in result.notices if notice.startswith("verification"))
    assert sentence.startswith("verification, NM, CL: There is no pair of walks to compare, so EER and TAR do not")


@pytest.mark.bad_input
def test_one_subject_per_gallery_view_makes_hits_certain_too():
    embeddings, columns = walks(num_subjects=3)
    keep = (columns["conditions"] == "nm-05") | (columns["conditions"] == "cl-01")
    for subject, view in (("000", 0), ("001", 90)):
        keep |= (columns["subjects"] == subject) & (columns["view_degrees"] == view)
    keep |= columns["view_degrees"] == 180
    result = cross_view(embeddings[keep], **{name: c[keep] for name, c in columns.items()}, protocol=PROTOCOL)
    (certain,) = (notice for notice in result.notices if "whatever the model does" in notice)
    assert certain.startswith("In the gallery views 0, 90 all walks are of one subject (000, 001), so each probe")


def test_two_subjects_in_each_view_are_no_certain_hit():
    embeddings, columns = walks(num_subjects=2)
    assert not any("whatever" in notice for notice in cross_view(embeddings, **columns, protocol=PROTOCOL).notices)


@pytest.mark.bad_input
def test_a_result_without_comparisons_cannot_be_written(tmp_path):
    embeddings, columns = walks()
    with pytest.raises(ValueError, match="Evaluate with comparisons=True"):
        write_details(cross_view(embeddings, **columns, protocol=PROTOCOL), folder=tmp_path)
    assert not list(tmp_path.iterdir())
