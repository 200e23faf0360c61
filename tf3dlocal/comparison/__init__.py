"""Comparison of several configs with one protocol, budget, seeds and data, reported in the form of the papers' tables.

Reading order: `compare` (the whole comparison), `planned_runs`, `equal_terms`, `kept_results`, `comparison` (what was
found), `report` and `numbers` (how it is written).
"""

from tf3dlocal.comparison.compare import compare
from tf3dlocal.comparison.part_behaviour import PartBehaviour, measure_parts
from tf3dlocal.comparison.report import print_comparison

__all__ = ["PartBehaviour", "compare", "measure_parts", "print_comparison"]
