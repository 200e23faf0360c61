"""Run folders of untrained models: all that the figures and tables read of a run."""

import keras
import pytest
from small_local_model import small_model

from tf3dlocal.config import Experiment
from tf3dlocal.layers import LocalPath
from tf3dlocal.models import GaitPart
from tf3dlocal.training import RunFolder

CONFIG = """
data: {protocol: PROTOCOL, subjects_per_batch: 2, walks_per_subject: 2, clip_length: 8, window: [8, 9]}
model: {name: NAME}
training: {steps: 10}
"""
PROTOCOL = """
name: small
train: [001, 002]
test: [003, 004]
gallery: [nm-01, nm-02]
probes: {NM: [nm-05, nm-06], CL: [cl-01, cl-02]}
"""


@pytest.fixture(scope="session")
def make_run(tmp_path_factory):
    """Function (name, model, its name in configs) -> run folder."""

    def make(name, model, *, of="three_d_local"):
        folder = tmp_path_factory.mktemp("runs") / name
        folder.mkdir()
        (folder / "protocol.yaml").write_text(PROTOCOL)
        text = CONFIG.replace("PROTOCOL", str(folder / "protocol.yaml")).replace("NAME", of)
        run, config = RunFolder(folder), Experiment.from_text(text)
        run.claim(config)
        run.write_model(model, config=config)
        return run

    return make


@pytest.fixture(scope="session")
def run(make_run):
    """A run of a small 3DLocal with the snapshots of two steps; at the second one the head has moved to the right."""
    model = small_model()
    run = make_run("parts", model)
    run.snapshots.keep(model, step=2)
    moved = keras.models.clone_model(model)
    moved.set_weights(model.get_weights())
    for layer in moved.layers:
        if isinstance(layer, LocalPath) and layer.prior.name == "head":
            layer.localization.fc6.bias.assign([0.3] + [0] * 7)
    run.snapshots.keep(moved, step=10)
    return run


@pytest.fixture(scope="session")
def other_run(make_run):
    """A run of a model without local paths."""
    return make_run("strips", GaitPart(channels=(2, 2, 4), num_strips=4, embedding_channels=3, seed=0), of="gaitpart")
