"""What the metrics have added up since the last report, kept over the end of a process."""

import keras


class MetricsSinceReport(keras.callbacks.Callback):
    """Gives a training that goes on between two reports what its metrics had added up; must be the first callback.

    Args:
        values: what `metric_values` gave, or None to begin with nothing.
    """

    def __init__(self, values: list | None):
        super().__init__()
        self.values = values

    def on_epoch_begin(self, epoch, logs=None):  # Keras has just set the metrics to zero
        if self.values is not None:
            set_metrics(self.model, self.values)


def metric_values(model: keras.Model) -> list:
    """What the metrics have added up, as JSON takes it. Over several workers this adds up theirs: all must call it."""
    return [variable.numpy().tolist() for variable in model.metrics_variables]


def set_metrics(model: keras.Model, values: list) -> None:
    """Put back what `metric_values` gave, into metrics that have variables: those of a `TrainedModel` when `fit` begins."""
    for variable, value in zip(model.metrics_variables, values, strict=True):
        variable.assign(value)


def counted_clips(model: keras.Model) -> float:
    """How many clips the mean of the loss is taken over. Over several workers this adds up theirs: all must call it."""
    return float(next(metric for metric in model.metrics if metric.name == "loss").count.numpy())
