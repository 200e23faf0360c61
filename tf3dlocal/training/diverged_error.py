"""What is raised where a training can no longer learn."""

import pathlib


class DivergedError(ValueError):
    """Loss or weights are no longer finite numbers, or the loss is too high; the message names step, batch and way out.

    `batch_file` is the file of the batch at fault.
    """

    def __init__(self, message: str, batch_file: pathlib.Path | None = None):
        super().__init__(message)
        self.batch_file = batch_file
