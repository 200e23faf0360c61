"""The demo from an empty folder to "who is it?", with walks of four frames and two steps of training."""

import json

import pytest

from tf3dlocal import demo

pytestmark = pytest.mark.slow

SHORTER = {
    "clip_length: 12": "clip_length: 4",
    "window: [12, 16]": "window: [4, 4]",
    "channels: [12, 24, 48]": "channels: [2, 4, 4]",
    "warmup_steps: 10": "warmup_steps: 1",
    "steps: 120": "steps: 2",
    "report_every: 10": "report_every: 1",
    "_every: 40": "_every: 2",
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """(folder, numbers of the first call, numbers of the second call, which files were written anew by the second)."""
    config = demo.CONFIG
    for long, short in SHORTER.items():
        assert long in config
        config = config.replace(long, short)
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "FRAMES", 4)
        patch.setattr(demo, "CONFIG", config)
        first, written = demo.run_demo(folder), times(folder)
        second = demo.run_demo(folder)
    return folder, first, second, {path for path, time in times(folder).items() if written.get(path) != time}


def times(folder):
    kept = ("raw", "prepared", "run", "saved_model")
    return {path: path.stat().st_mtime_ns for name in kept for path in (folder / name).rglob("*") if path.is_file()}


def test_the_demo_leaves_pictures_tables_and_a_saved_model(shown):
    folder, *_ = shown
    for name in ("walks", "located_parts", "training"):
        assert (folder / "pictures" / f"{name}.png").stat().st_size > 10_000
    assert {path.name for path in (folder / "results").iterdir()} == {
        "rank1.txt",
        "rank1.md",
        "rank1.csv",
        "rank1.json",
    }
    assert (folder / "saved_model" / "1" / "saved_model.pb").is_file()


def test_the_demo_gives_its_numbers_for_json(shown):
    _, numbers, *_ = shown
    assert json.loads(json.dumps(numbers)) == numbers
    assert numbers["num_walks"] == 24 * 110
    assert set(numbers["rank_1"]) == set(numbers["rank_1_of_gait_energy_images"]) == {"NM", "BG", "CL"}
    assert numbers["export_difference"] < 1e-5
    assert numbers["identified"].startswith("subject 0")


def test_a_second_call_uses_what_is_there(shown):
    _, first, second, written_anew = shown
    for measured in ("seconds", "export_difference"):
        del first[measured], second[measured]
    assert second == first
    assert {path.name for path in written_anew} <= {"config.yaml", ".lock"}  # what the run was called with, and by whom
