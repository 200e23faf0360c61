"""Supplement Fig. 3 of a run: what its parts look at, at several moments of the training."""

import pathlib
from collections.abc import Sequence

import numpy as np

from tf3dlocal.io import check_names
from tf3dlocal.io.types import PathLike
from tf3dlocal.supplement.sources import Source, choose_walk, described, silhouettes_of
from tf3dlocal.training import RunFolder
from tf3dlocal.visualization import plot_part_history

VIEW = 90  # degrees; from the side the parts are farthest apart
MOST_STEPS = 6


def figure_3(
    run: PathLike,
    *,
    data: PathLike | None = None,
    out: PathLike = "figure_3.png",
    view: int | None = None,
    subject: str | None = None,
    condition: str | None = None,
    block: str | None = None,
    steps: Sequence[int] | None = None,
) -> str:
    """Draw what the parts look at, at the steps of the run's snapshots; see `plot_part_history`.

    Args:
        run: Run folder of a model with local paths.
        data: Prepared data set; that of the run's config by default.
        out: The picture.
        view: In degrees; by default the one nearest to 90.
        subject: By default the first test subject with such a walk.
        condition: Such as "nm-01"; by default the first one of the gallery.
        block: Such as "block_3"; by default the last one with local paths.
        steps: Of the snapshots to draw; all by default, of more than six those that are evenly spaced.

    Returns:
        A sentence that says what is drawn.

    Raises:
        ValueError: The run has no snapshots or no local paths, or the data set lacks the view, subject or condition.
    """
    if pathlib.Path(run).is_file():
        raise ValueError(
            f"{run} is a file, and the figure needs the snapshots of a training. Give the run folder itself."
        )
    source, snapshots = Source.of(run), RunFolder(run).snapshots
    kept = snapshots.steps()
    if not kept:
        source.model_with_parts()  # raises where there could be none
        raise ValueError(
            f"{run} has no snapshots, from which the figure is drawn. A training with local paths keeps them with "
            "training.snapshots, 4 by default; they cannot be made afterwards. Train in another run folder."
        )
    check_names(steps or (), known=kept, what="snapshot of step", where="--steps")
    shown = sorted(set(steps)) if steps else _evenly(kept)
    walks = source.walks(data)
    if view is None:
        degrees = np.unique(walks.view_degrees)
        view = int(degrees[np.abs(degrees - VIEW).argmin()])
    chosen = choose_walk(source, walks=walks, views=[view], subject=subject, condition=condition)
    history, silhouettes = {}, None
    for step in shown:
        snapshot = Source.of(snapshots.file(step))
        model = snapshot.model()
        silhouettes = silhouettes_of(chosen, 0, model=model)
        history[step] = snapshot.geometry(model, silhouettes=silhouettes)
    plot_part_history(silhouettes, history=history, block=block, path=out)
    left_out = f" {len(kept) - len(shown)} of {len(kept)} snapshots are left out; --steps chooses." * (
        steps is None and len(shown) < len(kept)
    )
    return (
        f"{out}: the parts of {source.name} at the steps {', '.join(map(str, shown))} in {described(chosen)}, from "
        f"{view} degrees.{left_out}"
    )


def _evenly(kept):
    chosen = np.linspace(0, len(kept) - 1, min(MOST_STEPS, len(kept))).round().astype(int)
    return [kept[at] for at in chosen]
