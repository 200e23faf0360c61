"""Fixtures of several tests of the training."""

import pytest
from small_walks import write_small_walks
from tiny_gait import CONFIG, PROTOCOL, tiny_gait

from tf3dlocal.config import Experiment
from tf3dlocal.models import MODELS
from tf3dlocal.training import run_experiment


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
