"""The programs of docs/serving.md run as they are written, against the server of the tests."""

import pathlib
import re

import cv2
import numpy as np
import pytest

from tf3dlocal.serving import ExportedModel, read_walk_folder
from tf3dlocal.serving.client import draw_walk

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")


def run(program, server):
    """Run a program with the server's ports and name instead of the usual ones; returns its variables."""
    program = program.replace("http://127.0.0.1:8501", server.rest).replace("grpc://127.0.0.1:8500", server.grpc)
    program = program.replace("127.0.0.1:8500", server.grpc.removeprefix("grpc://")).replace("walkers", "tiny")
    names = {"walk": np.load("walk.npy"), "longer_walk": draw_walk(11, size=(16, 12))}
    exec(compile(program, "docs/serving.md", "exec"), names)
    return names


def test_the_programs_of_the_page_get_the_local_answers(server, tiny_export, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    embedder, walk = ExportedModel(tiny_export), draw_walk(7, size=(16, 12))
    np.save("walk.npy", walk)
    for name in ("masks", "other_masks"):
        pathlib.Path(name).mkdir()
        for i, mask in enumerate(np.pad(draw_walk(13, size=(60, 50)), ((0, 0), (5, 5), (9, 9)))):
            cv2.imwrite(f"{name}/{i}.png", mask)
    program = re.search(r'python -c "(.*?)"\n```', PAGE, re.DOTALL)[1]
    exec(program.replace("64", "16").replace("44", "12"), {})  # the line that makes walk.npy
    np.testing.assert_array_equal(np.load("walk.npy"), read_walk_folder("masks", height=16, width=12).silhouettes)
    np.save("walk.npy", walk)
    of_masks = embedder.embed(read_walk_folder("masks", height=16, width=12).silhouettes[None])[0]
    of_walk = embedder.embed(walk[None])[0]
    rest, base64, grpc, client = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    np.testing.assert_allclose(run(rest, server)["embedding"], of_walk, rtol=0, atol=1e-6)
    ran = run(base64, server)
    np.testing.assert_allclose(ran["embedding"], of_masks, rtol=0, atol=2e-3)
    assert [file.name for file in ran["files"]] == [f"{i}.png" for i in range(13)], "10 came before 2"
    np.testing.assert_allclose(run(grpc, server)["embedding"], of_walk, rtol=0, atol=1e-6)
    found = run(client, server)["embeddings"]
    np.testing.assert_allclose(found, [of_masks, of_masks], rtol=0, atol=2e-3)
    assert "AVAILABLE" in capsys.readouterr().out


@pytest.mark.bad_input
def test_the_rest_program_of_the_page_shows_the_sentence_of_the_model(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    walk = draw_walk(7, size=(16, 12))
    walk[5:] = 0
    np.save("walk.npy", walk)
    with pytest.raises(SystemExit, match="ends with frames without a body"):
        run(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0], server)


def test_every_walk_to_png_begins_with_an_empty_text():
    for program in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        assert '"png"' not in program or '[{"b64": ""}, *' in program


def test_the_plain_clients_are_short_and_use_nothing_of_this_package():
    for program in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[:3]:
        statements = [line for line in program.splitlines() if line and not line.startswith(("import", "from"))]
        assert len(statements) <= 10 and "tf3dlocal" not in program


def test_the_errors_of_the_page_are_those_of_the_package():
    from tf3dlocal.serving import client

    named = set(re.findall(r"^\| `(\w+Error)`", PAGE, re.MULTILINE))
    errors = {name for name in client.__all__ if name.endswith("Error")}
    assert named == errors - {"ServingError", "ServingApiMissingError"}


def test_the_files_that_the_page_names_exist():
    root = pathlib.Path(__file__).parents[2]
    for name in re.findall(r"`(?:python )?((?:tests|benchmarks)/[\w/]+\.py)`", PAGE):
        assert (root / name).is_file(), name
