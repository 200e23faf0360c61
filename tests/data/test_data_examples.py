"""The examples in the docstrings run; `walks` in them is the tiny data set of the tests."""

import doctest
import importlib

import pytest

MODULES = [
    "array_pickle",
    "augmentation",
    "clips",
    "dataset_index",
    "fingerprint",
    "opengait_pickles",
    "pipeline",
    "pk_sampling",
    "tfrecords",
    "walk",
    "walk_dataset",
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_show(name, small_walks):
    module = importlib.import_module(f"tf3dlocal.data.{name}")
    assert doctest.testmod(module, extraglobs={"walks": small_walks}).failed == 0
