"""A training stops at the very step that breaks it: not one before, not one after."""

import keras
import numpy as np
import pytest
from keras import ops

from tf3dlocal.training.callbacks import MetricsSinceReport, metric_values
from tf3dlocal.training.health.stop_when_diverged import DivergedError, StopWhenDiverged
from tf3dlocal.training.run.checkpoint import Restored
from tf3dlocal.training.run.run_folder import RunFolder

GOOD, BAD = 1.0, -1.0
BEGIN = Restored()


def fit(tmp_path, targets, loss, optimizer=None, report_every=4, stop_above=None, restored=BEGIN, check_every=1):
    """One weight, one target per step; gives the steps whose batches were saved and the message."""
    x = keras.Input((1,))
    model = keras.Model(x, keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(x))
    optimizer = optimizer or keras.optimizers.SGD(0.001)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, loss=loss)
    saved = []

    def save_batch(step, facts):
        saved.append((step, facts))
        return f"bad_batch/{step}.npz"

    class Reset(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if (restored.step + batch + 1) % report_every == 0:
                self.model.reset_metrics()

    watch = StopWhenDiverged(
        run=RunFolder(tmp_path),
        save_batch=save_batch,
        schedule=lambda step: 0.5,
        report_every=report_every,
        checkpoint_every=3,
        last_step=99,
        restored=restored,
        stop_above=stop_above,
        check_weights_every=check_every,
    )
    targets = np.reshape(targets, [-1, 1]).astype("float32")
    callbacks = [MetricsSinceReport(restored.metrics), watch, Reset()]
    try:
        model.fit(np.ones_like(targets), targets, batch_size=1, shuffle=False, verbose=0, callbacks=callbacks)
    except DivergedError as error:
        return saved, str(error), model
    return saved, None, model


def nan_at_bad(target, predicted):
    return ops.where(target < 0, ops.log(target), target * predicted)


def gradient_nan_at_bad(target, predicted):
    """Finite always, but at a bad target there is the root of a zero that moves with the weight."""
    is_bad = ops.cast(target < 0, predicted.dtype)
    return ops.sqrt(is_bad * (predicted - ops.stop_gradient(predicted)) + 1 - is_bad) + 0.5 * target * predicted


def absolute(target, predicted):
    return ops.abs(target) + 0.0 * predicted


@pytest.mark.parametrize("bad_step", [1, 4, 5, 7])
def test_a_loss_that_is_no_number_is_found_at_its_step(tmp_path, bad_step):
    targets = [BAD if step == bad_step else GOOD for step in range(1, 10)]
    saved, message, _ = fit(tmp_path, targets, nan_at_bad)
    ((step, facts),) = saved
    assert step == bad_step and np.isnan(facts["loss"]) and facts["learning_rate"] == 0.5
    assert message.startswith(f"The loss is nan at step {bad_step} (learning rate 0.5). There is no checkpoint yet")
    assert f"bad_batch/{bad_step}.npz" in message and "lower schedule.learning_rate" in message


def test_weights_that_are_read_rarely_stop_the_training_at_the_next_step_all_the_same(tmp_path):
    saved, message, _ = fit(tmp_path, [GOOD, GOOD, GOOD, BAD, *[GOOD] * 5], gradient_nan_at_bad, check_every=50)
    assert [step for step, _ in saved] == [5] and "read every 50 steps" in message


def test_a_gradient_that_is_no_number_is_found_at_its_step_though_the_loss_is_one(tmp_path):
    saved, message, _ = fit(tmp_path, [GOOD, GOOD, BAD, GOOD], gradient_nan_at_bad)
    assert [step for step, _ in saved] == [3] and np.isfinite(saved[0][1]["loss"])
    assert "at step 3, and its gradient made weights that are not finite" in message


@pytest.mark.parametrize("bad_step", [2, 4, 6])
def test_a_single_loss_above_the_limit_is_found_between_reports(tmp_path, bad_step):
    targets = [100.0 if step == bad_step else GOOD for step in range(1, 10)]
    saved, message, _ = fit(tmp_path, targets, absolute, stop_above=50)
    assert [(step, round(facts["loss"], 3)) for step, facts in saved] == [(bad_step, 100.0)]
    assert f"The loss is 100 at step {bad_step}, above training.stop_above = 50" in message
    assert fit(tmp_path, targets, absolute, stop_above=101)[1] is None


def test_steps_are_counted_from_the_checkpoint_that_a_training_resumes_from(tmp_path):
    saved, _, _ = fit(tmp_path, [GOOD, 90.0], absolute, stop_above=50, restored=Restored(step=6))
    assert [(step, round(facts["loss"], 3)) for step, facts in saved] == [(8, 90.0)]


@pytest.mark.parametrize(("report_every", "bad_step"), [(3, 9), (5, 9), (5, 10), (5, 11), (2, 9)])
@pytest.mark.slow
def test_the_losses_of_single_steps_are_known_though_the_means_began_before_another_report_every(
    tmp_path, report_every, bad_step
):
    _, _, model = fit(tmp_path, [30.0, 30.0], absolute, report_every=3, restored=Restored(step=6))
    restored = Restored(step=8, metrics=metric_values(model))
    targets = [20.0 if step == bad_step else GOOD for step in range(9, 13)]
    saved, message, _ = fit(tmp_path, targets, absolute, report_every=report_every, stop_above=15, restored=restored)
    assert [(step, round(facts["loss"], 3)) for step, facts in saved] == [(bad_step, 20.0)], message


def test_with_float16_an_overflowing_gradient_is_usual_and_stops_nothing(tmp_path):
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.001), initial_scale=1e38)
    saved, message, model = fit(tmp_path, [1e3] * 8, lambda t, p: t * p, optimizer)
    assert (saved, message) == ([], None)
    assert float(model.optimizer.dynamic_scale) < 1e37


def test_with_float16_a_loss_that_is_no_number_stops_and_float32_is_named(tmp_path):
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.001))
    saved, message, _ = fit(tmp_path, [GOOD, BAD, GOOD], nan_at_bad, optimizer)
    assert [step for step, _ in saved] == [2] and "training.precision: float32" in message


def test_with_float16_a_gradient_that_is_never_finite_does_not_train_for_ever(tmp_path):
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.001))
    _, message, _ = fit(tmp_path, [BAD] * 40, gradient_nan_at_bad, optimizer)
    assert message.startswith("No gradient is finite any more at step 26")


def test_a_moment_of_the_optimizer_that_overflows_is_found_before_it_is_kept(tmp_path):
    """A gradient whose square overflows leaves the weights of its step finite; Adam makes NaN of them one later."""
    optimizer = keras.optimizers.Adam(1e-3)
    saved, message, model = fit(
        tmp_path, [GOOD, GOOD, 1e25, GOOD], lambda target, predicted: target * predicted, optimizer
    )
    assert [step for step, _ in saved] == [3] and np.isfinite(model.get_weights()[0]).all()
    assert "is no longer a finite number at step 3" in message
