"""What a training that diverges leaves, from the command line to the file."""

import json

import numpy as np
import pytest
from tiny_gait import CONFIG, PROTOCOL, tiny_gait

from tf3dlocal.cli import main
from tf3dlocal.data import cut_sides, plan_batch
from tf3dlocal.models import MODELS
from tf3dlocal.training.health.bad_batch import write_bad_batch
from tf3dlocal.training.run.run_folder import RunFolder

pytestmark = pytest.mark.slow  # trainings that stop

SETTINGS = {"subjects_per_batch": 2, "walks_per_subject": 4, "clip_length": 4, "window": (4, 6)}


def test_the_batch_is_the_one_that_the_network_saw_with_the_name_of_each_walk(small_walks, tmp_path):
    file = write_bad_batch(
        tmp_path, walks=small_walks, seed=3, step=12, facts={"loss": np.nan, "learning_rate": 0.1}, **SETTINGS
    )
    assert file == tmp_path / "step-000012.npz"
    batch = np.load(file)  # no pickle is needed
    plan = plan_batch(small_walks, seed=3, step=11, **SETTINGS)  # steps are counted from 1, batches from 0
    assert batch["silhouettes"].dtype == np.uint8 and batch["silhouettes"].shape == (8, 4, 64, 44)
    for i, number in enumerate(plan.walks):
        walk = small_walks.read(number)
        seen = cut_sides(walk.silhouettes)[plan.frames[i]]
        np.testing.assert_array_equal(batch["silhouettes"][i], seen[:, :, ::-1] if plan.flips[i] else seen)
        assert batch["walks"][i] == walk.name
        told = (batch["subjects"][i], batch["conditions"][i], batch["view_degrees"][i])
        assert told == (walk.subject, walk.condition, walk.view_degrees)
        assert str(batch["records"][i]) in small_walks.describe(number)
    assert plan.flips.any() and not plan.flips.all()
    for name in ("frames", "flips"):
        np.testing.assert_array_equal(batch[name], getattr(plan, name))
    np.testing.assert_array_equal(batch["labels"], plan.classes)
    assert batch["step"] == 12 and np.isnan(batch["loss"]) and batch["learning_rate"] == 0.1


def test_the_command_stops_with_batch_picture_and_fix_and_keeps_the_last_good_checkpoint(
    small_walks_folder, tmp_path, monkeypatch, capfd
):
    monkeypatch.setitem(MODELS, "tiny_gait", tiny_gait)
    (tmp_path / "small.yaml").write_text(PROTOCOL)
    (tmp_path / "config.yaml").write_text(CONFIG.replace("PROTOCOL", str(tmp_path / "small.yaml")))
    run = RunFolder(tmp_path / "run")
    verb = ["train", str(tmp_path / "config.yaml"), "--data", str(small_walks_folder), "--run", str(run.path)]
    # The steps to 4 are sound; then the rate rises to where the weights overflow.
    verb += [
        "--set",
        "optimizer.name=sgd",
        "--set",
        "schedule={name: piecewise, learning_rate: 1e-3, milestones: [4, 5], factor: 1e9}",
    ]
    with pytest.raises(SystemExit) as ended:
        main([*verb, "--set", "training.report_every=100", "--set", "training.steps=40"])
    message = " ".join(capfd.readouterr().err.split())
    assert ended.value.code == 1
    file = next(run.bad_batches.glob("*.npz"))
    step = int(file.stem[5:])
    rate = {5: 1e6}.get(step, 1e15)
    assert 5 <= step <= 8 and f"at step {step}" in message and f"(learning rate {rate:g})" in message
    assert f"The checkpoint of step {run.last_checkpoint()[0]} is kept" in message
    assert str(file) in message and "lower schedule.learning_rate" in message
    assert f"as a picture: {file.with_suffix('.png')}" in message and file.with_suffix(".png").stat().st_size > 1000
    assert run.last_checkpoint()[0] < step and not run.model_file.exists()
    assert not run.log_file.exists() or all(np.isfinite(json.loads(line)["loss"]) for line in run.log_file.open())
    with np.load(file) as batch:
        assert batch["step"] == step and batch["learning_rate"] == np.float32(rate)
