"""What all scripts share: their options, and where their tables are written."""

import argparse
import os
import pathlib
import sys

import rich.console

from measuring.processes import BENCHMARKS, ROOT
from measuring.tables import markdown, print_measurements
from tf3dlocal.io import write_json, write_text

TWINS = BENCHMARKS / "torch_twins"
CONFIGS = ROOT / "configs"
console = rich.console.Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def options_of(
    description, *, choices=(), quick="small sizes and few rounds: shows that everything runs, not its speed"
):
    """Return the parser that every script starts with.

    Args:
        description: docstring of the script.
        choices: names of its tables, which the caller may select; empty for a script with one table.
        quick: help of --quick.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if choices:
        parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"only these tables: {', '.join(choices)}")
    parser.add_argument("--quick", action="store_true", help=quick)
    add_outputs(parser)
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of every table")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of every library; default: its own choice")
    return parser


def add_outputs(parser):
    """Add the options that say where numbers are written."""
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the numbers to FILE")
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        nargs="?",
        const=BENCHMARKS / "results",
        metavar="DIR",
        help="write numbers and tables as SCRIPT.json and SCRIPT.md to DIR; default of DIR: benchmarks/results",
    )


def stay_on_the_cpu():
    """Hide GPUs from all alternatives and from the matrix product, because the PyTorch twins use none.

    Returns:
        The condition that says so.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    return {"device": "CPU"}


def chosen(parser, *, options, tables):
    """Return the selected tables, all if none is named; an unknown name ends the program as wrong usage."""
    if unknown := [name for name in options.tables if name not in tables]:
        parser.error(f"There is no table {', '.join(unknown)}. Tables: {', '.join(tables)}.")
    return [name for name in tables if name in options.tables or not options.tables]


def show(measurements):
    """Print one table."""
    print_measurements(measurements, console=console)
    console.print()


def keep(name, *, description, results, options, **more):
    """Write all measurements of a script, and `more` of its numbers, to the places that the options name."""
    content = {"benchmark": name, "quick": options.quick, "tables": [result.to_dict() for result in results], **more}
    text = f"# {description.splitlines()[0]}\n\n" + "\n".join(map(markdown, results))
    keep_text(name, text=text, content=content, options=options)


def keep_text(name, *, text, content, options):
    """Write a script's numbers (`content`) and its page (`text`) to the places that the options name."""
    for path in filter(None, [options.json, options.out and options.out / f"{name}.json"]):
        write_json(path, content)
        console.print(f"Numbers written to {path}.", markup=False)
    if options.out:
        write_text(options.out / f"{name}.md", text)
        console.print(f"Tables written to {options.out / f'{name}.md'}.", markup=False)
