"""`tf3dlocal export`: where it cannot write, what is no model, and what the model card cannot say."""

import json
import pathlib

import keras
import numpy as np
import pytest

import tf3dlocal
from tf3dlocal.cli import main
from tf3dlocal.serving import CARD_NAME


def small_model(bias=0.0):
    silhouettes = keras.Input((None, 16, 12, 1))
    pooled = keras.layers.GlobalAveragePooling3D()(silhouettes)
    dense = keras.layers.Dense(3, bias_initializer=keras.initializers.Constant(bias))
    return keras.Model(silhouettes, {"embedding": dense(pooled)})


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A folder with model.keras alone, in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    small_model().save(tmp_path / "run" / "model.keras")
    return tmp_path / "run"


def call(capfd, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["export", *map(str, arguments)])
    out, err = capfd.readouterr()
    return ended.value.code or 0, " ".join(out.split()), " ".join(err.split())


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("out", "told"),
    [
        ("file", "file cannot be written: it is not a folder. Choose another path."),
        ("file/deeper", "file/deeper cannot be written: "),
        ("dangling", "dangling cannot be written: it is a link to nothing."),
    ],
)
def test_a_place_where_no_folder_can_be_made_is_named_before_the_model_is_loaded(out, told, run, capfd):
    (run.parent / "file").write_text("kept")
    (run.parent / "dangling").symlink_to("nowhere")
    (run / "model.keras").write_text("no model, and not read")
    code, _, err = call(capfd, "run", out)
    assert code == 1 and err.startswith("error: ") and told in err
    assert (run.parent / "file").read_text() == "kept"


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["c.yaml", "model.keras"])
def test_a_text_that_is_given_as_a_model_is_one_sentence(name, run, capfd):
    (run.parent / name).write_text("model: {name: gaitset}")
    code, out, err = call(capfd, name, "out")
    assert code == 1 and out == "" and f"{name} " in err and len(err) < 300
    assert not (run.parent / "out").exists()


@pytest.mark.bad_input
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("model", ["run", "run/model.keras"])
def test_a_run_that_diverged_is_not_exported(value, model, run, capfd):
    small_model(bias=value).save(run / "model.keras")
    code, out, err = call(capfd, model, "out")
    assert code == 1 and out == "" and "weights that are not finite" in err
    assert not (run.parent / "out").exists()


def test_a_model_without_a_config_is_exported_and_what_its_card_lacks_is_said(run, capfd):
    code, out, _ = call(capfd, "run", "out")
    assert code == 0 and '"config": null' in (run.parent / "out" / "1" / CARD_NAME).read_text()
    assert "Its model card does not say how the model was trained: run belongs to no run folder with config.yaml" in out


@pytest.mark.slow
def test_a_run_whose_checkpoints_were_removed_keeps_its_config(run, capfd):
    (run / "config.yaml").write_text(
        (pathlib.Path(__file__).parents[2] / "configs/gaitset_casia_b_lt.yaml").read_text(encoding="utf-8")
    )
    (run / "data.json").write_text(json.dumps({"version": tf3dlocal.__version__}))
    code, out, err = call(capfd, "run", "out")
    assert code == 0, err
    assert '"name": "gaitset"' in (run.parent / "out" / "1" / CARD_NAME).read_text()
    assert "does not say how" not in out
