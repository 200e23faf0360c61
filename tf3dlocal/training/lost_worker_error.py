"""The error of a worker that is left alone."""


class LostWorkerError(RuntimeError):
    """Another worker of the training is gone, and no step can be made without it: start all of them again."""
