"""What every test may lean on: quiet, seeded TensorFlow and the folder of real data where it exists."""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import pytest


@pytest.fixture(scope="session")
def shared():
    """The folder `../shared` beside the checkout, or a skip that says what is missing."""
    folder = pathlib.Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip(f"needs the data folder {folder.parent.name}/shared/data, which is not here")
    return folder
