"""The figures and tables of the paper's supplement, from a run of one's own.

`figure_1`, `figure_2` and `figure_3` choose the walks, ask the models and draw with `tf3dlocal.visualization`;
`table_1`, `table_2` and `table_3` give a `SupplementTable`, which is printed and written as CSV, Markdown or JSON.

The names below are imported on first use.
"""

import importlib

_HOME = {
    "Grouping": "grouping",
    "SupplementTable": "supplement_table",
    "figure_1": "located_volumes",
    "figure_2": "embedding_maps",
    "figure_3": "part_history",
    "measure_grouping": "grouping",
    "table_1": "localization_tables",
    "table_2": "rank_1_table",
    "table_3": "localization_tables",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
