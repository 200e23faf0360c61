"""`tf3dlocal calibrate`: the distance above which a walk is of an unknown person."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import GalleryFile, GalleryModel, Json, Trust, app, keep_apart, parse_integers
from tf3dlocal.cli.console import fps_words, say, say_next, start_tensorflow, write_numbers


@app.command()
def calibrate(
    gallery: GalleryFile,
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Prepared data set; its people need not be in the gallery.")
    ],
    fpir: Annotated[
        float, typer.Option(help="Share of strangers who may be answered with a name, between 0 and 1.")
    ] = 0.01,
    views: Annotated[
        str | None, typer.Option(metavar="DEGREES", help="Only walks of these views, separated by commas.")
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(metavar="RATE", help="Frames per second of the data. Default: those of the gallery."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the splits into enrolled people and strangers.")] = 0,
    model: GalleryModel = None,
    trust: Trust = False,
    json: Json = None,
) -> None:
    """Set the threshold for "unknown": the largest distance at which a person is named.

    People of a data set are split at random into enrolled people and strangers, 20 times, with as many enrolled people
    and walks as the gallery has. The threshold is the largest at which at most the share --fpir of the strangers'
    walks is answered with a name. It is stored in the gallery, with its interval over people and the data it came from.
    The data should be like the walks to come: the same kind of camera, view and segmentation.

    \b
    Examples:
      tf3dlocal calibrate people.npz --data prepared
      tf3dlocal calibrate people.npz --data prepared --views 90 --fpir 0.001 --fps 25

    An --fpir of 0.01 needs at least 100 searches, one of 0.001 at least 1,000: about as many walks in the data.
    """
    keep_apart(json, option="--json", the_gallery=gallery, the_data_set=data, the_exported_model=model)
    view_degrees = None if views is None else parse_integers(views, option="--views", example="0,90,180")
    start_tensorflow()
    from tf3dlocal.data import open_walks
    from tf3dlocal.serving.gallery import calibrate as set_threshold
    from tf3dlocal.serving.gallery import named_model

    keep_apart(json, option="--json", the_model_of_the_gallery=named_model(gallery))
    walks = open_walks(data).select(views=view_degrees)
    found = set_threshold(gallery, data=walks, fpir=fpir, frame_rate=fps, seed=seed, model=model, trust=trust)
    say(f"Identify: {found}.")
    for what, threshold, rate in (
        ("of the walks of enrolled people are not answered with them", found.threshold, found.fnir),
        ("of the walks of the right people are refused by verify", found.verify_threshold, found.fnmr),
    ):
        share = "There are too few searches to say how many" if rate is None else f"{100 * rate:.1f} %"
        say(f"  {share} {what} (threshold {threshold:.3f})")
    for notice in found.notices:
        say(f"  {notice}")
    write_numbers(json, values=dataclasses.asdict(found))
    say_next(["identify", gallery, "WALK", *fps_words(fps)])
