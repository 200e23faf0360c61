"""A map of embeddings: who lies near whom."""

import numpy as np
from matplotlib import colormaps
from matplotlib.lines import Line2D

from tf3dlocal.visualization.picture import Picture

# Petroff's ten colours (arXiv:2107.02270), made to be told apart by colour-blind people and to be called by name.
SUBJECT_COLORS = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
MARKERS = "o^sDvPX*<>"
LONGEST_LEGEND = 20  # subjects; more colours than this nobody tells apart
# Up to here t-SNE is computed plainly: scikit-learn's fast form waits for OpenMP threads in each of 1000 rounds, and
# where all cores are busy 12 walks took it 22 s, and 0.5 s plainly. Alone, plain takes 2 s for 300 walks, 29 s for 1100.
MOST_WALKS_FOR_PLAIN = 400


def plot_embedding_map(embeddings, subjects, path=None, marks=None, seed=0, max_subjects=10, perplexity=30, title=None):
    """t-SNE of walks: one point per walk, one colour per subject. Good embeddings lie in clusters of one colour.

    Distances are Euclidean over all numbers of a walk. t-SNE keeps neighbourhoods: neither the size of a cluster nor the
    distance of two clusters means anything.

    Args:
        embeddings: float [walks, channels] or [walks, parts, channels].
        subjects: who each walk is, [walks].
        path: file to write as well; the suffix names the format.
        marks: a further property of each walk, [walks], shown by the marker; such as "nm", "bg", "cl".
        seed: draws the course of the descent.
        max_subjects: only the first so many subjects in sorted order; None for all.
        perplexity: how many neighbours a walk has, about; below the number of walks.
        title: text above the picture; by default the numbers of walks and subjects.

    Returns:
        matplotlib Figure.

    Raises:
        ValueError: shapes that do not fit, values that are not finite or all alike, too few walks for the perplexity,
            or more marks than markers.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> figure = plot_embedding_map(rng.normal(size=(12, 4)), ["001", "002"] * 6, perplexity=3)
        >>> figure.axes[0].get_title()
        't-SNE of 12 walks of 2 subjects'

    Source: van der Maaten and Hinton, JMLR 9, 2008; as in Fig. 2 of the supplement of the 3DLocal paper.
    """
    embeddings, subjects = np.asarray(embeddings), np.asarray(subjects)
    marks = None if marks is None else np.asarray(marks)
    check_shapes(embeddings, subjects, marks)
    if max_subjects is not None and max_subjects < 1:
        raise ValueError(f"max_subjects must be at least 1, or None for all, not {max_subjects}")
    everybody = np.unique(subjects)
    drawn = everybody[:max_subjects]
    chosen = np.isin(subjects, drawn)
    features, subjects = embeddings[chosen].reshape(chosen.sum(), -1), subjects[chosen]
    marks = np.full(len(subjects), "") if marks is None else marks[chosen]
    kinds = list(dict.fromkeys(marks))  # in the caller's order: nm before bg and cl
    if len(kinds) > len(MARKERS):
        raise ValueError(
            f"there are {len(kinds)} different marks and {len(MARKERS)} markers; join some, such as the "
            f"conditions nm-01, nm-02 .. as nm: {', '.join(map(str, kinds[:4]))} .."
        )
    points = map_points(features, perplexity, seed)

    colors = SUBJECT_COLORS
    if len(drawn) > len(colors):
        colors = colormaps["turbo"](np.linspace(0.03, 0.97, len(drawn)))
    # One scale for both axes, and a figure as high as the map has need of.
    extent_x, extent_y = np.ptp(points, axis=0)
    picture = Picture(7, 0.4 + 5.6 * np.clip(extent_y / extent_x, 0.6, 1))
    axes = picture.subplots()
    for subject, color in zip(drawn, colors, strict=False):
        for kind, marker in zip(kinds, MARKERS, strict=False):
            x, y = points[(subjects == subject) & (marks == kind)].T
            axes.scatter(x, y, 26, color=color, marker=marker, edgecolors="white", linewidths=0.4)
    axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    axes.spines[:].set_color("0.8")
    number = len(drawn) if len(drawn) == len(everybody) else f"{len(drawn)} of {len(everybody)}"
    axes.set_title(title or f"t-SNE of {len(points)} walks of {number} subjects", fontsize=10)

    def legend(names, handles, **place):
        handles = [
            Line2D([], [], linestyle="", markersize=6, label=str(name), **style)
            for name, style in zip(names, handles, strict=False)
        ]
        picture.legend(handles=handles, frameon=False, fontsize=8, title_fontsize=8, alignment="left", **place)

    if len(drawn) <= LONGEST_LEGEND:
        legend(drawn, [{"color": color, "marker": "o"} for color in colors], title="subject", loc="outside right upper")
    if len(kinds) > 1:
        legend(kinds, [{"color": "0.4", "marker": marker} for marker in MARKERS], loc="outside right lower")
    return picture.keep(path)


def map_points(features, perplexity, seed):
    """t-SNE of float [walks, numbers]: float [walks, 2]."""
    # A second to import, which the other pictures need not wait for.
    from sklearn.manifold import TSNE

    num_walks = len(features)
    if not 0 < perplexity < num_walks:
        raise ValueError(
            f"a perplexity of {perplexity} needs more than {perplexity} walks, and {num_walks} are drawn: "
            f"give perplexity={max(1, (num_walks - 1) // 3)}, or more walks"
        )
    if not np.isfinite(features).all():
        num_broken = (~np.isfinite(features).all(axis=1)).sum()
        raise ValueError(f"{num_broken} of the {num_walks} embeddings hold numbers that are not finite")
    if (features == features[0]).all():
        raise ValueError(f"all {num_walks} embeddings are alike, so there is no map of them; is the model trained?")
    start = "pca" if features.shape[1] > 1 else "random"
    method = "exact" if num_walks <= MOST_WALKS_FOR_PLAIN else "barnes_hut"
    mapping = TSNE(2, perplexity=perplexity, init=start, method=method, random_state=seed)
    return mapping.fit_transform(features.astype("float32"))


def check_shapes(embeddings, subjects, marks):
    """One subject, and one mark if there are any, for each embedding."""
    if embeddings.ndim not in (2, 3) or not embeddings.size:
        raise ValueError(
            f"embeddings must be [walks, channels] or [walks, parts, channels], not {list(embeddings.shape)}"
        )
    for name, given in (("subjects", subjects), ("marks", marks)):
        if given is not None and given.shape != (len(embeddings),):
            raise ValueError(
                f"{name} must be [walks] = [{len(embeddings)}], one for each embedding, not {list(given.shape)}"
            )
