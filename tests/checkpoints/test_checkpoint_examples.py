"""The examples in the docstrings of the conversion run and give what they show."""

import doctest
import importlib
import pkgutil

import pytest

import tf3dlocal.checkpoints

MODULES = [module.name for module in pkgutil.iter_modules(tf3dlocal.checkpoints.__path__, "tf3dlocal.checkpoints.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_show(name):
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    module = importlib.import_module(name)
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(optionflags=flags)
    for example in finder.find(module, name, globs=vars(module).copy()):
        assert runner.run(example).failed == 0
