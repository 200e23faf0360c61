"""The examples in the docstrings of layers and models run and give what they show."""

import doctest
import importlib
import pkgutil

import pytest

import tf3dlocal.layers
import tf3dlocal.models

MODULES = [
    module.name
    for package in (tf3dlocal.layers, tf3dlocal.models)
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_show(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
