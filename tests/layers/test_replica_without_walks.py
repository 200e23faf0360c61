"""A device that gets none of the walks of a last batch: a sentence instead of a wrong shape."""

import types

import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.layers.convolution.volume_convolution import require_walks


def passed(monkeypatch, walks, replicas=2):
    replica = types.SimpleNamespace(num_replicas_in_sync=replicas)
    monkeypatch.setattr(tf.distribute, "get_replica_context", lambda: replica)
    spec = tf.TensorSpec([None, *walks.shape[1:]], tf.float32)
    return tf.function(require_walks, input_signature=[spec])(walks)


@pytest.mark.bad_input
def test_a_device_without_walks_is_named_with_the_way_to_batch(monkeypatch):
    with pytest.raises(tf.errors.InvalidArgumentError, match="among the 2 devices: one of them has no walks.*drop_rem"):
        passed(monkeypatch, np.zeros([0, 3, 8, 4, 1], "float32"))


@pytest.mark.parametrize(("shape", "replicas"), [([1, 3, 8, 4, 1], 2), ([0, 3, 8, 4, 1], 1), ([0, 3, 8, 4, 2], 2)])
def test_walks_pass_and_one_device_and_later_maps_are_not_checked(monkeypatch, shape, replicas):
    assert passed(monkeypatch, np.zeros(shape, "float32"), replicas).shape == shape
