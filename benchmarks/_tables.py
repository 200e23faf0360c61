"""What the scripts of this folder have in common: their options, and where their tables go."""

import argparse
import os
import pathlib
import sys

import rich.console

from tf3dlocal.benchmark.print_measurements import markdown, print_measurements
from tf3dlocal.console import write_json
from tf3dlocal.visualization.whole_file import write_whole_file

ROOT = pathlib.Path(__file__).resolve().parents[1]
TWINS = ROOT / "benchmarks" / "torch_twins"
console = rich.console.Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def options_of(description, choices=(), quick="small sizes and few rounds: shows that all runs, not how fast it is"):
    """The parser that every script begins with."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if choices:
        parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"only these tables: {', '.join(choices)}")
    parser.add_argument("--quick", action="store_true", help=quick)
    add_places(parser)
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of every table")
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads of every library; its own default if not given"
    )
    return parser


def add_places(parser):
    """The options that say where numbers go beside the terminal."""
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the numbers to FILE as well")
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        nargs="?",
        const=ROOT / "benchmarks" / "results",
        metavar="DIR",
        help="keep numbers and tables as SCRIPT.json and .md in DIR, or benchmarks/results if none is named",
    )


def stay_on_the_cpu():
    """Hide GPUs from every alternative, and from what the matrix product is measured with: the twins use none.

    Returns:
        The condition that says so.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    return {"device": "CPU"}


def chosen(parser, options, tables):
    """The tables that were asked for, all if none; an unknown name is wrong usage."""
    if unknown := [name for name in options.tables if name not in tables]:
        parser.error(f"there is no table {', '.join(unknown)}; there are {', '.join(tables)}")
    return [name for name in tables if name in options.tables or not options.tables]


def show(measurements):
    print_measurements(measurements, console)
    console.print()


def keep(name, description, results, options):
    """Write all measurements of a script where it was asked to."""
    content = {"benchmark": name, "quick": options.quick, "tables": [result.to_dict() for result in results]}
    keep_text(name, f"# {description.splitlines()[0]}\n\n" + "\n".join(map(markdown, results)), content, options)


def keep_text(name, text, content, options):
    """Write a script's numbers and its page, each whole or not at all, where it was asked to."""
    if options.json:
        write_json(options.json, content)
    if options.out:
        write_json(options.out / f"{name}.json", content)
        page = write_whole_file(options.out / f"{name}.md", lambda file: file.write_text(text, encoding="utf-8"))
        console.print(f"tables in {page}", markup=False)
