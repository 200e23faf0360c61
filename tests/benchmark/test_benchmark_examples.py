"""The examples in the docstrings give what they show."""

import doctest
import importlib
import pathlib

import pytest

import tf3dlocal.benchmark

FOLDER = pathlib.Path(tf3dlocal.benchmark.__file__).parent


@pytest.mark.parametrize(
    "name",
    [
        "alternative",
        "chosen_form",
        "cost_growth",
        "experiment_to_measure",
        "facts_of",
        "machine_facts",
        "matmul_peak",
        "measurements",
        "moving_bodies",
        "operations_of_step",
        "side_by_side",
    ],
)
def test_the_examples_in_the_docstrings_give_what_they_say(name):
    result = doctest.testmod(importlib.import_module(f"tf3dlocal.benchmark.{name}"))
    assert result.attempted > 0 and result.failed == 0
