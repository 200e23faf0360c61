"""The examples in the docstrings of serving and of the command line's helpers give what they show."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "serving.export",
        "serving.exported_model",
        "serving.walk_embeddings",
        "serving.walk_folder",
        "console",
        "open_model",
    ],
)
def test_the_examples_of_a_module_run(name):
    assert doctest.testmod(importlib.import_module(f"tf3dlocal.{name}")).failed == 0
