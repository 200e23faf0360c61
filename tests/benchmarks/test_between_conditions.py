"""The benchmark of people between conditions: its measures on small numbers, and what it says of unfit data."""

import importlib

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

between_conditions = importlib.import_module("between_conditions")


def test_the_area_is_that_of_scikit_learn_and_equal_distances_count_half():
    random = np.random.default_rng(0)
    same, other = random.integers(0, 9, 50), random.integers(2, 12, 300)
    labels = np.repeat([1, 0], [len(same), len(other)])
    expected = 100 * roc_auc_score(labels, -np.concatenate([same, other]))
    assert between_conditions.area_under_roc(same, other) == pytest.approx(expected)


def test_every_condition_is_the_gallery_of_every_other_one_with_people_of_both():
    embeddings = np.array([[[0.0]], [[9.0]], [[1.0]], [[8.0]], [[5.0]]])
    conditions, subjects = ["nm-01", "nm-01", "cl-01", "cl-02", "bg-01"], np.array(["a", "b", "a", "a", "c"])
    found = between_conditions.measure(embeddings, subjects=subjects, conditions=conditions)
    # Person a in the second coat, at 8, is nearer to b at 9. Person c walks once and is compared with no one.
    assert {name: found[name] for name in list(found)[:2]} == {"cl <- nm": 100.0, "nm <- cl": 50.0}
    assert found["rank-1"] == 75 and len(found) == 4


def test_the_shift_is_a_share_of_the_spread():
    data, training = np.array([[[0.0]], [[4.0]]]), np.array([[[5.0]], [[7.0]]])
    assert between_conditions.shift(data, training) == 2


@pytest.mark.bad_input
def test_people_of_one_condition_and_a_missing_data_set_are_errors_of_usage(call, tmp_path):
    labels = {"subjects": np.array(["a", "b"]), "conditions": ["nm-01", "cl-01"]}
    with pytest.raises(ValueError, match="no person walks in two conditions; the conditions are cl-01, nm-01"):
        between_conditions.measure(np.zeros((2, 1, 1)), **labels)
    code, _, err = call("between_conditions", "gei", "--data", tmp_path / "absent")
    assert code == 2 and "absent" in err
