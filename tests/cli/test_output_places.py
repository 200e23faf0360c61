"""What a command writes does not lie in what it reads, and a folder that cannot be written is found at once."""

import json

import pytest
from raw_trees import casia_files, write_tree

from tf3dlocal.cli import main

CONFIG = "data: {folder: DATA, protocol: casia-b-st}\nmodel: {name: gaitset}\ntraining: {steps: 10}\n"


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Raw data, a prepared set, a run and a config, all empty but for what identifies them; the working folder."""
    monkeypatch.chdir(tmp_path)
    write_tree(tmp_path / "raw", casia_files(("001",), ("nm-01",), (90,)))
    for folder in ("set", "run", "saved/1"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "set" / "dataset.json").write_text("{}")
    (tmp_path / "run" / "model.keras").write_bytes(b"PK")
    (tmp_path / "run" / "config.yaml").write_text(CONFIG)
    (tmp_path / "with-data" / "checkpoints").mkdir(parents=True)
    (tmp_path / "with-data" / "config.yaml").write_text(CONFIG.replace("DATA", "set"))
    (tmp_path / "with-data" / "data.json").write_text('{"version": "0.2.0"}')
    (tmp_path / "a.yaml").write_text(CONFIG.replace("DATA", "set"))
    (tmp_path / "own.json").write_text("{}")
    for name in ("evaluation.json", "log.jsonl"):
        (tmp_path / "run" / name).write_text("{}")
    (tmp_path / "a.pt").write_bytes(b"PK")
    (tmp_path / "a.keras").write_bytes(b"PK")
    (tmp_path / "link").symlink_to("raw")
    (tmp_path / "to-set").symlink_to("set")
    for name in ("checkpoints", "snapshots", "tensorboard"):
        (tmp_path / "run" / name).mkdir()
    (tmp_path / "to-nothing").symlink_to("nothing")
    return tmp_path


def content(folder):
    return sorted((str(path), path.lstat().st_mtime_ns) for path in folder.rglob("*"))


def refused(places, line, capfd):
    """Return the error of a command line that must not write anything."""
    before = content(places)
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    err = " ".join(capfd.readouterr().err.replace("│", " ").split())
    assert ended.value.code in (1, 2) and "Traceback" not in err and content(places) == before
    return err


TEST = "--protocol casia-b-st"


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("prepare raw raw", "raw holds the raw data"),
        ("prepare raw raw/sub", "raw/sub is inside raw, which holds the raw data. Give a folder outside it."),
        ("prepare raw raw/sub/deep --overwrite", "is inside raw"),
        ("prepare raw link/sub", "link/sub is inside raw"),
        ("prepare link raw/sub", "raw/sub is inside link"),
        ("prepare link raw", "raw holds the raw data"),
        ("prepare raw/001 .", "raw/001, which holds the raw data, is inside ."),
        ("prepare raw .", "is inside ."),
        ("prepare raw ../{name}", "is inside ../"),
        ("prepare raw p --json raw/a.json", "raw/a.json is inside raw"),
        ("prepare raw set --json set/report.json", "set/report.json is inside set"),
        ("train a.yaml --run set", "set holds the data set"),
        ("train a.yaml --run set/run", "set/run is inside set, which holds the data set"),
        ("train a.yaml --run to-set/run", "to-set/run is inside set"),
        ("train a.yaml --data to-set --run set/run", "set/run is inside to-set"),
        ("train a.yaml --json set/a.json", "set/a.json is inside set"),
        (f"compare a.yaml --data set --out set/c {TEST}", "set/c is inside set, which holds the data set"),
        (f"compare a.yaml run --data set --out run {TEST}", "run holds a run"),
        (f"compare a.yaml x=run --data set --out run/c {TEST}", "run/c is inside run, which holds a run"),
        (f"compare a.yaml --data set --out c --json set/c.json {TEST}", "set/c.json is inside set"),
        (f"evaluate gei --data set --json set/numbers.json {TEST}", "set/numbers.json is inside set"),
        (f"evaluate gei --data set --json set/dataset.json {TEST}", "is needed where it is"),
        (f"evaluate gei --data set --json a.keras {TEST}", "exists and is no JSON file, and would be overwritten"),
        ("evaluate gei --data set --protocol own.json --json own.json", "own.json holds the protocol"),
        (f"evaluate gei --data set --details set/d {TEST}", "set/d is inside set, which holds the data set"),
        (f"evaluate gei --data set --details set {TEST}", "set holds the data set"),
        (f"evaluate saved --data set --details saved/d {TEST}", "saved/d is inside saved, which holds the model"),
        (f"evaluate gei --data set --details d --json d/verification.json {TEST}", "d/verification.json is inside d"),
        ("table 3 --run run --out set/dataset.json", "is needed where it is, and would be overwritten"),
        ("table 2 --run run --out run/evaluation.json", "is needed where it is"),
        ("table 2 --run run --json run/evaluation.json", "is needed where it is"),
        ("table 3 --run run --json run/log.jsonl", "is needed where it is"),
        ("table 3 --run run --out t.json --json t.json", "is the file of --out too"),
        ("figure 1 --run run --data set --out set/f.png", "set/f.png is inside set"),
        ("figure 1 --run a.keras --data set --out a.keras", "a.keras"),
        ("figure 1 --run run --data set --out run/snapshots/f.png", "holds the snapshots of the run"),
        (
            "figure 2 --run a.keras --compare-with run --data set --out run/checkpoints/f.png",
            "the checkpoints of the run",
        ),
        ("figure 1 --run with-data --out set/f.png", "set/f.png is inside set, which holds the data set of the run"),
        ("table 3 --run run --json run/tensorboard/t.json", "holds the tensorboard of the run"),
        ("train a.yaml --run run --json run/checkpoints/a.json", "holds the checkpoints of the run"),
        (f"evaluate run --data set --details run/checkpoints {TEST}", "holds the checkpoints of the run"),
        (f"evaluate run --data set --json run/snapshots/a.json {TEST}", "holds the snapshots of the run"),
        ("figure 2 --run run --compare-with run --data set", "is the run itself"),
        ("figure 2 --run run --compare-with a.keras --data set --json run/log.jsonl", "is needed where it is"),
        ("figure 2 --run run --compare-with a.keras --data set --json set/f.json", "set/f.json is inside set"),
        ("parts run --data set --out set/p", "set/p is inside set, which holds the data set"),
        ("parts run --data set --out run", "run holds the trained model"),
        ("export run run", "run holds the trained model"),
        ("export run run/saved", "run/saved is inside run"),
        ("embed saved w --out saved/g.npz", "saved/g.npz is inside saved, which holds the exported model"),
        ("embed saved w --json saved/1/g.json", "saved/1/g.json is inside saved"),
        ("embed saved a=w --out w/g.npz", "w/g.npz is inside w, which holds the frames of a walk"),
        ("embed saved v a=w --json w/deep/a.json", "w/deep/a.json is inside w, which holds the frames of a walk"),
        ("enroll g.npz anna v w --model saved --json w/a.json", "w/a.json is inside w"),
        ("enroll g.npz anna w --model saved --json saved/a.json", "saved/a.json is inside saved"),
        ("enroll g.npz anna w --model saved --json g.npz", "g.npz holds the gallery"),
        ("identify g.npz w --json ./g.npz", "g.npz holds the gallery"),
        ("verify g.npz anna w --json g.npz", "g.npz holds the gallery"),
        ("calibrate g.npz --data set --json g.npz", "g.npz holds the gallery"),
        ("forget g.npz anna --json g.npz", "g.npz holds the gallery"),
        ("identify g.npz v w --json w/a.json", "w/a.json is inside w"),
        ("identify g.npz w --follow --json w/a.json", "w/a.json is inside w"),
        ("identify g.npz w --model saved --json saved/a.json", "saved/a.json is inside saved"),
        ("verify g.npz anna w --json w/a.json", "w/a.json is inside w"),
        ("calibrate g.npz --data set --json set/a.json", "set/a.json is inside set, which holds the data set"),
        ("serve-check http://127.0.0.1:1 --model saved --json saved/a.json", "saved/a.json is inside saved"),
        ("convert a.pt a.pt --overwrite --source opengait --model gaitset", "a.pt holds the weights"),
    ],
)
def test_an_output_in_an_input_is_refused(places, line, told, capfd):
    assert told in refused(places, line.format(name=places.name), capfd)


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["own.json", "own.json/sub", "to-nothing", "to-nothing/sub"])
@pytest.mark.parametrize(
    "line",
    [
        "prepare raw OUT",
        "walkers OUT",
        "demo OUT",
        "train a.yaml --run OUT",
        "parts run --data set --out OUT",
        f"evaluate gei --data set --details OUT {TEST}",
        f"compare a.yaml --data set --out OUT {TEST}",
    ],
)
def test_a_folder_that_is_a_file_is_refused_before_the_work(places, line, name, capfd):
    told = refused(places, line.replace("OUT", name), capfd)
    what = "is a link to nothing" if name.startswith("to-nothing") else "is a file"
    assert f"{name.partition('/')[0]} {what}. Give a folder." in told and told.count(name) >= 1


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "line",
    [
        f"evaluate gei --data set {TEST} --json OUT",
        f"compare a.yaml --data set --out c {TEST} --json OUT",
        "train a.yaml --json OUT",
        "prepare raw p --json OUT",
        "embed saved w --out OUT",
        "embed saved w --json OUT",
        "export run saved --json OUT",
        "parts run --data set --json OUT",
        "convert a.pt OUT --source opengait --model gaitset",
        "protocol --new OUT",
    ],
)
def test_a_file_that_is_a_folder_or_in_a_file_is_refused_before_the_work(places, line, capfd):
    assert "run is a folder, and a file of this name cannot" in refused(places, line.replace("OUT", "run"), capfd)
    assert "a.yaml/a cannot be written: a.yaml is not" in refused(places, line.replace("OUT", "a.yaml/a"), capfd)


def test_a_default_run_folder_is_checked_as_well(places, capfd):
    (places / "runs").write_text("a file")
    assert "runs/a cannot be made: " in refused(places, "train a.yaml", capfd)


def test_neighbours_and_names_that_begin_alike_are_apart(places):
    main_without_exit("prepare raw raw-2 --workers 1 --json raw-2.json")
    main_without_exit("prepare raw raw-2 --workers 1 --json raw-2.json")
    assert json.loads((places / "raw-2.json").read_text())["num_walks"] == 1


def main_without_exit(line):
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert not ended.value.code
