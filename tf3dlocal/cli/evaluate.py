"""`tf3dlocal evaluate`: rank-1 by a protocol."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tf3dlocal.cli.app import Distance, Json, Trust, app, folder_to_write, keep_apart, spare_run
from tf3dlocal.cli.console import console, say, say_next, start_tensorflow, write_numbers

if TYPE_CHECKING:
    from tf3dlocal.evaluation import CrossViewResult


@app.command()
def evaluate(
    model: Annotated[
        Path,
        typer.Argument(metavar="RUN_OR_MODEL", help="Run folder, .keras file, exported model, or gei: the baseline."),
    ],
    data: Annotated[Path, typer.Option(metavar="DIR", help="Prepared data set.")],
    protocol: Annotated[
        str,
        typer.Option(metavar="NAME|FILE.yaml", help="casia-b-st, casia-b-mt, casia-b-lt, ou-mvlp, or your own file."),
    ],
    distance: Distance = "part_mean",
    min_frames: Annotated[
        int, typer.Option(min=1, help="Leave out shorter walks; the published protocols keep all.")
    ] = 1,
    precision: Annotated[
        Literal["auto", "float32", "mixed_bfloat16"] | None,
        typer.Option(help="Numbers in which the model computes; auto: the fast ones. Default: as it was trained."),
    ] = None,
    published: Annotated[bool, typer.Option("--published", help="Also print the rows of the papers.")] = False,
    details: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Also write the answer to every probe, counts by pair of views, and error rates with curves into DIR.",
            callback=folder_to_write,
        ),
    ] = None,
    trust: Trust = False,
    json: Json = None,
) -> None:
    """Embed the test walks and print the rank-1 table of a protocol, in per cent.

    Each probe is compared with the gallery of one view at a time. The table gives, per probe view, the mean over the
    gallery views other than the probe's, and the mean of these. Instead of a model, `gei` compares gait energy images
    (the mean silhouette of a walk): it needs no training, and a network should beat it. For a run folder the numbers
    are also written to RUN/evaluation.json, which `export` puts into the model card, and to RUN/tensorboard/test.

    The report also gives the equal error rate (EER) of verification. `--details DIR` writes probes.csv (for every probe
    and gallery view the nearest walk, its distance, and rank and distance of the right person), pairs.csv (hits and
    probes by pair of views), verification.json and open_set.json (EER, TAR at FAR, FNIR at FPIR, with intervals over
    subjects), their curves as .csv and pictures.

    With `--precision auto` the model computes in mixed_bfloat16 where the processor or the GPU does so fast. The report
    names the precision. Exported models always compute in float32.

    An exported model is a program: it is loaded only if its model card is one of tf3dlocal and the checksums match.

    \b
    Examples:
      tf3dlocal evaluate gei --data casia --protocol casia-b-st
      tf3dlocal evaluate runs/st --data casia --protocol casia-b-st --published
      tf3dlocal evaluate runs/st --data casia --protocol casia-b-st --details st-details
      tf3dlocal evaluate saved_models/gait --data own --protocol own.yaml --distance flattened --json own.json
    """
    if precision and str(model) == "gei":
        raise typer.BadParameter("gei has no network that computes; leave it out", param_hint="--precision")
    keep_apart(json, option="--json", the_data_set=data, the_protocol=protocol)
    keep_apart(json, option="--json", the_details=details)
    keep_apart(details, option="--details", the_data_set=data, **({} if _is_run(model) else {"the_model": model}))
    for option, path in {"--details": details, "--json": json}.items():
        spare_run(path, option=option, run=model)
    start_tensorflow()
    from tf3dlocal import load_model
    from tf3dlocal.data import open_walks
    from tf3dlocal.evaluation import evaluate as rank
    from tf3dlocal.evaluation import evaluate_gait_energy, json_report, load_protocol, print_report, published_table

    if published:
        published_table(load_protocol(protocol).name)  # raises before the walks are embedded if nothing is published
    loaded = None if str(model) == "gei" else load_model(model, trust=trust)
    walks = open_walks(data)
    if loaded is None:
        result = evaluate_gait_energy(walks, protocol=protocol, min_frames=min_frames, comparisons=True)
    else:
        result = rank(
            loaded,
            walks=walks,
            protocol=protocol,
            distance=distance,
            min_frames=min_frames,
            precision=precision,
            comparisons=True,
            details={"model": str(model)},
            **_origin_of(model, subjects=walks.subject_names),
        )
    numbers, written = json_report(result), []
    try:  # a terminal may be unable to print, and a disk to be written: each result has both chances
        _keep_in_run(model, result=result, numbers=numbers)
        write_numbers(json, values=numbers)
        written = _write_details(details, result=result)
    finally:
        print_report(result, published=published, console=console)
    if details is None:
        say("Every answer, verification and open-set rates: add --details DIR.")
    else:
        say(f"Details written to {details}: {', '.join(path.name for path in written)}.", soft_wrap=True)
    if _is_run(model):
        say_next(["export", model, "OUT"])


def _write_details(folder: Path | None, *, result: "CrossViewResult") -> list[Path]:
    """Write tables, rates and pictures of --details and return their paths; do nothing without a folder."""
    if folder is None:
        return []
    from tf3dlocal.evaluation import write_details
    from tf3dlocal.visualization import ErrorRates, plot_error_curves

    written = write_details(result, folder=folder)
    comparisons = result.comparisons
    matches = {
        group: ErrorRates(rates.fmr, rates.fnmr, rates.fnmr_interval)
        for group, rates in comparisons.verification.items()
        if rates.num_genuine and rates.num_impostor
    }
    answers = {
        group: ErrorRates(rates.fpir, rates.fnir, rates.fnir_interval)
        for group, rates in comparisons.open_set.items()
        if all(rates.num_searches)
    }
    for name, curves, axes in (
        ("verification", matches, {"false_positive": "false match rate (FMR)", "miss": "false non-match rate (FNMR)"}),
        (
            "open_set",
            answers,
            {
                "false_positive": "false positive identification (FPIR)",
                "miss": "false negative identification (FNIR)",
                "show_equal": False,
            },
        ),
    ):
        picture = folder / f"{name}.png"
        if curves:
            written.append(picture)
            plot_error_curves(curves, path=picture, **axes)
        else:  # that of an earlier test would be taken for one of this
            picture.unlink(missing_ok=True)
    return written


def _is_run(model: Path) -> bool:
    return (model / "model.keras").is_file()


def _keep_in_run(model: Path, *, result: "CrossViewResult", numbers: dict) -> None:
    """Write the numbers into the run folder: for the card of an export, and for TensorBoard.

    A folder that cannot be written is named.
    """
    from tf3dlocal.evaluation import write_score_events
    from tf3dlocal.io import write_json
    from tf3dlocal.serving import EVALUATION_NAME
    from tf3dlocal.training import RunFolder

    if not _is_run(model):
        return
    try:
        write_json(model / EVALUATION_NAME, numbers)
    except OSError as error:
        say(f"note: {model / EVALUATION_NAME} is not written ({error.strerror}); an export will lack these scores.")
    try:
        step = result.details.get("step") or 0
        write_score_events(RunFolder(model).tensorboard / "test", result=result, step=step)
    except OSError as error:
        say(f"note: TensorBoard does not get these scores ({error.strerror or error}).")


def _origin_of(model: Path, *, subjects: list[str]) -> dict[str, Any]:
    """Return the facts of a model's run, as arguments of `tf3dlocal.evaluation.evaluate`.

    Args:
        model: A run folder, a file in it or in its checkpoints, a .keras file or an exported model.
        subjects: Those of the data set that the model is tested on.

    Returns:
        "method", the name of the run; and of a model whose run is known "seed", "step" and "trained_subjects".
    """
    from tf3dlocal.config import ConfigError
    from tf3dlocal.evaluation import ProtocolError, load_protocol
    from tf3dlocal.training import RunFolder, config_of_run, step_of

    config = config_of_run(model)
    if config is None:
        return {"method": model.resolve().stem}
    inside = model.resolve()
    while not (inside / "config.yaml").is_file():
        inside = inside.parent
    data = config["data"]
    try:
        protocol = load_protocol(data["protocol"], exclude=data["exclude_subjects"])
        trained = protocol.split(subjects, needs_test=False).train
    except (ProtocolError, ConfigError):  # its file is not where it was, or it is of another data set
        trained = ()
    name = inside.name if model.is_dir() or model.name == "model.keras" else f"{inside.name}/{model.stem}"
    return {
        "method": name,
        "seed": config["training"]["seed"],
        "step": step_of(RunFolder(model).model_file if model.is_dir() else model),
        "trained_subjects": trained,
    }
