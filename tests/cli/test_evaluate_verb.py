"""`tf3dlocal evaluate --details`: the files, what is printed, and what is refused."""

import csv
import json

import pytest

from tf3dlocal.cli import main

PROTOCOL = "name: blobs\ntest: TEST\ngallery: [nm-01, nm-02]\nprobes: {NM: [nm-05], CL: [cl-01]}\n"
FILES = ("probes.csv", "pairs.csv", "verification.json", "verification.csv", "open_set.json", "open_set.csv")


def call(*arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code or 0


def written_protocol(folder, test="all"):
    path = folder / "protocol.yaml"
    path.write_text(PROTOCOL.replace("TEST", test))
    return path


@pytest.fixture
def evaluate_blobs(small_walks_folder, tmp_path):
    return ["evaluate", "gei", "--data", small_walks_folder, "--protocol", written_protocol(tmp_path)]


def test_details_are_tables_rates_and_pictures(evaluate_blobs, tmp_path, capfd):
    folder = tmp_path / "details"
    assert call(*evaluate_blobs, "--details", folder, "--json", tmp_path / "numbers.json") == 0
    told = capfd.readouterr().out
    pictures = ("verification.png", "open_set.png")
    assert told.splitlines()[-1] == f"Details written to {folder}: {', '.join((*FILES, *pictures))}."
    assert {path.name for path in folder.iterdir()} == {*FILES, *pictures}
    with open(folder / "probes.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 2 * 3 * 3  # subjects, probe walks, views, gallery views
    eer = json.loads((folder / "verification.json").read_text())["groups"]["NM"]["eer"]["value"]
    assert f"verification: EER in % [95 % over subjects]: NM {100 * eer:.1f} [" in told
    assert json.loads((tmp_path / "numbers.json").read_text())["facts"]["verification"].startswith("EER in %")


def test_without_details_one_line_says_how_to_get_them(evaluate_blobs, tmp_path, capfd):
    assert call(*evaluate_blobs) == 0
    told = capfd.readouterr().out
    assert told.splitlines()[-1] == "Every answer, verification and open-set rates: add --details DIR."
    assert sum(line.startswith("verification: EER") for line in told.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["protocol.yaml"]


def test_a_second_call_replaces_its_files_and_keeps_others(evaluate_blobs, tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    for _ in range(2):
        assert call(*evaluate_blobs, "--details", tmp_path) == 0
    assert (tmp_path / "mine.txt").read_text() == "kept" and (tmp_path / "open_set.png").is_file()


@pytest.mark.bad_input
def test_one_test_subject_gives_a_warning_and_no_picture_instead_of_an_error(small_walks_folder, tmp_path, capfd):
    protocol = written_protocol(tmp_path, test="['001']")
    line = ["evaluate", "gei", "--data", small_walks_folder, "--protocol", protocol, "--details", tmp_path / "d"]
    assert call(*line) == 0
    told = " ".join(capfd.readouterr().out.split())
    assert "All gallery walks are of one subject (001), so each probe of that subject is a hit there" in told
    assert "There is no pair of walks of two people to compare" in told
    assert {path.name for path in (tmp_path / "d").iterdir()} == set(FILES)
    answers = json.loads((tmp_path / "d" / "open_set.json").read_text())["groups"]["NM"]
    assert answers["fnir_at_fpir"]["0.1"]["value"] is None and answers["notices"][0].startswith("There is one subject")
