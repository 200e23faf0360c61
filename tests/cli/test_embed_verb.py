"""`tf3dlocal embed`: which word is a name, what is left out, and what it refuses."""

import io

import cv2
import keras
import numpy as np
import pytest

from tf3dlocal.cli import main
from tf3dlocal.serving import WalkEmbeddings, export


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """An exported model."""
    silhouettes = keras.Input((None, 16, 12, 1))
    pooled = keras.layers.GlobalAveragePooling3D()(silhouettes)
    folder = tmp_path_factory.mktemp("saved")
    export(keras.Model(silhouettes, {"embedding": keras.layers.Dense(3)(pooled)}), folder=folder)
    return folder


@pytest.fixture
def walks(tmp_path, monkeypatch):
    """A folder walks/ with walks whose names hold a "="."""
    monkeypatch.chdir(tmp_path)
    for name in ("alice", "a=b", "=", "x=walks/alice"):
        walk_folder(tmp_path / "walks" / name)
    return tmp_path


def walk_folder(folder, *, broken=0, photographs=0):
    folder.mkdir(parents=True)
    for frame in range(3):
        picture = np.zeros((16, 12), np.uint8)
        picture[:, 3:7] = 255
        cv2.imwrite(str(folder / f"{frame}.png"), picture)
    for number in range(broken):
        (folder / f"broken-{number}.png").write_bytes(b"no picture")
    for number in range(photographs):
        noise = np.random.default_rng(number).integers(50, 200, (16, 12, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"photo-{number}.png"), noise)
    return folder


def call(capfd, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["embed", *map(str, arguments)])
    return ended.value.code or 0, *capfd.readouterr()


@pytest.mark.parametrize(
    ("walk", "name"),
    [
        ("walks/alice", "walks/alice"),
        ("walks/a=b", "walks/a=b"),
        ("ann=walks/alice", "ann"),
        ("ann=walks/a=b", "ann"),
        ("walks/x=walks/alice", "walks/x=walks/alice"),
        ("walks/=", "walks/="),
    ],
)
@pytest.mark.slow
def test_a_folder_that_exists_is_not_split_at_its_equals_sign(walk, name, saved, walks, capfd):
    code, out, err = call(capfd, saved, walk, "--out", "gallery.npz")
    assert code == 0, err
    assert WalkEmbeddings.read("gallery.npz").names == (name,)
    assert f"{name}: 3 frames" in out


def test_a_folder_with_an_equals_sign_that_is_missing_is_named_whole(saved, walks, capfd):
    code, _, err = call(capfd, saved, "walks/no=where")
    assert code == 1 and "walks/no=where is not a folder" in err


def test_frames_that_are_left_out_are_shown_without_json(saved, tmp_path, capfd):
    walk = walk_folder(tmp_path / "walk", broken=7, photographs=1)
    code, out, _ = call(capfd, saved, walk)
    assert code == 0
    files = ", ".join(f"broken-{number}.png" for number in range(5))
    assert f"7 left out, not a readable image: {files} and 2 more" in " ".join(out.split())
    assert "1 left out, colour image: photo-0.png" in out


@pytest.mark.bad_input
def test_camera_frames_get_no_name(saved, tmp_path, capfd):
    walk = walk_folder(tmp_path / "walk", photographs=20)
    code, out, err = call(capfd, saved, walk)
    assert code == 1 and out == ""
    assert "no silhouettes: colour image. Make silhouettes first" in err


@pytest.mark.bad_input
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_file_with_numbers_that_are_not_finite_is_refused(value, saved, tmp_path, capfd):
    walk = walk_folder(tmp_path / "walk")
    assert call(capfd, saved, walk, "--out", tmp_path / "gallery.npz")[0] == 0
    arrays = dict(np.load(tmp_path / "gallery.npz"))
    arrays["embeddings"][0, 0] = value
    np.savez(tmp_path / "gallery.npz", **arrays)
    with pytest.raises(ValueError, match="not finite"):
        WalkEmbeddings.read(tmp_path / "gallery.npz")


@pytest.mark.bad_input
def test_what_is_missing_is_named_with_what_makes_it(saved, tmp_path, capfd):
    walk = walk_folder(tmp_path / "walk")
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    code, _, err = call(capfd, tmp_path / "run", walk)
    assert code == 1 and f"tf3dlocal export {tmp_path / 'run'} OUT" in err


@pytest.mark.bad_input
def test_a_changed_model_is_loaded_only_if_it_is_trusted(saved, tmp_path, capfd):
    import shutil

    walk, changed = walk_folder(tmp_path / "walk"), shutil.copytree(saved, tmp_path / "changed")
    (changed / "1" / "model_card.json").unlink()
    code, _, err = call(capfd, changed, walk)
    assert code == 1 and "--trust" in err
    assert call(capfd, changed, walk, "--trust")[0] == 0


def test_control_characters_in_a_name_do_not_reach_the_terminal(saved, tmp_path, capfd):
    walk = walk_folder(tmp_path / "walk\x1b[31m")
    code, out, _ = call(capfd, saved, walk)
    assert code == 0 and "\x1b" not in out and "\\x1b[31m" in out


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--json", "g.npz"], "'--json': 'g.npz' exists and is no JSON file"),
        (["--out", "new", "--json", "new"], "'--json': 'new' is the file of --out too"),
    ],
)
def test_one_file_is_not_written_twice_nor_a_file_of_another_kind_replaced(walks, capsys, options, words):
    (walks / "g.npz").write_bytes(b"a gallery")
    with pytest.raises(SystemExit) as caught:
        main(["embed", "saved", "walks/alice", *options])
    assert caught.value.code == 2 and words in " ".join(capsys.readouterr().err.split())
    assert (walks / "g.npz").read_bytes() == b"a gallery" and not (walks / "new").exists()


def damaged_galleries():
    """Contents of galleries that this version cannot read, and of files of other kinds."""
    embeddings = {"names": np.array(["a"]), "embeddings": np.ones((1, 3), np.float32), "num_frames": np.array([3])}
    content = {}
    for name, facts in (("newer", '{"format": "tf3dlocal-gallery", "version": 2}'), ("facts", "no JSON")):
        file = io.BytesIO()
        np.savez(file, facts=np.array(facts), **embeddings)
        content[name] = file.getvalue()
    content["cut short"] = content["newer"][:-300]
    file = io.BytesIO()
    np.savez(file, model=np.array("0"), distance=np.array("part_mean"), **embeddings)
    content["embeddings, cut short"] = file.getvalue()[:-300]
    return content | {"text": b"a letter", "empty": b""}


@pytest.mark.bad_input
@pytest.mark.parametrize("content", damaged_galleries().values(), ids=damaged_galleries())
def test_only_an_intact_file_of_embed_is_overwritten(content, saved, walks, capfd):
    (walks / "g.npz").write_bytes(content)
    code, _, err = call(capfd, saved, "walks/alice", "--out", "g.npz")
    assert code == 2 and "and would be overwritten. Give another name." in " ".join(err.replace("│", "").split())
    assert (walks / "g.npz").read_bytes() == content


def test_a_file_of_embed_is_replaced(saved, walks, capfd):
    for name in ("first", "second"):
        assert call(capfd, saved, f"{name}=walks/alice", "--out", "g.npz")[0] == 0
    assert WalkEmbeddings.read("g.npz").names == ("second",)
