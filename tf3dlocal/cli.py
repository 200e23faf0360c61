"""The command line: verbs only, and every verb is one call into the library.

Heavy imports stand inside the verbs, so that `--help` answers at once.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import typer

import tf3dlocal
from tf3dlocal.console import console, run, start_tensorflow, write_json

Path = pathlib.Path
Distance = Annotated[
    Literal["part_mean", "flattened"],
    typer.Option(help="Euclidean per part then mean (OpenGait), or of all parts laid end to end (GaitSet)."),
]
DEMO_FOLDER = Path("demo")
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; as many as cores if not given.")]
Json = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers to FILE as well.")]

app = typer.Typer(
    help="""3DLocal gait recognition in Keras: silhouettes of walking people in, names out.

    The verbs in the order of a first day:

    \b
      tf3dlocal walkers raw                        draw a synthetic data set
      tf3dlocal prepare raw prepared               align the silhouettes, once
      tf3dlocal train configs/CONFIG.yaml          fit a model
      tf3dlocal evaluate runs/CONFIG --data ...    rank-1 by a published protocol
      tf3dlocal export runs/CONFIG saved           a SavedModel for TF Serving
      tf3dlocal embed saved alice=walks/alice-1    embeddings, and who is nearest

    `tf3dlocal demo` does all of it. Each verb explains itself: tf3dlocal VERB --help. Exit code: 0 done; 1 something is
    wrong with the input, and the message says what; 2 wrong usage. TF3DLOCAL_TRACEBACK=1 shows where.
    """,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main(arguments=None):
    """Entry point of the `tf3dlocal` command; `arguments` default to those of the process."""
    run(app, arguments)


def _show_version(wanted):
    if wanted:
        print(f"tf3dlocal {tf3dlocal.__version__}")
        raise typer.Exit()


Version = Annotated[bool, typer.Option("--version", help="Print the version and stop.", callback=_show_version)]


@app.callback()
def _options(version: Version = False):
    pass


@app.command()
def walkers(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the frames; made if absent.")],
    subjects: Annotated[int, typer.Option(min=1, help="How many people.")] = 24,
    frames: Annotated[int, typer.Option(min=1, help="Frames of each walk, 25 a second.")] = 60,
    views: Annotated[str, typer.Option(metavar="DEGREES", help="Camera angles, apart by commas.")] = (
        "0,18,36,54,72,90,108,126,144,162,180"
    ),
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same people and walks.")] = 0,
    workers: Workers = None,
):
    """Draw synthetic people walking, in the raw layout of CASIA-B.

    Each person walks ten times past each camera: nm-01..06 (normal), bg-01..02 (with a bag), cl-01..02 (in a coat).
    The frames are white bodies on black with mild segmentation faults, not aligned: OUT/001/nm-01/090/001.png ...

    \b
    Examples:
      tf3dlocal walkers raw
      tf3dlocal walkers raw --subjects 40 --views 0,90 --seed 7
    """
    from tf3dlocal.data.walkers import write_walkers

    folder = write_walkers(out, subjects, seed, frames, _degrees(views), workers=workers)
    console.print(f"{subjects} people in {folder}; next: tf3dlocal prepare {folder} prepared", markup=False)


@app.command()
def prepare(
    raw: Annotated[Path, typer.Argument(metavar="RAW", help="Folder, zip or folder of SSS.tar.gz with raw frames.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the prepared data set; made if absent.")],
    size: Annotated[int, typer.Option(min=8, help="Height and width of an aligned silhouette, in pixels.")] = 64,
    layout: Annotated[str, typer.Option(metavar="auto|casia-b|ou-mvlp|FILE.yaml", help="How paths are named.")] = "auto",
    name: Annotated[str | None, typer.Option(help="What reports call the data set; RAW's name if not given.")] = None,
    min_frames: Annotated[int, typer.Option(min=1, help="Leave out walks with fewer usable frames.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an OUT made from other files.")] = False,
    workers: Workers = None,
    json: Json = None,
):
    """Align the silhouettes of a data set and store them for training and testing.

    Every frame is cut to the body, scaled to full height and centred by mass, as GaitSet and OpenGait do it. Frames and
    walks that cannot be used are left out and listed, with the reason, in OUT/report.md. A call that was
    interrupted goes on where it was; a call on a finished OUT does nothing.

    \b
    RAW is one of
      SSS/cc-nn/VVV/*.png      CASIA-B's folders (subject, condition, view in degrees)
      SSS.tar.gz ...           CASIA-B as it is handed out
      a zip of either
      any other tree, with --layout FILE.yaml that holds one line such as
                               pattern: "{subject}/{condition}/{view}/{frame}.png"

    \b
    Examples:
      tf3dlocal prepare raw prepared
      tf3dlocal prepare GaitDatasetB-silh casia --size 128
    """
    start_tensorflow()
    from tf3dlocal.data.prepare import prepare as prepare_walks

    report = prepare_walks(
        raw, out, size, name=name, layout=layout, min_frames=min_frames, workers=workers, overwrite=overwrite
    )
    for count, what in report.losses():
        console.print(f"  {count:7d} {what}", markup=False)
    write_json(json, report.as_dict())


@app.command()
def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Experiment as YAML; see configs/.")],
    settings: Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a key; repeatable.")] = (),
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Prepared data set, instead of the config's.")] = None,
    to: Annotated[Path | None, typer.Option("--run", metavar="DIR", help="Folder of the run, instead of runs/CONFIG.")] = None,
    json: Json = None,
):
    """Fit a model as a config says, and keep everything in one folder.

    The run folder holds the config with all changes, checkpoints, a log with one line of JSON per report, TensorBoard
    files and at the end the model. The same call again goes on from the last checkpoint.

    \b
    Examples:
      tf3dlocal train configs/three_d_local_walkers.yaml --data prepared
      tf3dlocal train configs/three_d_local_casia_b_st.yaml --data casia --set training.seed=3
      tensorboard --logdir runs
    """
    start_tensorflow()
    from tf3dlocal.config import Experiment
    from tf3dlocal.training import run_experiment
    from tf3dlocal.training.run_folder import RunFolder

    folder = to or Path("runs") / config.stem
    run_experiment(Experiment.from_yaml(config, settings), data=data, run=folder)
    console.print(f"model and log in {folder}", markup=False)
    write_json(json, {"run": folder, "log": RunFolder(folder).read_log()})


@app.command()
def evaluate(
    model: Annotated[
        Path, typer.Argument(metavar="RUN_OR_MODEL", help="Run folder, .keras file, exported model, or gei: the baseline.")
    ],
    data: Annotated[Path, typer.Option(metavar="DIR", help="Prepared data set.")],
    protocol: Annotated[
        str, typer.Option(metavar="NAME|FILE.yaml", help="casia-b-st, casia-b-mt, casia-b-lt, ou-mvlp, or your own file.")
    ],
    distance: Distance = "part_mean",
    min_frames: Annotated[int, typer.Option(min=1, help="Leave out shorter walks; the published protocols keep all.")] = 1,
    published: Annotated[bool, typer.Option("--published", help="Print the papers' rows beside ours.")] = False,
    json: Json = None,
):
    """Embed the test walks and print the rank-1 table of a protocol, in per cent.

    Each probe is compared with the gallery of one view at a time. The table gives, per probe view, the mean over the
    gallery views other than its own, and their mean. In place of a model, `gei` takes the nearest gait energy image (the
    mean silhouette of a walk): no training, and what a network has to beat.

    \b
    Examples:
      tf3dlocal evaluate gei --data casia --protocol casia-b-st
      tf3dlocal evaluate runs/st --data casia --protocol casia-b-st --published
      tf3dlocal evaluate saved_models/gait --data own --protocol own.yaml --distance flattened --json own.json
    """
    start_tensorflow()
    from tf3dlocal.data import open_walks
    from tf3dlocal.evaluation import evaluate as rank
    from tf3dlocal.evaluation import evaluate_gait_energy, json_report, print_report
    from tf3dlocal.open_model import open_model

    if str(model) == "gei":
        result = evaluate_gait_energy(open_walks(data), protocol, min_frames=min_frames)
    else:
        facts = {"model": str(model)}
        result = rank(open_model(model), open_walks(data), protocol, distance, min_frames=min_frames, details=facts)
    print_report(result, published=published, console=console)
    write_json(json, json_report(result))


@app.command()
def export(
    model: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder or .keras file.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the versions of this model.")],
    version: Annotated[int, typer.Option(min=1, help="Number of this export; an existing one is never overwritten.")] = 1,
    distance: Distance = "part_mean",
    json: Json = None,
):
    """Write a trained model as OUT/VERSION, a SavedModel that TF Serving and plain TensorFlow load.

    It takes uint8 silhouettes [batch, frames, height, width] (signature `serving_default`; `float` takes 0..1) of any
    number of walks and frames and gives "embedding". OUT/VERSION/model_card.json says what it is.

    \b
    Example:
      tf3dlocal export runs/three_d_local_walkers saved_models/walkers --version 2
    """
    start_tensorflow()
    from tf3dlocal.open_model import config_of_run, open_trained_model
    from tf3dlocal.serving import export as write_export

    made_by = f"tf3dlocal export {model} {out} --version {version} --distance {distance}"
    trained, config = open_trained_model(model), config_of_run(model)
    path = write_export(trained, out, version, config=config, distance=distance, made_by=made_by)
    console.print(f"SavedModel in {path}", markup=False)
    write_json(json, {"folder": path})


@app.command()
def embed(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Exported model: OUT or OUT/VERSION of `export`.")],
    walks: Annotated[
        list[str], typer.Argument(metavar="WALK...", help="Folder with the frames of one walk, or NAME=FOLDER.")
    ],
    out: Annotated[Path | None, typer.Option(metavar="FILE.npz", help="Keep names and embeddings, as a gallery.")] = None,
    gallery: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Say who is nearest among these kept embeddings.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many of the nearest to show.")] = 3,
    frames: Annotated[Literal["auto", "raw", "aligned"], typer.Option(help="auto: tell by the size.")] = "auto",
    json: Json = None,
):
    """Turn walks into embeddings, and with a gallery say who they are nearest to.

    A walk is a folder with the pictures of one person passing one camera once, body white on black, in the order of
    their names. Raw frames are aligned first.

    \b
    Examples:
      tf3dlocal embed saved alice=walks/alice-1 bob=walks/bob-1 --out gallery.npz
      tf3dlocal embed saved walks/unknown --gallery gallery.npz
    """
    start_tensorflow()
    from tf3dlocal.serving import ExportedModel, WalkEmbeddings

    named = [walk.split("=", 1) if "=" in walk else (walk, walk) for walk in walks]
    known = WalkEmbeddings.read(gallery) if gallery else None
    embedded = WalkEmbeddings.of_folders(ExportedModel(model), named, frames)
    nearest = embedded.nearest(known, top) if known else [[]] * len(named)
    for name, num_frames, left_out, hits in zip(embedded.names, embedded.num_frames, embedded.left_out, nearest):
        dropped = f", {len(left_out)} left out" if left_out else ""
        places = "".join(f"\n  {distance:8.3f}  {other}" for other, distance in hits)
        console.print(f"{name}: {num_frames} frames{dropped}{places}", markup=False)
    if out:
        embedded.write(out)
        console.print(f"{len(embedded.names)} embeddings in {out}", markup=False)
    write_json(json, dataclasses.asdict(embedded) | {"nearest": nearest if known else None})


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where everything is kept.")] = DEMO_FOLDER,
    seed: Annotated[int, typer.Option(min=0, help="Draws the people, the batches and the first weights.")] = 0,
    json: Json = None,
):
    """Walk the whole road on synthetic people: draw, prepare, train, test, look, export, identify.

    Takes less than ten minutes on two cores. What is there already is used again, so a second call takes seconds;
    remove FOLDER to begin anew.

    \b
    Example:
      tf3dlocal demo
    """
    start_tensorflow()
    from tf3dlocal.demo import run_demo

    write_json(json, run_demo(folder, seed))


def _degrees(text):
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not a list of degrees such as 0,90,180", param_hint="--views") from None
