"""The supplement's figures from run folders, by the command line, and what cannot be drawn."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from small_local_model import small_model
from small_walks import write_small_walks

from tf3dlocal.cli import main
from tf3dlocal.supplement import figure_1, figure_2, figure_3
from tf3dlocal.supplement.located_volumes import default_views

VIEWS = ["--views", "0,90,180"]
STARTS = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml", ".gif": b"GIF89a"}


def call(*arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code or 0


@pytest.mark.parametrize("suffix", STARTS)
@pytest.mark.slow
def test_figure_1_shows_the_first_test_subject_in_a_gallery_walk(run, small_walks_folder, tmp_path, capfd, suffix):
    out = tmp_path / f"figure{suffix}"
    assert call("figure", 1, "--run", run.path, "--data", small_walks_folder, *VIEWS, "--out", out) == 0
    assert out.read_bytes().startswith(STARTS[suffix])
    told = " ".join(capfd.readouterr().out.split())
    assert "the parts of block_3 (of block_2, block_3)" in told and "in 003/nm-01 of small walks" in told


def test_figure_1_shows_another_block_subject_and_condition(run, small_walks_folder, tmp_path):
    options = {"views": [90], "subject": "001", "condition": "cl-02", "block": "block_2"}
    sentence = figure_1(run.path, data=small_walks_folder, out=tmp_path / "one.png", **options)
    assert "the parts of block_2" in sentence and "in 001/cl-02" in sentence and "from 90 degrees" in sentence


def test_figure_1_takes_views_from_18_to_72_degrees_by_default():
    assert default_views(np.arange(0, 181, 18)) == [18, 36, 54, 72]
    assert default_views(np.arange(0, 91, 5)) == [20, 35, 55, 70]


@pytest.mark.slow
def test_figure_2_gives_both_scores_of_both_models_and_their_difference(
    run, other_run, small_walks_folder, tmp_path, capfd
):
    out, numbers = tmp_path / "map.png", tmp_path / "map.json"
    runs = ["--run", run.path, "--compare-with", other_run.path]
    assert call("figure", 2, *runs, "--data", small_walks_folder, "--out", out, "--json", numbers) == 0
    found = json.loads(numbers.read_text())
    assert found["subjects"] == ["003", "004"] and found["walks"] == 60  # those that did not train
    first, second = found["models"]
    assert [first["name"], second["name"]] == ["3DLocal", "GaitPart"]
    told = " ".join(capfd.readouterr().out.split())
    for score in ("silhouette", "nearest"):
        assert first[f"{score}_interval"] is None  # over two subjects there is none
        assert found["difference"][score] == pytest.approx(first[score] - second[score])
    assert found["notices"] == ["There is no interval over 2 subjects; it needs at least 3."]
    assert "3DLocal minus GaitPart" in told and found["notices"][0] in told


@pytest.mark.slow
def test_figure_2_of_a_run_and_itself_finds_no_difference(run, small_walks_folder, tmp_path):
    select = {"conditions": ["nm"], "views": [0, 90], "subjects": ["001", "002", "003"], "progress": False}
    found = figure_2(run.path, compare_with=run.path, data=small_walks_folder, out=tmp_path / "map.png", **select)
    (notice,) = found["notices"]
    assert notice.startswith("The intervals rest on 3 subjects") and notice in found["sentence"]
    assert found["difference"]["silhouette_interval"] == [0, 0] == found["difference"]["nearest_interval"]


@pytest.mark.slow
def test_figure_3_has_a_row_for_each_snapshot(run, small_walks_folder, tmp_path):
    both = figure_3(run.path, data=small_walks_folder, out=tmp_path / "both.png")
    assert "at the steps 2, 10" in both and "from 90 degrees" in both
    figure_3(run.path, data=small_walks_folder, out=tmp_path / "one.png", steps=[10])
    heights = [Image.open(tmp_path / name).height for name in ("both.png", "one.png")]
    assert heights[0] > 1.6 * heights[1]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("number", "options", "told"),
    [
        (1, [], "has no view from 18 to 72 degrees.*--views: 0,90,180"),
        (1, ["--views", "0,45"], "--views: there is no view '45'"),
        (1, [*VIEWS, "--subject", "005"], "no subject '005'"),
        (1, [*VIEWS, "--condition", "run-01"], "no condition 'run-01'"),
        (1, [*VIEWS, "--block", "block_1"], "no local paths in 'block_1'. Did you mean 'block_3' or 'block_2'"),
        (3, ["--steps", "3"], "--steps: there is no snapshot of step '3'"),
    ],
    ids=str,
)
def test_what_the_data_or_the_model_lack_is_named(run, small_walks_folder, tmp_path, capfd, number, options, told):
    out = tmp_path / "figure.png"
    assert call("figure", number, "--run", run.path, "--data", small_walks_folder, "--out", out, *options) == 1
    err = capfd.readouterr().err
    assert len(err.splitlines()) == 1 and "Traceback" not in err
    assert re.search(told, err), err
    assert not out.exists()


@pytest.mark.bad_input
@pytest.mark.parametrize("number", [1, 3])
def test_a_run_without_local_paths_is_named_with_the_solution(other_run, small_walks_folder, tmp_path, number):
    draw = {1: figure_1, 3: figure_3}[number]
    views = {"views": [90]} if number == 1 else {}
    with pytest.raises(ValueError, match=r"strips has no local paths.*Give a run of 3DLocal.*local_blocks"):
        draw(other_run.path, data=small_walks_folder, out=tmp_path / "figure.png", **views)


@pytest.mark.bad_input
@pytest.mark.slow
def test_a_run_without_snapshots_is_named_with_the_key_that_keeps_them(run, small_walks_folder, tmp_path):
    bare = shutil.copytree(run.path, tmp_path / "bare", ignore=shutil.ignore_patterns("snapshots"))
    with pytest.raises(ValueError, match="bare has no snapshots.*training.snapshots.*cannot be made afterwards"):
        figure_3(bare, data=small_walks_folder, out=tmp_path / "figure.png")


@pytest.mark.bad_input
def test_without_a_data_set_the_option_that_gives_it_is_named(run, tmp_path):
    with pytest.raises(ValueError, match="names no data set. Give its folder with --data DIR"):
        figure_1(run.path, out=tmp_path / "figure.png")


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("select", "told"),
    [
        ({"subjects": ["001"]}, "Two subjects or more.*there is 1"),
        ({"conditions": ["cl-01"], "views": [90]}, "There are 2 walks, and t-SNE needs 6"),
        ({"num_subjects": 1}, "Two subjects or more"),
        ({"num_subjects": 2.5}, "num_subjects must be a whole number of at least 1, not 2.5"),
        ({"num_subjects": 2, "subjects": ["001", "002"]}, "the subjects themselves or their number, not both"),
        ({"seed": 2**32}, "seed must be a whole number from 0 to 4294967295"),
    ],
    ids=str,
)
def test_too_few_subjects_or_walks_for_figure_2_are_named(run, small_walks_folder, tmp_path, select, told):
    with pytest.raises(ValueError, match=told):
        figure_2(run.path, compare_with=run.path, data=small_walks_folder, out=tmp_path / "map.png", **select)


@pytest.mark.bad_input
def test_a_second_model_that_is_missing_is_named_before_the_walks_are_embedded(
    run, small_walks_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr("tf3dlocal.supplement.embedding_maps.embed_walks", None)  # not called
    with pytest.raises(FileNotFoundError, match="There is no .*missing"):
        figure_2(run.path, compare_with=tmp_path / "missing", data=small_walks_folder, out=tmp_path / "map.png")


@pytest.mark.bad_input
def test_silhouettes_of_another_size_are_named_with_the_command(run, tmp_path):
    write_small_walks(tmp_path / "large", size=128, subjects=("003",))
    with pytest.raises(ValueError, match=r"takes silhouettes of 64 x 44.*have 128 x 128. Prepare.*at size 64"):
        figure_1(run.path, data=tmp_path / "large", out=tmp_path / "figure.png", views=[90])


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([1, "--compare-with", "other"], "--compare-with.*belongs to figure 2"),
        ([2, "--steps", "1"], "--steps.*belongs to figure 3"),
        ([2], "--compare-with.*compares two runs"),
        ([3, "--views", "0,90"], "figure 3 shows one view"),
        ([1, "--subject", "001", "--subject", "002"], "figure 1 shows one"),
        ([3, "--out", "walk.gif"], "use one of the suffixes .png, .pdf, .svg"),
        ([2, "--compare-with", "b", "--subject", "001", "--num-subjects", "3"], "--num-subjects.*not both"),
        ([1, "--views", "left"], "'left' is not a list of integers such as 0,90"),
    ],
    ids=str,
)
def test_an_option_of_another_figure_is_wrong_usage(arguments, told, capfd):
    number, *options = arguments
    assert call("figure", number, "--run", "run", *options) == 2
    err = " ".join(capfd.readouterr().err.replace("│", " ").split())
    assert re.search(told, err), err


@pytest.mark.bad_input
def test_figure_3_of_a_file_asks_for_the_run_folder(run, small_walks_folder, tmp_path):
    with pytest.raises(ValueError, match="is a file, and the figure needs the snapshots.*Give the run folder"):
        figure_3(run.snapshots.file(2), data=small_walks_folder, out=tmp_path / "figure.png")


@pytest.mark.bad_input
@pytest.mark.slow
def test_a_model_that_has_diverged_is_named_with_its_part_and_nothing_is_drawn(
    run, make_run, small_walks_folder, tmp_path
):
    model = small_model()
    model.get_layer("block_3_head").localization.fc6.bias.assign([np.nan] + [0] * 7)
    broken = make_run("broken", model)
    broken.snapshots.keep(model, step=10)
    arguments = {"data": small_walks_folder, "out": tmp_path / "figure.png"}
    with pytest.raises(ValueError, match="broken: The location of block_3 head is not finite: the model has diverged"):
        figure_1(broken.path, views=[90], **arguments)
    with pytest.raises(ValueError, match="step-000010.keras: The location of block_3 head is not finite"):
        figure_3(broken.path, **arguments)
    with pytest.raises(ValueError, match="broken: The embedding of walk .* not finite"):
        figure_2(run.path, compare_with=broken.path, progress=False, **arguments)
    assert not (tmp_path / "figure.png").exists()
