"""Published rank-1 tables as data, with the printed mean and the mean of the printed values.

`published/casia-b-st.csv` is Table 2 of the 3DLocal paper's supplement, `casia-b-lt.csv` Table 1 and `ou-mvlp.csv`
Table 2 of the paper itself. Some printed means are not the means of their rows; both are kept.
"""

import csv
import pathlib
from dataclasses import dataclass

import numpy as np

from tf3dlocal.io import readable

_FOLDER = pathlib.Path(__file__).parent / "published"
_NOT_VIEWS = ("group", "method", "input_size", "probes_without_gallery", "printed_mean", "source")
_PRINTING = 0.05  # a mean printed with one decimal may differ by this from the mean of its row


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """One row of a published table: rank-1 in per cent, identical views excluded.

    `values` is empty if only the mean is published, `input_size` if the source does not name it.
    """

    group: str
    method: str
    input_size: str
    probes_without_gallery: str
    values: tuple[float, ...]
    printed_mean: float
    source: str

    @property
    def recomputed_mean(self) -> float:
        """Mean of the row's values in per cent; NaN if they are not published."""
        return float(np.mean(self.values)) if self.values else float("nan")

    @property
    def mean_is_off(self) -> bool:
        """Whether the printed mean differs from the mean of the values by more than its rounding (0.05)."""
        return bool(abs(self.recomputed_mean - self.printed_mean) > _PRINTING + 1e-9)

    @property
    def label(self) -> str:
        """Method, and its input size where the source names it: "GLN 128x88"."""
        return f"{self.method} {self.input_size}".strip()


@dataclass(frozen=True)
class PublishedTable:
    """A published table: its views in degrees and its rows, in the order of the source."""

    protocol: str
    views: tuple[int, ...]
    rows: tuple[PublishedRow, ...]

    def of_group(self, group: str, *, probes_without_gallery: str = "keep") -> tuple[PublishedRow, ...]:
        """Select the rows of one probe group that treat probes without gallery in this way."""
        same = (r for r in self.rows if r.group == group and r.probes_without_gallery == probes_without_gallery)
        return tuple(same)


def published_names() -> tuple[str, ...]:
    """List the protocols that have a published table."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.csv")))


def published_table(protocol: str) -> PublishedTable:
    """Read the published table of one protocol.

    Args:
        protocol: One of `published_names()`.

    Raises:
        ValueError: If this protocol has no published table.

    Example:
        >>> row = published_table("casia-b-st").of_group("BG")[-1]
        >>> row.method, row.printed_mean, round(row.recomputed_mean, 2), row.mean_is_off
        ('3DLocal', 76.0, 77.53, True)
    """
    if protocol not in published_names():
        raise ValueError(
            f"Protocol {protocol!r} has no published table. There are tables for {', '.join(published_names())}."
        )
    path = _FOLDER / f"{protocol}.csv"
    with readable(path, solution="Install tf3dlocal again."), open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if missing := sorted(set(_NOT_VIEWS) - set(reader.fieldnames or ())):
            raise ValueError(f"the columns {', '.join(missing)} are missing")
        views = [name for name in reader.fieldnames if name not in _NOT_VIEWS]
        rows = tuple(
            PublishedRow(
                group=line["group"],
                method=line["method"],
                input_size=line["input_size"],
                probes_without_gallery=line["probes_without_gallery"],
                values=tuple(float(line[view]) for view in views if line[view]),
                printed_mean=float(line["printed_mean"]),
                source=line["source"],
            )
            for line in reader
        )
    return PublishedTable(protocol, tuple(int(view) for view in views), rows)
