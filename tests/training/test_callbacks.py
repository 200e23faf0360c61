"""What happens between the steps of a training if something is wrong before or at them."""

import shutil

import pytest
import tensorflow as tf

from tf3dlocal.config import ConfigError


def test_a_first_batch_that_cannot_be_read_is_the_error_that_is_shown(train, prepared, tmp_path):
    """Under a strategy Keras reads it before any callback is called."""
    shutil.copytree(prepared, tmp_path / "damaged")
    for shard in (tmp_path / "damaged").glob("*.tfrecord"):
        shard.write_bytes(bytes(shard.stat().st_size))
    with pytest.raises(tf.errors.OpError, match=r"walks-0000\d-of-00002.tfrecord"):
        train(tmp_path / "run", "training.strategy=mirrored", data=tmp_path / "damaged")


@pytest.mark.parametrize(("views", "reason"), [("[90]", r"no probe \(NM, CL\)")])
def test_held_out_subjects_on_whom_nothing_can_be_measured_are_an_error_before_anything_is_trained(
    train, tmp_path, views, reason
):
    """In one view alone, without the pairs of a view with itself, no probe has a gallery."""
    overrides = ["evaluate_every=2", "held_out_subjects=2", f"held_out_views={views}", "keep_model=best"]
    fix = "held_out_views name at least two views.*held_out_subjects.*evaluate_every: 0 and training.keep_model: last"
    with pytest.raises(ConfigError, match=f"evaluate_every: .*{reason}.*{fix}"):
        train(tmp_path, *(f"training.{override}" for override in overrides))
    assert not list(tmp_path.iterdir())
