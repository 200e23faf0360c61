"""`enroll`, `identify`, `verify`, `calibrate` and `forget`: what they print, write and refuse."""

import json
import os
import shlex
import shutil
import signal
import threading
import time

import cv2
import keras
import numpy as np
import pytest
from bar_walks import exported, walk_folder

from tf3dlocal.cli import main
from tf3dlocal.serving import export
from tf3dlocal.serving.gallery import enroll


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """An exported model, which no test changes."""
    return exported(tmp_path_factory.mktemp("saved")).parent


@pytest.fixture
def call(tmp_path, monkeypatch, capfd, saved):
    """Run a command line in a folder with walks/{anna,ben,probe}; returns (exit code, standard output, error)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved").symlink_to(saved)
    for name, column in (("anna", 1), ("ben", 8), ("probe", 7)):
        walk_folder(tmp_path / "walks" / name, column, frames=40)

    def run_here(line):
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(line))
        return ended.value.code or 0, *capfd.readouterr()

    return run_here


@pytest.fixture(scope="module")
def made_once(tmp_path_factory, saved):
    """A gallery of anna and ben, which is copied for each test."""
    folder = tmp_path_factory.mktemp("people")
    for name, column in (("anna", 1), ("ben", 8)):
        walk = walk_folder(folder / "walks" / name, column, frames=40)
        enroll(folder / "people.npz", name=name, walks=[walk], model=saved, frame_rate=25)
    return folder / "people.npz"


@pytest.fixture
def people(call, made_once, tmp_path):
    """The gallery people.npz of anna and ben."""
    shutil.copyfile(made_once, tmp_path / "people.npz")
    return "people.npz"


@pytest.mark.slow
def test_from_folders_to_a_name(call, tmp_path):
    code, out, _ = call("enroll people.npz anna walks/anna --model saved --fps 25")
    assert code == 0 and out.splitlines() == [
        "anna: walks/anna, 40 frames",
        "people.npz: 1 person, 1 walk.",
        "Next: tf3dlocal identify people.npz WALK --fps 25",
    ]
    code, out, _ = call("enroll people.npz ben walks/ben --fps 25 --json n.json")
    assert out.splitlines()[-1] == "Next: tf3dlocal calibrate people.npz --data DIR"
    assert json.loads((tmp_path / "n.json").read_text())["people"] == {"anna": 1, "ben": 1}
    code, out, _ = call("identify people.npz walks/probe --fps 25 --json a.json")
    assert code == 0 and "walks/probe: ben, distance " in out and "No threshold is set" in out
    (answer,) = json.loads((tmp_path / "a.json").read_text())
    assert answer["name"] == "ben" and answer["threshold"] is None
    code, out, _ = call("verify people.npz ben walks/probe --json v.json")
    assert code == 0 and "ben? no threshold is set: distance " in out
    assert json.loads((tmp_path / "v.json").read_text())["accepted"] is None
    code, out, _ = call("forget people.npz anna")
    assert code == 0 and "anna: 1 walk removed.\npeople.npz: 1 person, 1 walk.\n" in out


@pytest.mark.slow
def test_a_folder_in_which_frames_appear_is_followed(call, people, tmp_path):
    code, out, _ = call(f"identify {people} walks --follow --seconds 0.7 --json a.json")
    assert code == 0 and "walks/probe: 40 frames, 2 windows so far: ben" in out
    assert {each["source"]: each["name"] for each in json.loads((tmp_path / "a.json").read_text())} == {
        "walks/anna": "anna",
        "walks/ben": "ben",
        "walks/probe": "ben",
    }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.slow
def test_ctrl_c_gives_walks_in_progress_their_answer_and_writes_the_numbers(call, people, tmp_path, number):
    before = signal.getsignal(number)
    for file in tmp_path.glob("walks/*/*"):
        os.utime(file, (0, 0))
    (tmp_path / "walks" / "anna" / "00003.png").write_bytes(b"no picture")
    os.utime(tmp_path / "walks" / "anna" / "00003.png", (0, 0))

    def interrupt():
        while signal.getsignal(number) is before:
            time.sleep(0.05)
        time.sleep(0.5)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    code, out, _ = call(f"identify {people} walks --follow --json a.json")
    thread.join()
    values = json.loads((tmp_path / "a.json").read_text())
    assert code == 0 and [value["name"] for value in values] == ["anna", "ben", "ben"]
    assert any("left out" in note for note in values[0]["notes"]) and "the frame rate of the walk is not known" in out
    assert signal.getsignal(number) is before


@pytest.mark.slow
def test_a_calibrated_gallery_says_unknown(tmp_path, monkeypatch, capfd, small_walks_folder):
    monkeypatch.chdir(tmp_path)
    silhouettes = keras.Input((None, 64, 44, 1))
    mean = keras.layers.Lambda(lambda x: keras.ops.mean(x, axis=1)[:, ::8, ::4])(silhouettes)
    export(keras.Model(silhouettes, {"embedding": keras.layers.Flatten()(mean)}), folder=tmp_path / "saved")
    for name, left in (("anna", 5), ("noise", 20)):
        (tmp_path / name).mkdir()
        picture = np.zeros((64, 44), np.uint8)
        picture[:, left : left + 12] = 255
        cv2.imwrite(f"{name}/1.png", picture)
    lines = [
        "enroll people.npz anna anna --model saved",
        f"calibrate people.npz --data {small_walks_folder} --views 90 --fpir 0.25 --json c.json",
        "identify people.npz noise",
        "verify people.npz anna anna",
    ]
    told = []
    for line in lines:
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(line))
        out, err = capfd.readouterr()
        assert not ended.value.code, err
        told.append(out)
    numbers = json.loads((tmp_path / "c.json").read_text())
    assert numbers["num_people"] == 4 and numbers["num_enrolled"] == 1 and numbers["fpir"] == 0.25
    assert f"Identify: threshold {numbers['threshold']:.3f} [" in told[1] and "from 4 people of " in told[1]
    assert "noise: unknown: the nearest is anna at " in told[2]
    assert "anna: anna? yes: distance 0.000, threshold " in told[3]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("enroll people.npz walks/anna walks/ben", 1, "'walks/anna' is no name: it is a path. Give a name before"),
        ("enroll new.npz walks walks/../saved --model saved", 2, "'walks' is a folder. Give the person's name before"),
        ("enroll walks/ben/new.npz ben walks/ben --model saved", 2, "which holds the frames of a walk"),
        ("embed saved a=walks/anna a=walks/ben --out new.npz", 2, "'a' is the name of two walks"),
        ("enroll people.npz .. walks/ben", 1, "'..' is no name: it is a path"),
        ("enroll people.npz anna walks/anna", 1, "already, as one of 'anna' from"),
        ("enroll people.npz anna none", 1, "none is not a folder; a walk is a folder"),
        ("enroll new.npz anna walks/anna", 1, "A new gallery needs a model. Give the folder of an exported model"),
        ("enroll people.npz carl walks/probe --fps 0", 1, "The frame rate is 0.0. Give frames per second"),
        ("enroll saved/1/new.npz anna walks/anna --model saved", 2, "is inside saved, which holds the exported model"),
        ("enroll walks anna walks/anna --model saved", 1, "walks is a folder, and a file of this name"),
        ("enroll people.npz/x anna walks/anna --model saved", 1, "people.npz is not a folder"),
        ("identify none.npz walks/probe", 1, "There is no gallery none.npz. `tf3dlocal enroll"),
        ("identify walks walks/probe", 1, "walks is a folder, and a gallery is a file"),
        ("identify people.npz walks/probe --top 0", 2, "--top"),
        ("identify people.npz walks/probe --model walks", 1, "There is no SavedModel in walks"),
        ("identify people.npz walks/probe --seconds 3", 2, "it is for --follow"),
        ("identify people.npz walks walks --follow", 2, "give one folder; got 2"),
        ("identify people.npz none --follow", 1, "none is not a folder. Give the folder in which frames will appear"),
        ("embed saved a=walks/anna --out people.npz", 2, "is a gallery of known people, and would be overwritten"),
        ("verify people.npz Anna walks/probe", 1, "no person 'Anna'. Did you mean 'anna'?"),
        ("forget people.npz carl", 1, "people.npz: there is no person 'carl'. Known names: 'anna', 'ben'."),
        ("forget none.npz anna", 1, "There is no gallery none.npz"),
        ("calibrate people.npz --data none", 1, "none"),
        ("calibrate people.npz --data DATA --fpir 0", 1, "FPIR is 0.0. Give a share between 0 and 1"),
        ("calibrate people.npz --data DATA --fpir 1e-310", 1, "FPIR is 1e-310. Give a share between 0 and 1"),
        ("calibrate people.npz --data DATA --fpir 1e-300", 1, "The smallest is 1e-09."),
        ("calibrate people.npz --data DATA --fpir nan", 1, "FPIR is nan. Give a share between 0 and 1"),
        ("calibrate people.npz --data DATA --fpir 2", 1, "FPIR is 2.0. Give a share between 0 and 1"),
        ("calibrate people.npz --data DATA --fpir 0.001", 1, "from 116 searches of strangers: it needs at least 1000"),
        ("calibrate people.npz --data DATA --fpir 0.25 --fps 900", 1, "more than 8 times as many"),
        ("calibrate people.npz --data DATA --views 45", 1, "no view '45'"),
        ("calibrate people.npz --data DATA --fpir 0.25", 1, "have 64 x 64 pixels, and the model takes 16 x 12"),
    ],
)
def test_what_is_wrong_is_said_and_the_gallery_stays(call, people, tmp_path, small_walks_folder, line, code, told):
    before = (tmp_path / people).read_bytes()
    found, out, err = call(line.replace("DATA", str(small_walks_folder)))
    assert found == code and told in " ".join(err.replace("│", "").split()), err
    assert "Traceback" not in err and (tmp_path / people).read_bytes() == before
    assert not (tmp_path / "new.npz").exists()


def test_more_people_than_there_are_may_be_asked_for(call, people):
    code, out, _ = call(f"identify {people} walks/probe --top 99")
    assert code == 0 and out.count("\n     ") == 2


@pytest.mark.bad_input
def test_huge_masks_are_aligned_one_by_one(call, people, tmp_path):
    (tmp_path / "huge").mkdir()
    mask = np.zeros((8000, 8000), np.uint8)
    mask[1000:7000, 3000:5000] = 255
    cv2.imwrite("huge/1.png", mask)
    code, out, _ = call(f"identify {people} huge")
    assert code == 0 and "huge: " in out and "the walk has 1 frame, and a window has 30" in out


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "line",
    [
        "identify people.npz walks/probe",
        "verify people.npz anna walks/probe",
        "calibrate people.npz --data DATA",
        "enroll people.npz carl walks/probe",
        "forget people.npz anna",
    ],
)
def test_numbers_are_not_written_into_the_model_that_the_gallery_names(
    call, people, tmp_path, saved, small_walks_folder, line
):
    before = (tmp_path / people).read_bytes()
    place = saved / "1" / "variables" / "x.json"
    code, _, err = call(f"{line.replace('DATA', str(small_walks_folder))} --json {place}")
    told = "".join(err.replace("│", "").split())
    assert code == 2 and "whichholdsthemodelofthegallery.Giveafolderoutsideit." in told, err
    assert not place.exists() and (tmp_path / people).read_bytes() == before


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "line",
    [
        "identify loop walks/probe",
        "identify people.npz loop",
        "identify people.npz walks/probe --model loop",
        "identify people.npz walks/probe --json loop",
        "verify loop anna walks/probe",
        "calibrate loop --data walks",
        "calibrate people.npz --data loop",
        "enroll loop anna walks/anna --model saved",
        "enroll people.npz carl loop",
        "forget loop anna",
        "embed saved walks/anna --out loop",
        "embed loop walks/anna",
    ],
)
def test_a_link_that_leads_to_itself_is_named(call, people, tmp_path, line):
    (tmp_path / "loop").symlink_to("loop")
    code, _, err = call(line)
    told = " ".join(err.replace("│", "").split())
    assert code in (1, 2) and "loop is a link that leads to itself" in told, err
    assert (tmp_path / "loop").is_symlink()
