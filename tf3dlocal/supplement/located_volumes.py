"""Supplement Fig. 1 of a run: where its parts look in one walk, from several views."""

import pathlib
from collections.abc import Sequence

import numpy as np

from tf3dlocal.io.types import PathLike
from tf3dlocal.supplement.sources import Source, choose_walk, described, silhouettes_of
from tf3dlocal.visualization import LocatedWalk, plot_located_volumes, write_part_animation

VIEWS = range(18, 73)  # degrees, as in the supplement
MOST_VIEWS = 4


def figure_1(
    run: PathLike,
    *,
    data: PathLike | None = None,
    out: PathLike = "figure_1.png",
    views: Sequence[int] | None = None,
    subject: str | None = None,
    condition: str | None = None,
    block: str | None = None,
) -> str:
    """Draw the located volumes of a trained 3DLocal on frames, one panel per view; see `plot_located_volumes`.

    Args:
        run: Run folder or .keras file of a model with local paths.
        data: Prepared data set; that of the run's config by default.
        out: The picture; with the suffix .gif it is an animation of all frames.
        views: In degrees; by default those of the data set from 18 to 72 degrees, up to four.
        subject: By default the first test subject with such walks.
        condition: Such as "nm-01"; by default the first one of the gallery.
        block: Such as "block_3"; by default the last one with local paths.

    Returns:
        A sentence that says what is drawn.

    Raises:
        ValueError: The model has no local paths, or the data set lacks the views, subject or condition.
    """
    source, out = Source.of(run), pathlib.Path(out)
    walks = source.walks(data)
    views = default_views(walks.view_degrees) if views is None else list(dict.fromkeys(views))
    chosen = choose_walk(source, walks=walks, views=views, subject=subject, condition=condition)
    model = source.model_with_parts()
    located = []
    for row, view in enumerate(views):
        silhouettes = silhouettes_of(chosen, row, model=model)
        geometry = source.geometry(model, silhouettes=silhouettes)
        located.append(LocatedWalk(title=f"{view}°", silhouettes=silhouettes, geometry=geometry))
    if out.suffix.lower() == ".gif":
        write_part_animation(located, path=out, block=block)
    else:
        plot_located_volumes(located, block=block, path=out)
    blocks = list(located[0].geometry["located"])
    others = f" (of {', '.join(blocks)})" if len(blocks) > 1 else ""
    return (
        f"{out}: the parts of {block or blocks[-1]}{others} of {source.name} in {described(chosen)}, "
        f"from {', '.join(map(str, views))} degrees."
    )


def default_views(degrees: np.ndarray) -> list[int]:
    """Choose up to four views from 18 to 72 degrees, evenly spaced among those that there are.

    Raises:
        ValueError: There is none.

    Example:
        >>> default_views(np.array([0, 15, 30, 45, 60, 75]))
        [30, 45, 60]
    """
    known = np.unique(degrees).tolist()
    inside = [view for view in known if view in VIEWS]
    if not inside:
        raise ValueError(
            f"The data set has no view from {VIEWS.start} to {VIEWS.stop - 1} degrees, which the figure shows by "
            f"default. Give some of its views with --views: {','.join(map(str, known))}."
        )
    chosen = np.linspace(0, len(inside) - 1, min(MOST_VIEWS, len(inside))).round().astype(int)
    return [inside[at] for at in chosen]
