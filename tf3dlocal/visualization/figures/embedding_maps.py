"""Supplement Fig. 2: t-SNE of the same walks by two models, side by side."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from matplotlib.lines import Line2D

from tf3dlocal.io.types import PathLike
from tf3dlocal.visualization.embedding_map import SIZES, check_shapes, map_points, styles_of
from tf3dlocal.visualization.picture import Picture

PANEL, CAPTION, LEGEND_ROW = 3.3, 0.6, 0.17  # inches; a panel is as wide as a column
FONT_SIZE = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class NamedEmbeddings:
    """What one model makes of the walks.

    Attributes:
        title: Such as "3DLocal".
        embeddings: float [walks, channels] or [walks, parts, channels].
        caption: Numbers below the map, up to three lines.
    """

    title: str
    embeddings: np.ndarray
    caption: str = ""


def plot_embedding_maps(
    models: Sequence[NamedEmbeddings],
    *,
    subjects: Sequence[str],
    path: PathLike | None = None,
    seed: int = 0,
    perplexity: float | Sequence[float] = 30,
) -> Picture:
    """Plot t-SNE of the same walks by several models, as supplement Fig. 2 does.

    One point per walk. A subject has a colour and a marker, so the figure can be read in grey. t-SNE preserves
    neighbourhoods: neither the size of a cluster nor the distance between two clusters has a meaning. The captions give
    the numbers for what the eye believes to see.

    Args:
        models: One per panel.
        subjects: Subject of each walk, [walks]; at most as many subjects as there are colours times markers.
        path: File to write as well; the suffix sets the format.
        seed: Random seed of t-SNE.
        perplexity: Approximate number of neighbours of a walk; must be less than the number of walks. A list has one
            per panel.

    Returns:
        The picture.

    Raises:
        ValueError: No models, shapes that do not match, too many subjects, or what `plot_embedding_map` refuses.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> models = [NamedEmbeddings(title=name, embeddings=rng.normal(size=(12, 4))) for name in "AB"]
        >>> picture = plot_embedding_maps(models, subjects=["001", "002"] * 6, perplexity=3)
        >>> [axes.get_title() for axes in picture.axes]
        ['A', 'B']

    Source: van der Maaten and Hinton, JMLR 9, 2008; Fig. 2 of the supplement of the 3DLocal paper.
    """
    if not models:
        raise ValueError("Fig. 2 needs the embeddings of one model at least.")
    subjects = np.asarray(subjects)
    for model in models:
        check_shapes(np.asarray(model.embeddings), subjects, None)
    perplexities = [perplexity] * len(models) if np.ndim(perplexity) == 0 else list(perplexity)
    if len(perplexities) != len(models):
        raise ValueError(f"There are {len(perplexities)} perplexities and {len(models)} panels. Give one, or one each.")
    names = np.unique(subjects)
    styles = styles_of(len(names))
    rows, caption = -(-len(names) // 10), CAPTION if any(model.caption for model in models) else 0.1
    size = len(models) * PANEL + (len(models) - 1) * 0.1, 0.25 + PANEL + caption + LEGEND_ROW * rows
    picture = Picture(size, layout=None)
    for number, model in enumerate(models):
        left, bottom = number * (PANEL + 0.1), size[1] - 0.25 - PANEL
        axes = picture.add_axes((left / size[0], bottom / size[1], PANEL / size[0], PANEL / size[1]))
        features = np.asarray(model.embeddings).reshape(len(subjects), -1)
        points = map_points(features, perplexity=perplexities[number], seed=seed)
        for name, style in zip(names, styles, strict=True):
            area = 16 * SIZES.get(style["marker"], 1)
            axes.scatter(*points[subjects == name].T, s=area, edgecolors="white", linewidths=0.3, **style)
        axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
        axes.spines[:].set(color="0.8", linewidth=0.6)
        axes.set_title(model.title, fontsize=FONT_SIZE + 1, pad=4)
        place = (left + PANEL / 2) / size[0], (bottom - 0.05) / size[1]
        picture.text(*place, model.caption, fontsize=FONT_SIZE, ha="center", va="top", linespacing=1.3)
    handles = [
        Line2D([], [], linestyle="", markersize=4.5 * SIZES.get(style["marker"], 1) ** 0.5, label=str(name), **style)
        for name, style in zip(names, styles, strict=True)
    ]
    picture.legend(
        handles=handles, loc="lower center", ncols=min(10, len(names)), frameon=False, fontsize=7.5, borderpad=0,
        handletextpad=0.1, columnspacing=1.0,
    )  # fmt: skip
    return picture.keep(path)
