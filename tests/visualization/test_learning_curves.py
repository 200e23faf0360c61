"""The plot of rank-1 over the steps draws the lines of the logs, and refuses logs that do not belong together."""

import json

import numpy as np
import pytest

from tf3dlocal.visualization import plot_learning_curves


@pytest.fixture
def run(tmp_path):
    """Function that writes the run folder of a training that has measured these values of rank-1, by step."""

    def write(name, ranks):
        folder = tmp_path / name
        folder.mkdir()
        records = [{"step": 1, "loss": 0.2}]
        for step, groups in ranks.items():
            means = {f"rank_1_{group}": value for group, value in groups.items()}
            records.append({"step": step, "rank_1": float(np.mean(list(groups.values()))), **means})
        (folder / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
        return folder

    return write


def lines(axes):
    return {line.get_color(): line for line in axes.get_lines()}


def test_every_group_has_a_panel_with_the_mean_over_the_seeds_and_a_band(run):
    seeds = [run(f"seed{n}", {0: {"NM": 10, "CL": 5}, 40: {"NM": 50 + 10 * n, "CL": 30}}) for n in (0, 1)]
    other = run("other", {0: {"NM": 10, "CL": 5}, 20: {"NM": 20, "CL": 7}, 40: {"NM": 40, "CL": 20}})
    figure = plot_learning_curves({"3DLocal": seeds, "global path": [other]})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["NM", "CL"]
    with_seeds, alone = figure.axes[0].get_lines()
    np.testing.assert_allclose(with_seeds.get_xydata(), [[0, 10], [40, 55]])
    np.testing.assert_allclose(alone.get_xydata(), [[0, 10], [20, 20], [40, 40]])
    (band,) = figure.axes[0].collections
    assert {tuple(corner) for corner in band.get_paths()[0].vertices} >= {(40, 50), (40, 60)}
    assert {text.get_text() for text in figure.axes[1].texts} == {"3DLocal", "global path"}


def test_a_baseline_is_a_grey_dotted_level(run, tmp_path):
    trained = run("trained", {0: {"NM": 10}, 40: {"NM": 50}})
    picture = tmp_path / "curves.png"
    (axes,) = plot_learning_curves({"3DLocal": [trained]}, baselines={"GEI": {"NM": 30.0}}, path=picture).axes
    level = lines(axes)["0.45"]
    assert set(level.get_ydata()) == {30.0} and level.is_dashed()
    assert picture.stat().st_size > 5_000


@pytest.mark.bad_input
def test_trainings_that_do_not_belong_together_are_refused(run):
    one, other = run("one", {0: {"NM": 10}, 40: {"NM": 50}}), run("other", {0: {"NM": 10}, 30: {"NM": 50}})
    with pytest.raises(ValueError, match=r"'3DLocal' have measured rank-1 at other steps: \[0, 40\] and \[0, 30\]"):
        plot_learning_curves({"3DLocal": [one, other]})
    with pytest.raises(ValueError, match=r"'3DLocal' have measured other groups: \['NM'\] and \['NM', 'CL'\]"):
        plot_learning_curves({"3DLocal": [one, run("more", {0: {"NM": 10, "CL": 5}, 40: {"NM": 50, "CL": 9}})]})
    with pytest.raises(ValueError, match=r"must have the groups \['NM'\]; 'GEI' has \['CL'\]"):
        plot_learning_curves({"3DLocal": [one]}, baselines={"GEI": {"CL": 1.0}})
    with pytest.raises(ValueError, match="needs a list of run folders"):
        plot_learning_curves({"3DLocal": str(one)})
    with pytest.raises(ValueError, match="no trainings"):
        plot_learning_curves({})


@pytest.mark.bad_input
def test_a_training_without_held_out_subjects_says_what_to_set(run):
    with pytest.raises(ValueError, match=r"bare has measured no rank-1 .* training\.evaluate_every"):
        plot_learning_curves({"3DLocal": [run("bare", {})]})
