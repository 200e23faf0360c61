"""The examples in the docstrings give the results that they show."""

import doctest
import importlib
import pathlib

import pytest

import tf3dlocal.losses

FOLDER = pathlib.Path(tf3dlocal.losses.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_the_results_they_show(name):
    result = doctest.testmod(importlib.import_module(f"tf3dlocal.losses.{name}"))
    assert result.attempted > 0 and result.failed == 0
