"""The demo from an empty folder to the identification, with walks of two frames and two steps of training."""

import json

import pytest

from tf3dlocal.config import Experiment
from tf3dlocal.demo import run_demo, steps
from tf3dlocal.evaluation import load_protocol

pytestmark = pytest.mark.slow

SHORTER = (
    "data.clip_length=2",
    "data.window=[2, 2]",
    "model.arguments.channels=[2, 4, 4]",
    "model.arguments.parts=[[torso, 0.33, 0.33, 1.0, 0.5, 0.35, 0.5]]",
    "schedule.warmup_steps=1",
    "training.steps=2",
    "training.report_every=1",
    "training.checkpoint_every=2",
    "training.evaluate_every=2",
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """(folder, numbers of the first call, numbers of the second call, files that the second call wrote again)."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "FRAMES", 2)
        first, written = run_demo(folder, overrides=SHORTER), times(folder)
        second = run_demo(folder, overrides=SHORTER)
    return folder, first, second, {path for path, time in times(folder).items() if written.get(path) != time}


def times(folder):
    kept = ("raw", "prepared", "run", "run_global_path", "saved_model")
    return {path: path.stat().st_mtime_ns for name in kept for path in (folder / name).rglob("*") if path.is_file()}


def test_the_demo_leaves_pictures_tables_and_a_saved_model(shown):
    folder, *_ = shown
    for name in ("walks", "located_parts", "training", "learning_curves"):
        assert (folder / "pictures" / f"{name}.png").stat().st_size > 10_000
    assert {path.name for path in (folder / "results").iterdir()} == {
        "rank1.txt",
        "rank1.md",
        "rank1.csv",
        "rank1.json",
        "global_path",
    }
    assert (folder / "saved_model" / "1" / "saved_model.pb").is_file()


def test_the_demo_returns_its_numbers_for_json(shown):
    _, numbers, *_ = shown
    assert json.loads(json.dumps(numbers)) == numbers
    assert numbers["num_walks"] == 24 * 110
    for name in ("rank_1", "rank_1_of_the_global_path_alone", "rank_1_of_gait_energy_images"):
        assert set(numbers[name]) == {"NM", "BG", "CL"}
    assert numbers["export_difference"] < 1e-5
    assert numbers["identified"].startswith("subject 0")


def test_a_second_call_reuses_the_folder(shown):
    _, first, second, written_anew = shown
    for measured in ("seconds", "export_difference"):
        del first[measured], second[measured]
    assert second == first
    assert {path.name for path in written_anew} <= {"config.yaml", ".lock"}  # the arguments of the run, and its lock


def test_the_files_of_the_demo_are_copied_as_they_are(shown):
    folder, *_ = shown
    for name in ("config.yaml", "protocol.yaml"):
        assert (folder / name).read_bytes() == (steps.HERE / name).read_bytes()
    assert Experiment.from_yaml(folder / "config.yaml").training.steps == 120
    assert load_protocol(folder / "protocol.yaml").name == "walkers-demo"
