"""From a config to a trained model.

`run_experiment` is the whole of it; `prepare_model` gives the compiled model alone. The rooms: `run` (the folder of a
training, from which it resumes), `distributed` (devices and processes), `accumulation` (a batch in slices) and `health`
(a training that diverges).

The names below are imported on first use.
"""

import importlib

_HOME = {
    "Adam": "optimizers",
    "Cluster": "distributed.cluster",
    "DivergedError": "health.stop_when_diverged",
    "LostWorkerError": "distributed.lost_workers",
    "MAY_CHANGE": "run.run_folder",
    "RunFolder": "run.run_folder",
    "SGD": "optimizers",
    "build_model": "model_setup",
    "check_batch": "data",
    "check_start": "start_from",
    "choose_precision": "precision",
    "choose_walks": "data",
    "config_of_run": "run.model_file",
    "forward_flops": "flops",
    "graph_flops": "flops",
    "keep_sums_repeatable": "model_setup",
    "make_schedule": "schedules",
    "make_strategy": "distributed.strategy",
    "note_of": "run.model_file",
    "prepare_model": "model_setup",
    "run_experiment": "experiment",
    "step_of": "run.model_file",
}

__all__ = [
    "MAY_CHANGE",
    "SGD",
    "Adam",
    "Cluster",
    "DivergedError",
    "LostWorkerError",
    "RunFolder",
    "build_model",
    "check_batch",
    "check_start",
    "choose_precision",
    "choose_walks",
    "config_of_run",
    "forward_flops",
    "graph_flops",
    "keep_sums_repeatable",
    "make_schedule",
    "make_strategy",
    "note_of",
    "prepare_model",
    "run_experiment",
    "step_of",
]


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
