"""The measuring framework of the benchmark scripts: time, memory and growth of alternatives that take turns.

Every alternative runs in its own process. Reading order: processes (an alternative and its process), worker (the
program of that process), side_by_side and fresh (who is called when), measurements (medians and ratios), tables (how
they are printed), steps (the training step and the inference of a config), matmul (the speed that all are compared
with), scripts (the options that all scripts share).
"""

from measuring.fresh import fresh_calls, fresh_processes
from measuring.matmul import matmul_peak
from measuring.measurements import Measurements, Row, add_operations, fit_power, quartiles
from measuring.processes import Alternative, AlternativeError, facts_of
from measuring.side_by_side import side_by_side

__all__ = [
    "Alternative",
    "AlternativeError",
    "Measurements",
    "Row",
    "add_operations",
    "facts_of",
    "fit_power",
    "fresh_calls",
    "fresh_processes",
    "matmul_peak",
    "quartiles",
    "side_by_side",
]
