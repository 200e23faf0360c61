"""What a conversion did, tensor by tensor."""

import dataclasses

import numpy as np
import rich.box
import rich.console
import rich.table


@dataclasses.dataclass
class ParityReport:
    """A conversion, so that one can see that nothing was lost: `tensors` has one entry for each tensor of the original.

    An entry is a dict "key" (theirs), "weight" (ours), "shape" (theirs), "our_shape" and "same_bits": whether the weight,
    brought back to their layout, is the original tensor bit for bit.
    """

    checkpoint: str
    sha256: str
    out: str
    source: str
    model: str
    preset: str
    arguments: dict
    iteration: int | None
    tensors: list
    num_parameters: int
    ignored: list
    notes: list
    embedding_difference: float | None = None

    def print(self, console=None):
        """Print the report, one line per layer of ours; default: to standard output."""
        console = console or rich.console.Console()

        def say(text, **style):
            console.print(text, markup=False, highlight=False, soft_wrap=True, **style)

        say(f"{self.checkpoint} -> {self.out}", style="bold")
        settings = "".join(f", {name}={value}" for name, value in self.arguments.items())
        say(f"{self.model} of {self.source}: preset {self.preset!r}{settings}")
        table = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for name, justify in (
            ("our layer", "left"),
            ("their first key", "left"),
            ("tensors", "right"),
            ("numbers", "right"),
            ("same bits", "right"),
        ):
            table.add_column(name, justify=justify, overflow="fold")
        layers = {}
        for tensor in self.tensors:
            layers.setdefault(tensor["weight"].split(".")[0], []).append(tensor)
        for layer, tensors in layers.items():
            size = sum(int(np.prod(tensor["shape"])) for tensor in tensors)
            same = sum(tensor["same_bits"] for tensor in tensors)
            table.add_row(
                layer, tensors[0]["key"], str(len(tensors)), f"{size:,}", "all" if same == len(tensors) else str(same)
            )
        console.print(table)
        say(
            f"{len(self.tensors)} tensors, {self.num_parameters:,} trained parameters; iteration "
            f"{'not told' if self.iteration is None else self.iteration}; sha256 {self.sha256}"
        )
        if self.ignored:
            counters = [name for name in self.ignored if name.endswith("num_batches_tracked")]
            others = [name for name in self.ignored if name not in counters]
            named = [
                *others,
                *([f"{len(counters)} num_batches_tracked (a counter that nothing reads)"] if counters else []),
            ]
            say(f"not needed: {', '.join(named)}")
        for note in self.notes:
            say(f"note: {note}", style="yellow")
        if self.embedding_difference is not None:
            say(f"embedding: {self.embedding_difference:.1e} from the original's at most")
