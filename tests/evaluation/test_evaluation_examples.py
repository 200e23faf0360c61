import doctest
import importlib

import pytest

MODULES = [
    "cross_view",
    "cross_view_result",
    "distances",
    "embedding",
    "evaluate",
    "plain_yaml",
    "protocol",
    "published",
    "subject_ids",
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_give_what_they_say(name):
    # `tf3dlocal.evaluation.cross_view` as an attribute is the function; the module is in sys.modules.
    module = importlib.import_module(f"tf3dlocal.evaluation.{name}")
    result = doctest.testmod(module)
    assert result.attempted > 0 and result.failed == 0
