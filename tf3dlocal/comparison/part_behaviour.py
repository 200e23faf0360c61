"""What the parts of a trained 3DLocal do: where they look from each view, and how much of it the view explains."""

import dataclasses

import keras
import numpy as np

from tf3dlocal.data import WalkDataset
from tf3dlocal.evaluation import embed_walks
from tf3dlocal.models import PART_NUMBERS, check_located, part_numbers, prior_numbers


@dataclasses.dataclass(frozen=True, kw_only=True)
class PartBehaviour:
    """What the parts do in the walks of a data set.

    Attributes:
        parts: Name of every local path, such as "block_3 head".
        numbers: Names of the last axis, `tf3dlocal.models.PART_NUMBERS`.
        views: Views in degrees, ascending.
        num_walks: Walks of each view.
        priors: float [parts, numbers], what the parts do before training.
        mean: float [parts, views, numbers], mean over the walks of a view.
        deviation: float [parts, views, numbers], standard deviation over the walks of a view.
        explained: float [parts, numbers], share of the variance over all walks that lies between the views: 0 where a
            number is the same from all views on average, 1 where it depends on the view alone; NaN without variance.
    """

    parts: tuple[str, ...]
    numbers: tuple[str, ...]
    views: tuple[int, ...]
    num_walks: tuple[int, ...]
    priors: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    explained: np.ndarray


def measure_parts(model: keras.Model, *, walks: WalkDataset, progress: bool = True) -> PartBehaviour:
    """Locate the parts in whole walks and compare them over the views.

    Args:
        model: A model with local paths.
        walks: The walks to look at.
        progress: Show a progress bar on standard error.

    Raises:
        ValueError: A model without local paths or one that has diverged, or no walks.
    """
    located, paths = part_numbers(model), []
    check_located(located(np.zeros((1, 8, *model.input_shape[2:]), "float32")))  # of any walk: weights of NaN show

    def numbers_of(silhouettes):
        found = {
            f"{block} {part}": numbers
            for block, parts in located(silhouettes).items()
            for part, numbers in parts.items()
        }
        paths[:] = found
        return keras.ops.stack(list(found.values()), axis=1)  # b p 8

    width = model.input_shape[3]
    numbers = embed_walks(numbers_of, walks=walks, progress=progress, width=width).astype(np.float64)
    degrees = np.asarray(walks.view_degrees)
    views = np.unique(degrees)
    of_views = [numbers[degrees == view] for view in views]
    mean = np.stack([own.mean(axis=0) for own in of_views], axis=1)
    between = sum(len(own) * np.square(own.mean(axis=0) - numbers.mean(axis=0)) for own in of_views) / len(numbers)
    total = numbers.var(axis=0)
    is_constant = total <= 1e-12 * np.square(numbers).mean(axis=0)  # but for rounding
    priors = prior_numbers(model)
    return PartBehaviour(
        parts=tuple(paths),
        priors=np.stack([priors[block][part] for block, part in (name.split(" ", 1) for name in paths)]),
        numbers=PART_NUMBERS,
        views=tuple(int(view) for view in views),
        num_walks=tuple(len(own) for own in of_views),
        mean=mean,
        deviation=np.stack([own.std(axis=0) for own in of_views], axis=1),
        explained=np.where(is_constant, np.nan, between / np.where(is_constant, 1, total)),
    )
