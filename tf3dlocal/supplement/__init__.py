"""The figures and tables of the paper's supplement, from a run of one's own.

`figure_1`, `figure_2` and `figure_3` choose the walks, ask the models and draw with `tf3dlocal.visualization`;
`table_1`, `table_2` and `table_3` give a `SupplementTable`, which is printed and written as CSV, Markdown or JSON.
"""

from tf3dlocal.supplement.figure_1 import figure_1
from tf3dlocal.supplement.figure_2 import figure_2
from tf3dlocal.supplement.figure_3 import figure_3
from tf3dlocal.supplement.grouping import Grouping, measure_grouping
from tf3dlocal.supplement.supplement_table import SupplementTable
from tf3dlocal.supplement.tables import table_1, table_3
from tf3dlocal.supplement.table_2 import table_2

__all__ = [
    "Grouping",
    "SupplementTable",
    "figure_1",
    "figure_2",
    "figure_3",
    "measure_grouping",
    "table_1",
    "table_2",
    "table_3",
]
