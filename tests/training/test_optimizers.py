import doctest

import keras
import numpy as np
import pytest

from tf3dlocal.layers import LocalPath, PartPrior
from tf3dlocal.training import optimizers
from tf3dlocal.training.optimizers import make_optimizer

HEAD = PartPrior("head", 1 / 2, 1 / 2, 1 / 2, 1 / 2, 1 / 2, 1 / 2)


def moved(optimizer, variables):
    """How far each variable moves in one step along a gradient of ones."""
    before = [variable.numpy() for variable in variables]
    optimizer.apply([keras.ops.ones(variable.shape) for variable in variables], variables)
    return {v.path: float(np.abs(v.numpy() - old).mean()) for v, old in zip(variables, before, strict=True)}


@pytest.fixture
def path_variables():
    keras.utils.clear_session()
    path = LocalPath(HEAD, channels=2, hidden_channels=2, clip_length=4, name="block_3_head")
    path.build((None, None, 8, 6, 2), (None, None, 8, 6, 4))
    return path.trainable_variables


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_only_the_localization_network_moves_at_a_rate_of_its_own(name, path_variables):
    steps = moved(make_optimizer(name, 1e-2, localization_rate=0.1), path_variables)
    localization = [step for path, step in steps.items() if "/localization/" in path]
    others = [step for path, step in steps.items() if "/localization/" not in path]
    assert len(localization) == 13 and len(others) == 1
    np.testing.assert_allclose(localization, 1e-3, rtol=1e-3)
    np.testing.assert_allclose(others, 1e-2, rtol=1e-3)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_without_such_a_rate_it_is_keras_own_optimizer(name, path_variables):
    start = [variable.numpy() for variable in path_variables]
    ours = moved(make_optimizer(name, 1e-2), path_variables)
    for variable, value in zip(path_variables, start, strict=True):
        variable.assign(value)
    kept = {"adam": keras.optimizers.Adam(1e-2), "sgd": keras.optimizers.SGD(1e-2, momentum=0.9)}[name]
    assert moved(kept, path_variables) == ours


def test_the_rate_holds_under_loss_scaling(path_variables):
    optimizer = make_optimizer("sgd", 1e-2, localization_rate=0.5, loss_scaling=True)
    optimizer.build(path_variables)
    assert set(optimizer.inner_optimizer.rate_shares) == {0.5, 1.0}


def test_the_optimizer_comes_back_from_its_config():
    config = keras.optimizers.serialize(make_optimizer("adam", 1e-3, localization_rate=0.1))
    assert keras.optimizers.deserialize(config).localization_rate == 0.1


def test_an_unknown_optimizer_is_named():
    with pytest.raises(ValueError, match="'lion'; use adam or sgd"):
        make_optimizer("lion", 1e-3)


def test_the_examples_run():
    assert doctest.testmod(optimizers).failed == 0
