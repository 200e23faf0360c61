"""What every test may lean on: quiet, seeded TensorFlow and the folder of real data where it exists."""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import pytest

import tf3dlocal  # noqa: F401  (before TensorFlow, as in a user's program: see tf3dlocal.io.machine)


@pytest.fixture(scope="session")
def shared():
    """The folder `../shared` beside the checkout, or a skip that says what is missing."""
    folder = pathlib.Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip(f"needs the data folder {folder.parent.name}/shared/data, which is not here")
    return folder


@pytest.fixture(scope="session")
def small_walks_folder(tmp_path_factory):
    """Folder of a tiny prepared data set, made once per test run; `small_walks` is the same, opened.

    120 walks of moving blobs with CASIA-B's names: subjects "001" .. "004", conditions nm-01 .. nm-06, bg-01, bg-02,
    cl-01, cl-02, views 0, 90, 180, 9 to 15 frames each, 64 x 64, in two shards. A person is a blob of a certain height
    and girth with two legs that swing at a certain pace: a model can learn who is who. Bags and coats add to the
    outline. Read only: do not write into the folder.
    """
    import small_walks as blobs

    folder = tmp_path_factory.mktemp("small_walks")
    blobs.write_small_walks(folder)
    return folder


@pytest.fixture(scope="session")
def small_walks(small_walks_folder):
    """The tiny data set of `small_walks_folder` as a `WalkDataset` (120 walks, 4 subjects, 10 conditions, 3 views)."""
    from tf3dlocal.data import open_walks

    return open_walks(small_walks_folder)
