"""`tf3dlocal forget`: a person removed from a gallery."""

from typing import Annotated

import typer

from tf3dlocal.cli.app import GalleryFile, Json, app, keep_apart
from tf3dlocal.cli.console import say, say_next, start_tensorflow, write_numbers


@app.command()
def forget(
    gallery: GalleryFile,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The person.")],
    json: Json = None,
) -> None:
    """Remove a person with all walks from a gallery. The file is written again without them.

    \b
    Example:
      tf3dlocal forget people.npz anna
    """
    keep_apart(json, option="--json", the_gallery=gallery)
    start_tensorflow()
    from tf3dlocal.serving.gallery import forget as remove
    from tf3dlocal.serving.gallery import named_model

    keep_apart(json, option="--json", the_model_of_the_gallery=named_model(gallery))
    known, num_walks = remove(gallery, name=name)
    say(f"{name}: {num_walks} walk{'s' * (num_walks != 1)} removed.")
    say(f"{gallery}: {known}.")
    write_numbers(json, values={"removed": num_walks, "people": known.people})
    say_next(["enroll", gallery, "NAME", "WALK"])
