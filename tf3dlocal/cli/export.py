"""`tf3dlocal export`: a SavedModel."""

from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import Distance, Json, app, keep_apart
from tf3dlocal.cli.console import say, say_next, start_tensorflow, write_numbers


@app.command()
def export(
    model: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder or .keras file.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the versions of this model.")],
    version: Annotated[
        int, typer.Option(min=1, help="Number of this export; an existing one is never overwritten.")
    ] = 1,
    distance: Distance = "part_mean",
    scores: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Numbers of `evaluate --json`; default: the last evaluation of RUN."),
    ] = None,
    json: Json = None,
) -> None:
    """Write a trained model as OUT/VERSION, a SavedModel that TF Serving and plain TensorFlow load.

    Its signatures return "embedding", computed in float32, for any number of walks: `serving_default` takes aligned
    silhouettes as uint8, `float` as 0..1, `variable` walks of different lengths with num_frames, `raw` masks of any
    size and `png` PNG files, both aligned as by `prepare`. Each refuses wrong input with a sentence. For TF Serving the
    version holds requests that warm it up and batching_params.pbtxt.

    OUT/VERSION/model_card.json describes it: config, scores and checksums, and no folders of this machine. A SavedModel
    is a program; give yours away with its card, because `embed` and `evaluate` load it only if the checksums match.

    \b
    Example:
      tf3dlocal export runs/three_d_local_walkers saved_models/walkers --version 2
    """
    keep_apart(out, option="OUT", the_trained_model=model)
    keep_apart(json, option="--json", the_trained_model=model)
    start_tensorflow()
    from tf3dlocal import load_model
    from tf3dlocal.io import check_writable
    from tf3dlocal.serving import export as write_export
    from tf3dlocal.serving import read_scores, scores_of_run
    from tf3dlocal.training import config_of_run

    run, name = model.resolve().name, out.resolve().name
    check_writable(out)
    told = scores_of_run(model) if scores is None else read_scores(scores)
    config = config_of_run(model)
    path = write_export(
        load_model(model, keras_only=True),
        folder=out,
        version=version,
        config=config,
        scores=told,
        distance=distance,
        made_by=f"tf3dlocal export {run} {name} --version {version} --distance {distance}",
    )
    write_numbers(json, values={"folder": path})
    say(f"SavedModel written to {path}.")
    if config is None:
        say(
            f"Its model card does not say how the model was trained: {model} belongs to no run folder with config.yaml."
        )
    if told is None:
        say("Its model card has no scores: `tf3dlocal evaluate RUN ...` before the export, or --scores, gives them.")
    say_next(["enroll", "people.npz", "NAME", "WALK", "--model", out])
