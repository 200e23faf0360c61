"""A gallery of two people, and its model."""

import pytest
from bar_walks import exported, walk_folder

from tf3dlocal.serving import ExportedModel
from tf3dlocal.serving.gallery import WindowRule, enroll


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    """Folder of the exported model."""
    return exported(tmp_path_factory.mktemp("mean"))


@pytest.fixture(scope="session")
def embedder(model_folder):
    """The model, loaded."""
    return ExportedModel(model_folder)


@pytest.fixture
def path(tmp_path, model_folder):
    """A gallery of anna (two walks, left) and ben (one walk, right), with windows of 4 by 2."""
    path = tmp_path / "people.npz"
    walks = [walk_folder(tmp_path / "walks" / name, column) for name, column in (("a1", 1), ("a2", 2), ("b1", 8))]
    enroll(path, name="anna", walks=walks[:2], model=model_folder, rule=WindowRule(length=4, step=2), frame_rate=25)
    enroll(path, name="ben", walks=walks[2:], frame_rate=25)
    return path
