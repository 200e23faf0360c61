"""Fixtures of several tests of the training."""

import contextlib

import pytest
from small_walks import write_small_walks
from tiny_gait import CONFIG, PROTOCOL, tiny_gait

from tf3dlocal.config import Experiment
from tf3dlocal.models import MODELS
from tf3dlocal.training import run_experiment
from tf3dlocal.training.callbacks import Report


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Folder of the tiny prepared data set, with its protocol in it: small.yaml."""
    folder = tmp_path_factory.mktemp("prepared")
    write_small_walks(folder)
    (folder / "small.yaml").write_text(PROTOCOL)
    return folder


@pytest.fixture
def tiny_model_by_name(monkeypatch):
    """The tiny model under the name in CONFIG."""
    monkeypatch.setitem(MODELS, "tiny_gait", tiny_gait)


@pytest.fixture
def train(prepared, tiny_model_by_name):
    """Function that trains the tiny model into a run folder, with some keys of CONFIG changed."""

    def run(folder, *overrides, data=prepared, progress=False):
        text = CONFIG.replace("PROTOCOL", str(prepared / "small.yaml"))
        return run_experiment(Experiment.from_text(text, overrides=overrides), data=data, run=folder, progress=progress)

    return run


@pytest.fixture
def killed_after(monkeypatch):
    """Context in which a training ends in the middle, after the callbacks of the given step."""

    @contextlib.contextmanager
    def killed(last_step):
        act = Report.act

        def act_or_die(self, step, logs):
            act(self, step, logs)
            if step == last_step:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Report, "act", act_or_die)
            yield

    return killed
