"""Who is new to a model: the test subjects of its training, and never somebody who trained."""

import pathlib
from types import SimpleNamespace

import pytest

from tf3dlocal.evaluation import ProtocolError, load_protocol
from tf3dlocal.supplement.sources import Source

ST = {"data": {"protocol": "casia-b-st", "exclude_subjects": []}}  # 001 to 024 train


def new_to(config, names):
    return Source(path=pathlib.Path("run"), config=config).test_subjects(SimpleNamespace(subject_names=names))


@pytest.mark.parametrize(
    ("names", "new"),
    [
        (["001", "002", "025", "026"], ["025", "026"]),
        (["001", "002", "003"], []),
        (["x", "y"], ["x", "y"]),
    ],
    ids=["both sides", "only people who trained", "another data set"],
)
def test_people_who_trained_are_never_new(names, new):
    assert new_to(ST, names) == new


def test_of_a_model_without_a_run_everybody_may_be_new():
    assert new_to(None, ["001"]) == ["001"]


def test_a_split_needs_a_test_subject_unless_it_is_said_otherwise():
    protocol = load_protocol("casia-b-st")
    assert protocol.split(["001", "002"], needs_test=False).train == ("001", "002")
    with pytest.raises(ProtocolError, match="none of them is in the data set"):
        protocol.split(["001", "002"])
