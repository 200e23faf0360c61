"""The application that the commands belong to, and what several commands share."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import typer.core

import tf3dlocal
from tf3dlocal.io import check_apart, check_folder_name, check_writable


class Commands(typer.core.TyperGroup):
    """Lists every command with its whole first sentence, where click cuts it to fit one line."""

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:
        """Write the list of commands."""
        for command in self.commands.values():
            command.short_help = " ".join(command.help.partition("\n\n")[0].split())
        super().format_commands(ctx, formatter)


app = typer.Typer(
    cls=Commands,
    help="""Gait recognition in Keras: train, test and export 3DLocal and four other networks.

    The commands, in the order of their use; a WALK is a folder of silhouettes:

    \b
      tf3dlocal walkers raw                        draw a synthetic data set
      tf3dlocal prepare raw prepared               align the silhouettes, once
      tf3dlocal protocol --new own.yaml            say who trains and who is tested
      tf3dlocal train configs/CONFIG.yaml          train a model
      tf3dlocal evaluate runs/CONFIG --data ...    rank-1 by a published protocol
      tf3dlocal compare A.yaml B.yaml --data ...   train and test several models, one report
      tf3dlocal parts runs/CONFIG --data ...       where the body parts look, as pictures
      tf3dlocal figure 1 --run runs/CONFIG ...     a figure of the paper's supplement from your run
      tf3dlocal table 2 --run runs/CONFIG          a table of the paper's supplement from your run
      tf3dlocal export runs/CONFIG saved           write a SavedModel for TF Serving
      tf3dlocal silhouettes VIDEO own              cut the people out of a video: own/walks, for prepare or enroll
      tf3dlocal enroll people.npz anna WALK ...    add a person to a gallery of known people
      tf3dlocal calibrate people.npz --data ...    set the threshold for "unknown"
      tf3dlocal identify people.npz WALK           say who walks
      tf3dlocal verify people.npz anna WALK        say whether a walk is one of a certain person
      tf3dlocal forget people.npz anna             remove a person from a gallery
      tf3dlocal embed saved WALK --out FILE        compute embeddings for other programs
      tf3dlocal serve-check http://HOST:8501       compare a server's answers with the export
      tf3dlocal convert IN.pt OUT.keras ...        convert weights from PyTorch, and back

    `tf3dlocal demo` runs the main ones on synthetic people. `tf3dlocal COMMAND --help` explains a command. Exit codes:
    0 success; 1 the input is wrong, and the message says why; 2 wrong usage; 3 an error inside this program. --debug,
    or the environment variable TF3DLOCAL_TRACEBACK=1, shows where an error was raised.
    """,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

OWN_FILES = {"dataset.json", "data.json", "best.json", "model_card.json"}  # of data sets, runs and exports
OWN_REPORTS = {"evaluation.json", "report.json"}  # of runs, comparisons and data sets; elsewhere they are the user's
KEPT_IN_RUN = ("checkpoints", "snapshots", "tensorboard")  # folders of a run that belong to the training
NEXT_TO_REPORTS = ("checkpoints", "model.keras", "runs", "dataset.json")  # one of them lies in the same folder

Distance = Annotated[
    Literal["part_mean", "flattened"],
    typer.Option(help="Euclidean distance: mean over the parts (OpenGait), or of the concatenated parts (GaitSet)."),
]
Workers = Annotated[int | None, typer.Option(min=1, help="Number of processes; default: the number of cores.")]


def writable(path: Path | None) -> Path | None:
    """Check that a file can be written before hours of work, and return its path.

    Raises:
        typer.BadParameter: The path is a folder, a device or a pipe, or its folder cannot be written.
    """
    if path is None:
        return None
    try:
        check_writable(path, kind="file")
    except OSError as error:
        raise typer.BadParameter(str(error)) from None
    return path


def spare_own_files(path: Path | None) -> Path | None:
    """Check a file to write as `writable` does, and that none of a data set, run, export or comparison would be lost.

    Raises:
        typer.BadParameter: The file is one that another command needs.
    """
    if writable(path) is None or not path.is_file():
        return path
    is_report = path.name in OWN_REPORTS and any((path.parent / name).exists() for name in NEXT_TO_REPORTS)
    if is_report or path.name in OWN_FILES or path.suffix == ".jsonl":
        raise typer.BadParameter(f"{str(path)!r} is needed where it is, and would be overwritten. Give another name.")
    return path


def folder_to_write(path: Path | None) -> Path | None:
    """Check that a folder can be written before hours of work, and return its path.

    Raises:
        typer.BadParameter: The path is a file, or the folder cannot be made or written.
    """
    if path is not None:
        try:
            check_folder_name(path)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    return path


def keep_apart(out: Path | None, *, option: str, **sources: Path | str | list[str] | None) -> None:
    """Check that what a command writes does not lie in what it reads.

    Args:
        out: The folder or file to write; None is fine.
        option: Its name in the command line.
        **sources: What it holds, in words with "_", to a path that is read, a list of them, or None.

    Raises:
        typer.BadParameter: `out` is one of the sources, or inside it.
    """
    for what, given in sources.items():
        for source in given if isinstance(given, list) else [given]:
            if out is None or source is None:
                continue
            try:
                check_apart(out, source=source, what=what.replace("_", " "), outer=False)
            except ValueError as error:
                raise typer.BadParameter(str(error), param_hint=f"'{option}'") from None


def _numbers_file(path: Path | None) -> Path | None:
    """Check a file of --json as `writable` does, and that no file of another kind would be lost."""
    if spare_own_files(path) is None or not path.is_file():
        return path
    with open(path, "rb") as file:
        begin = file.read(100).lstrip()
    if begin and begin[:1] not in (b"{", b"["):
        raise typer.BadParameter(
            f"{str(path)!r} exists and is no JSON file, and would be overwritten. Give another name."
        )
    return path


def spare_run(path: Path | None, *, option: str, run: Path) -> None:
    """Check that what a command writes does not lie where a training keeps its models and its log of pictures.

    Args:
        path: The folder or file to write; None is fine.
        option: Its name in the command line.
        run: A run folder, or anything else.

    Raises:
        typer.BadParameter: It is inside of checkpoints/, snapshots/ or tensorboard/ of the run.
    """
    for name in KEPT_IN_RUN:
        if (run / name).is_dir():
            keep_apart(path, option=option, **{f"the_{name}_of_the_run": run / name})


def two_files(out: Path | None, *, json: Path | None) -> None:
    """Check that a result and its numbers are not written to one file.

    Raises:
        typer.BadParameter: Both are the same file.
    """
    if out is not None and json is not None and out.resolve() == json.resolve():
        raise typer.BadParameter(f"{str(json)!r} is the file of --out too. Give another name.", param_hint="'--json'")


Json = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Also write the numbers to FILE.", callback=_numbers_file)
]

GalleryFile = Annotated[Path, typer.Argument(metavar="GALLERY", help="File of the known people.")]
GalleryModel = Annotated[
    Path | None,
    typer.Option(metavar="MODEL", help="Exported model of the gallery. Default: where it was when it was made."),
]
Frames = Annotated[Literal["auto", "raw", "aligned"], typer.Option(help="auto: the size of the pictures decides.")]
Invert = Annotated[bool, typer.Option("--invert", help="The bodies are black on white.")]
FrameRate = Annotated[
    float | None,
    typer.Option("--fps", metavar="RATE", help="Frames per second of the walks; else unknown, which a note says."),
]
Top = Annotated[int, typer.Option(min=1, help="How many of the nearest to print.")]

Trust = Annotated[
    bool,
    typer.Option(
        "--trust", help="Load a SavedModel without a card of tf3dlocal or with other checksums: it is a program."
    ),
]


def parse_integers(text: str, *, option: str, example: str) -> list[int]:
    """Read "0,1,.." of an option.

    Raises:
        typer.BadParameter: The text is not a list of integers.

    Example:
        >>> parse_integers("0,90", option="--views", example="0,90,180")
        [0, 90]
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a list of integers such as {example}.", param_hint=option) from None


def _show_version(wanted):
    if wanted:
        print(f"tf3dlocal {tf3dlocal.__version__}")
        raise typer.Exit()


Version = Annotated[bool, typer.Option("--version", help="Print the version and exit.", callback=_show_version)]

Debug = Annotated[bool, typer.Option("--debug", help="Show where an error was raised; any command takes it too.")]


@app.callback()
def _options(version: Version = False, debug: Debug = False):
    pass
