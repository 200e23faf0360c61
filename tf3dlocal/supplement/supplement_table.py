"""A table of the supplement: printed, or written as CSV, Markdown or JSON."""

import csv
import dataclasses
import functools
import io
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tf3dlocal.io import as_shown, print_table, printable, write_json, write_text
from tf3dlocal.io.types import PathLike

if TYPE_CHECKING:
    import rich.console

SUFFIXES = (".csv", ".md", ".json")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SupplementTable:
    """A table as texts for people, with its values for programs.

    Attributes:
        title: One line.
        header: Names of the columns.
        rows: Texts, one list per row.
        values: The same in full precision, one dict per row, for JSON and CSV.
        notes: Sentences below the table.
        num_texts: Number of columns that are aligned left.
        own_rows: Numbers of the rows that are set in bold.
        groups: Numbers of the rows before which a line is drawn.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    values: Sequence[dict[str, Any]]
    notes: Sequence[str] = ()
    num_texts: int = 1
    own_rows: Sequence[int] = ()
    groups: Sequence[int] = ()

    def print(self, console: "rich.console.Console | None" = None) -> None:
        """Print the table; on a narrow terminal as several tables, each with the first columns.

        Args:
            console: A rich console. Default: standard output.
        """
        import rich.console

        console = console or rich.console.Console()
        shown = functools.partial(as_shown, encoding=console.encoding)
        console.print(shown(self.title), style="bold", markup=False, highlight=False)
        print_table(
            console,
            header=self.header,
            rows=self.rows,
            num_texts=self.num_texts,
            bold=self.own_rows,
            groups=self.groups,
        )
        for note in self.notes:
            console.print(shown(note), markup=False, highlight=False)

    def write(self, path: PathLike) -> pathlib.Path:
        """Write the table; the suffix sets the format.

        Raises:
            ValueError: The suffix is none of .csv, .md and .json.
        """
        path = pathlib.Path(path)
        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            raise ValueError(f"{path}: {suffix!r} is not a format of tables. Use one of {', '.join(SUFFIXES)}.")
        if suffix == ".json":
            write_json(path, self.as_json())
        else:
            write_text(path, self.markdown() if suffix == ".md" else self.csv())
        return path

    def as_json(self) -> dict[str, Any]:
        """Return title, values and notes as plain dicts and lists."""
        return {"title": self.title, "rows": list(self.values), "notes": list(self.notes)}

    def markdown(self) -> str:
        """Return the table as Markdown."""

        def line(cells):
            return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

        sides = "|---" * self.num_texts + "|---:" * (len(self.header) - self.num_texts) + "|"
        rows = [
            [f"**{cell}**" if cell else "" for cell in row] if number in self.own_rows else row
            for number, row in enumerate(self.rows)
        ]
        lines = [f"{self.title}.", "", line(self.header), sides, *map(line, rows)]
        for note in self.notes:
            lines += ["", note]
        return "\n".join(printable(each) for each in lines) + "\n"

    def csv(self) -> str:
        """Return the values as CSV in full precision; lists have spaces between their numbers."""
        out = io.StringIO()
        names = list(dict.fromkeys(name for row in self.values for name in row))
        writer = csv.DictWriter(out, names, lineterminator="\n", restval="")
        writer.writeheader()
        for row in self.values:
            writer.writerow({name: " ".join(map(str, v)) if isinstance(v, list) else v for name, v in row.items()})
        return out.getvalue()
