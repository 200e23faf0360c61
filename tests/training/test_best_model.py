"""The best model by the held-out training subjects: which one it is, after kills and resumes too."""

import json
import shutil

import keras
import numpy as np
import pytest
from tiny_gait import CONFIG, PROTOCOL, tiny_gait

from tf3dlocal import __version__
from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.models import MODELS
from tf3dlocal.training import callbacks, run_experiment
from tf3dlocal.training.run import model_file
from tf3dlocal.training.run.checkpoint import best_in, write_checkpoint
from tf3dlocal.training.run.run_folder import RunFolder

pytestmark = pytest.mark.slow  # trainings that choose


def model_of(value):
    x = keras.Input((1,))
    model = keras.Model(x, keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(value))(x))
    model.compile("sgd", "mse")
    return model


def weight_of(file):
    return keras.saving.load_model(file).get_weights()[0].item()


def test_a_better_one_takes_the_place_and_of_two_equal_ones_the_earlier_stays(tmp_path):
    best = RunFolder(tmp_path).best
    assert best.note() is None
    assert best.offer(model_of(1), step=100, rank_1=50.0, groups={"rank_1_NM": 60.0, "rank_1_CL": 40.0})
    assert best.offer(model_of(2), step=200, rank_1=70.0, groups={})
    assert not best.offer(model_of(3), step=300, rank_1=70.0, groups={}) and not best.offer(
        model_of(4), step=400, rank_1=60.0, groups={}
    )
    assert json.loads((tmp_path / "best.json").read_text()) == best.note()
    assert best.note() == {"step": 200, "rank_1": 70.0, "version": __version__}
    assert weight_of(tmp_path / "best.keras") == 2 and not keras.saving.load_model(tmp_path / "best.keras").compiled


@pytest.mark.parametrize("die_at", ["best.keras", "best.json"])
def test_a_kill_between_the_two_files_leaves_none_that_names_the_other_model(tmp_path, monkeypatch, die_at):
    best = RunFolder(tmp_path).best
    best.offer(model_of(1), step=100, rank_1=50.0, groups={})

    def dying(write):
        def write_or_die(path, content):
            if path.name == die_at:
                raise KeyboardInterrupt
            write(path, content)

        return write_or_die

    with monkeypatch.context() as patch:
        for name in ("write_file", "write_json"):
            patch.setattr(model_file, name, dying(getattr(model_file, name)))
        with pytest.raises(KeyboardInterrupt):
            best.offer(model_of(2), step=200, rank_1=70.0, groups={})
    assert not (tmp_path / "best.json").exists()
    assert best.note()["step"] == (100 if die_at == "best.keras" else 200) == 100 * weight_of(tmp_path / "best.keras")


def test_going_back_to_a_checkpoint_brings_back_what_was_best_then_and_its_text(tmp_path):
    run = RunFolder(tmp_path)
    write_checkpoint(tmp_path / "none.keras", model=model_of(0))
    run.best.offer(model_of(1), step=100, rank_1=50.0, groups={})
    write_checkpoint(tmp_path / "first.keras", model=model_of(0), best=run.best.file)
    run.best.offer(model_of(2), step=200, rank_1=70.0, groups={})
    run.best.go_back(best_in(tmp_path / "first.keras"))
    assert json.loads((tmp_path / "best.json").read_text()) == run.best.note()
    assert run.best.note()["step"] == 100
    assert weight_of(tmp_path / "best.keras") == 1
    (tmp_path / "best.json").unlink()
    run.best.go_back(best_in(tmp_path / "first.keras"))
    assert (tmp_path / "best.json").exists()
    run.best.go_back(best_in(tmp_path / "none.keras"))
    assert run.best.note() is None and not (tmp_path / "best.json").exists()


@pytest.fixture
def train(small_walks_folder, tmp_path, monkeypatch):
    """Function that trains with the given values of rank-1, up to a step at which it dies."""
    monkeypatch.setitem(MODELS, "tiny_gait", tiny_gait)
    (tmp_path / "small.yaml").write_text(PROTOCOL)
    text = CONFIG.replace("PROTOCOL", str(tmp_path / "small.yaml"))
    act = callbacks.Report.act

    def run(rank_1, *overrides, die_after=None):
        values = iter(rank_1)
        monkeypatch.setattr(callbacks, "held_out_rank_1", lambda *_, **__: {"NM": next(values), "CL": float("nan")})

        def act_or_die(report, step, logs):
            act(report, step, logs)
            if step == die_after:
                raise KeyboardInterrupt

        monkeypatch.setattr(callbacks.Report, "act", act_or_die)
        overrides = ["held_out_subjects=2", "report_every=1", "keep_checkpoints=9", "steps=8", *overrides]
        config = Experiment.from_text(text, overrides=[f"training.{override}" for override in overrides])
        return run_experiment(config, data=small_walks_folder, run=tmp_path / "run", progress=False)

    return run


def weights_of_checkpoint(tmp_path, step):
    return keras.saving.load_model(
        tmp_path / "run" / "checkpoints" / f"step-{step:06d}.keras", compile=False
    ).get_weights()


def assert_same(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_kept_model_is_the_best_and_can_be_changed_for_the_last_afterwards(train, tmp_path):
    model = train([20.0, 50.0, 80.0, 80.0, 60.0], "evaluate_every=2", "keep_model=best")
    run = RunFolder(tmp_path / "run")
    note = {"kept": "best", "step": 4, "rank_1": 80.0, "rank_1_NM": 80.0, "version": __version__}
    assert run.model_note() == note
    assert run.read_log()[-1] == {"step": 8, "kept_step": 4, "kept_rank_1": 80.0}
    for kept in (model, keras.saving.load_model(run.model_file)):
        assert_same(kept.get_weights(), weights_of_checkpoint(tmp_path, 4))
    before = run.model_file.read_bytes()
    train([], "evaluate_every=2", "keep_model=best")  # nothing to do
    assert run.model_file.read_bytes() == before
    model = train([], "evaluate_every=2")
    assert run.model_note() == {"kept": "last", "step": 8, "version": __version__}
    assert_same(model.get_weights(), keras.saving.load_model(run.model_file).get_weights())
    assert_same(model.get_weights(), weights_of_checkpoint(tmp_path, 8))


@pytest.mark.slow
def test_after_going_back_to_a_checkpoint_nothing_later_counts_as_best(train, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train([20.0, 50.0, 60.0, 90.0], "evaluate_every=2", "checkpoint_every=5", "keep_model=best", die_after=7)
    assert RunFolder(tmp_path / "run").best.note()["step"] == 6
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    train([55.0, 40.0], "evaluate_every=2", "checkpoint_every=5", "keep_model=best")
    assert RunFolder(tmp_path / "run").model_note()["step"] == 4


def test_the_best_without_a_measure_is_an_error_that_names_the_key(train):
    with pytest.raises(ConfigError, match="keep_model: best needs evaluate_every"):
        train([], "keep_model=best")


def test_a_finished_training_that_measured_nothing_has_no_best(train):
    train([], "steps=1")
    with pytest.raises(ConfigError, match="training.keep_model is 'best', and nothing was measured .* Set it to last"):
        train([], "steps=1", "evaluate_every=1", "keep_model=best")
