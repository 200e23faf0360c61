"""Map of embeddings: t-SNE of walks, coloured by subject."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tf3dlocal.io.types import PathLike
from tf3dlocal.visualization.picture import Picture

# Petroff's ten colours (arXiv:2107.02270), which colour-blind readers can distinguish.
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
SIZES = {"*": 2.2, "P": 1.2, "X": 1.2}  # of an area, so that all markers look equally large
# Fill and edge of the markers of a mark; "{}" is the colour of the subject.
LOOKS = (("{}", "{}"), ("white", "{}"), ("{}", "black"), ("white", "black"))
LONGEST_LEGEND = 20  # subjects; more colours cannot be distinguished
# Up to this number t-SNE is computed exactly: scikit-learn's approximation waits for OpenMP threads in each of 1000
# iterations. With all cores busy it took 22 s for 12 walks, the exact method 0.5 s. On an idle machine the exact method
# takes 2 s for 300 walks and 29 s for 1100.
MOST_WALKS_FOR_EXACT = 400


def plot_embedding_map(
    embeddings: np.ndarray,
    *,
    subjects: Sequence[str],
    path: PathLike | None = None,
    marks: Sequence[str] | None = None,
    seed: int = 0,
    max_subjects: int | None = 10,
    perplexity: float = 30,
    title: str | None = None,
) -> Figure:
    """Plot t-SNE of walks: one point per walk, a colour and a marker per subject, so that it can be read in grey.

    Good embeddings form clusters of one colour.

    Distances are Euclidean over all numbers of a walk. t-SNE preserves neighbourhoods: neither the size of a cluster
    nor the distance between two clusters has a meaning.

    Args:
        embeddings: float [walks, channels] or [walks, parts, channels].
        subjects: Subject of each walk, [walks].
        path: File to write as well; the suffix sets the format.
        marks: Another property of each walk, [walks], shown by fill and edge, such as "nm", "bg", "cl"; up to
            four.
        seed: Random seed of t-SNE.
        max_subjects: Only the first subjects in sorted order are drawn, up to this number; None draws all.
        perplexity: Approximate number of neighbours of a walk; must be less than the number of walks.
        title: Text above the picture; by default the numbers of walks and subjects.

    Returns:
        matplotlib Figure.

    Raises:
        ValueError: Shapes do not match, values are not finite or all equal, there are too few walks for the perplexity,
            or there are more than four marks or 100 subjects.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> figure = plot_embedding_map(rng.normal(size=(12, 4)), subjects=["001", "002"] * 6, perplexity=3)
        >>> figure.axes[0].get_title()
        't-SNE of 12 walks of 2 subjects'

    Source: van der Maaten and Hinton, JMLR 9, 2008; as in Fig. 2 of the supplement of the 3DLocal paper.
    """
    embeddings, subjects = np.asarray(embeddings), np.asarray(subjects)
    marks = None if marks is None else np.asarray(marks)
    check_shapes(embeddings, subjects, marks)
    if max_subjects is not None and max_subjects < 1:
        raise ValueError(f"max_subjects must be at least 1, or None for all subjects, not {max_subjects!r}.")
    all_subjects = np.unique(subjects)
    drawn = all_subjects[:max_subjects]
    chosen = np.isin(subjects, drawn)
    features, subjects = embeddings[chosen].reshape(chosen.sum(), -1), subjects[chosen]
    marks = np.full(len(subjects), "") if marks is None else marks[chosen]
    kinds = list(dict.fromkeys(marks))  # in the caller's order: nm before bg and cl
    if len(kinds) > len(LOOKS):
        raise ValueError(
            f"There are {len(kinds)} different marks ({', '.join(map(str, kinds[:4]))}, ...) and {len(LOOKS)} looks of "
            "a marker. Merge some, such as nm-01, nm-02, ... into nm."
        )
    points = map_points(features, perplexity=perplexity, seed=seed)

    styles = styles_of(len(drawn))
    # One scale for both axes, and a figure whose height fits the map.
    extent_x, extent_y = np.ptp(points, axis=0)
    picture = Picture((7, 0.4 + 5.6 * np.clip(extent_y / extent_x, 0.6, 1)))
    axes = picture.subplots()
    for subject, style in zip(drawn, styles, strict=True):
        for kind, look in zip(kinds, LOOKS, strict=False):
            x, y = points[(subjects == subject) & (marks == kind)].T
            area = (26 if len(kinds) == 1 else 34) * SIZES.get(style["marker"], 1)
            axes.scatter(x, y, area, marker=style["marker"], **_faces(look if len(kinds) > 1 else None, style["color"]))
    axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    axes.spines[:].set_color("0.8")
    number = len(drawn) if len(drawn) == len(all_subjects) else f"{len(drawn)} of {len(all_subjects)}"
    axes.set_title(title or f"t-SNE of {len(points)} walks of {number} subjects", fontsize=10)
    if len(drawn) <= LONGEST_LEGEND:
        add_legend(picture, drawn, styles=styles, title="subject", loc="outside right upper")
    if len(kinds) > 1:
        shown = [
            {"marker": "o", "markerfacecolor": fill.format("0.6"), "markeredgecolor": edge.format("0.4")}
            for fill, edge in LOOKS
        ]
        add_legend(picture, kinds, styles=shown, loc="outside right lower")
    return picture.keep(path)


def _faces(look, color):
    """Return fill and edge of a marker: white edges keep markers apart where there is one look."""
    if look is None:
        return {"color": color, "edgecolors": "white", "linewidths": 0.4}
    fill, edge = (each.format(color) for each in look)
    return {"facecolors": fill, "edgecolors": edge, "linewidths": 1.1}


def styles_of(count: int) -> list[dict[str, str]]:
    """Give each of `count` subjects a colour and a marker; no two share both.

    Raises:
        ValueError: There are more subjects than pairs.

    Example:
        >>> styles_of(2)
        [{'color': '#3f90da', 'marker': 'o'}, {'color': '#ffa90e', 'marker': '^'}]
    """
    num_colors, num_markers = len(SUBJECT_COLORS), len(MARKERS)
    if count > num_colors * num_markers:
        raise ValueError(
            f"There are {count} subjects and {num_colors * num_markers} pairs of a colour and a marker. Draw fewer."
        )
    return [
        {"color": SUBJECT_COLORS[at % num_colors], "marker": MARKERS[(at + at // num_colors) % num_markers]}
        for at in range(count)
    ]


def check_shapes(embeddings: np.ndarray, subjects: np.ndarray, marks: np.ndarray | None) -> None:
    """Check that there is one subject and, if there are marks, one mark per embedding."""
    if embeddings.ndim not in (2, 3) or not embeddings.size:
        raise ValueError(
            "The embeddings must have shape [walks, channels] or [walks, parts, channels], not "
            f"{list(embeddings.shape)}."
        )
    for name, given in (("subjects", subjects), ("marks", marks)):
        if given is not None and given.shape != (len(embeddings),):
            raise ValueError(
                f"{name} must have shape [walks] = [{len(embeddings)}], one per embedding, not {list(given.shape)}."
            )


def map_points(features: np.ndarray, *, perplexity: float, seed: int) -> np.ndarray:
    """Compute t-SNE of float [walks, numbers]: float [walks, 2]."""
    # The import takes a second, which the other pictures do not need.
    from sklearn.manifold import TSNE

    num_walks = len(features)
    if not 0 < perplexity < num_walks:
        raise ValueError(
            f"A perplexity of {perplexity!r} needs more than {perplexity} walks, and {num_walks} are drawn. "
            f"Use perplexity={max(1, (num_walks - 1) // 3)}, or more walks."
        )
    if not np.isfinite(features).all():
        num_broken = (~np.isfinite(features).all(axis=1)).sum()
        raise ValueError(f"{num_broken} of the {num_walks} embeddings have numbers that are not finite.")
    if (features == features[0]).all():
        raise ValueError(f"All {num_walks} embeddings are equal, so there is no map of them. Check the training.")
    start = "pca" if features.shape[1] > 1 else "random"
    method = "exact" if num_walks <= MOST_WALKS_FOR_EXACT else "barnes_hut"
    mapping = TSNE(2, perplexity=perplexity, init=start, method=method, random_state=seed)
    return mapping.fit_transform(features.astype("float32"))


def add_legend(picture: Picture, names: Sequence, *, styles: list[dict], **place) -> None:
    """Draw a legend of names and marker styles at the right of the map."""
    handles = [
        Line2D([], [], linestyle="", markersize=6 * SIZES.get(style["marker"], 1) ** 0.5, label=str(name), **style)
        for name, style in zip(names, styles, strict=False)
    ]
    picture.legend(handles=handles, frameon=False, fontsize=8, title_fontsize=8, alignment="left", **place)
