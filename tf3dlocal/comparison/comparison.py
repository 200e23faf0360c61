"""What a comparison found, as plain data that the report, the CSV, the JSON and the picture are made of."""

import dataclasses

from tf3dlocal.comparison.method_rows import MethodRow
from tf3dlocal.evaluation import Protocol


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Everything that a comparison found so far."""

    protocol: Protocol
    data: str  # name of the data set
    views: tuple[int | str, ...]
    rows: tuple[MethodRow, ...]  # in the order given, a baseline without training first
    runs: tuple[dict, ...]  # one per finished run: "run", "method", "seed", "folder", "taken", "mean" by group
    facts: dict[str, str]  # what must stand beside the numbers
    notes: tuple[str, ...]
    num_planned: int  # runs
    published: bool  # whether the papers' rows are wanted
    probes_without_gallery: str = "keep"

    @property
    def groups(self) -> tuple[str, ...]:
        return self.rows[0].groups

    @property
    def title(self) -> str:
        return f"{self.protocol.name} on {self.data}"
