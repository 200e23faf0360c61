"""Supplement Fig. 2 of two runs: t-SNE of the same walks, with the numbers that a map of them cannot give."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import threadpoolctl

from tf3dlocal.data import WalkDataset
from tf3dlocal.evaluation import embed_walks, interval_notice
from tf3dlocal.io import check_seed, check_whole
from tf3dlocal.io.types import PathLike
from tf3dlocal.supplement.grouping import Grouping, interval, measure_grouping
from tf3dlocal.supplement.sources import Source
from tf3dlocal.visualization import NamedEmbeddings, plot_embedding_maps

PERPLEXITY, NUM_SUBJECTS = 30, 10
FEWEST_WALKS = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Seen:
    source: Source
    title: str
    embeddings: np.ndarray
    grouping: Grouping


def figure_2(
    run: PathLike,
    *,
    compare_with: PathLike,
    data: PathLike | None = None,
    out: PathLike = "figure_2.png",
    num_subjects: int | None = None,
    subjects: Sequence[str] | None = None,
    conditions: Sequence[str] | None = None,
    views: Sequence[int] | None = None,
    seed: int = 0,
    progress: bool = True,
) -> dict:
    """Draw t-SNE of the same walks by two models side by side, each with two scores of what the eye sees.

    The scores are those of `measure_grouping` for the walks that are drawn, with 95 % bootstrap intervals over the
    subjects. The difference of the models is paired: it has a separate interval, which is the one to look at.

    Args:
        run: Run folder or .keras file, such as of a 3DLocal.
        compare_with: The other one, such as of a GaitPart.
        data: Prepared data set; that of the run's config by default.
        out: The picture.
        num_subjects: Number of test subjects that are drawn, the first in the order of their names; 10 by default.
        subjects: These subjects instead.
        conditions: Only these, such as ["nm"]; all by default.
        views: Only these, in degrees; all by default.
        seed: Random seed of t-SNE and of the bootstrap.
        progress: Show a progress bar on standard error.

    Returns:
        The numbers: {"walks", "subjects", "models": [{"name", "silhouette", "nearest", ..}, ..], "difference": {..},
        "notices", "sentence"}. An interval is None over fewer than three subjects; "notices" say so, and warn of
        intervals over few.

    Raises:
        ValueError: There are too few subjects or walks, no subject is new to both models, the models and the data set
            do not fit, `num_subjects` is given with `subjects`, or `seed` is no whole number from 0 to 2^32 - 1.
    """
    check_seed(seed)
    if num_subjects is not None:
        check_whole(num_subjects, name="num_subjects", least=1)
        if subjects is not None:
            raise ValueError("Give the subjects themselves or their number, not both.")
    sources = [Source.of(run), Source.of(compare_with)]
    walks = _drawn(sources, walks=sources[0].walks(data), count=num_subjects or NUM_SUBJECTS, subjects=subjects)
    walks = walks.select(conditions=conditions, views=views)
    if len(walks) < FEWEST_WALKS:
        raise ValueError(
            f"There are {len(walks)} walks, and t-SNE needs {FEWEST_WALKS} or more. Select more with --subject, "
            "--condition and --views."
        )
    columns = {"subjects": walks.subjects, "views": walks.view_degrees}
    measure_grouping(np.zeros((len(walks), 1)), **columns)  # raises if it cannot be measured
    titles = [source.method for source in sources]
    if titles[0] == titles[1]:
        titles = [f"{source.method}, {source.name}" for source in sources]
    seen, loaded = [], [source.model() for source in sources]  # both, before anything is embedded
    for source, model, title in zip(sources, loaded, titles, strict=True):
        with source.named_in_errors():
            embeddings = embed_walks(model, walks=walks, progress=progress)
        grouping = measure_grouping(embeddings, **columns)
        seen.append(_Seen(source=source, title=title, embeddings=embeddings, grouping=grouping))
    found = _numbers(seen, walks=walks, seed=seed)
    models = [
        NamedEmbeddings(
            title=each.title, embeddings=each.embeddings, caption=_caption(numbers, num_subjects=len(found["subjects"]))
        )
        for each, numbers in zip(seen, found["models"], strict=True)
    ]
    perplexity = min(PERPLEXITY, (len(walks) - 1) / 3)
    with threadpoolctl.threadpool_limits(1):  # its thousand iterations wait for threads where cores are busy
        plot_embedding_maps(models, subjects=walks.subjects, path=out, seed=seed, perplexity=perplexity)
    found["sentence"] = f"{out}: {_sentence(found)}"
    return found


def _drawn(sources: Sequence[Source], *, walks: WalkDataset, count: int, subjects: Sequence[str] | None) -> WalkDataset:
    """Select the given subjects, or the first that neither model was trained on."""
    if subjects is not None:
        return walks.select(subjects=subjects)
    first, second = (source.test_subjects(walks) for source in sources)
    new = [name for name in first if name in set(second)]
    if not new:
        raise ValueError(
            f"Every subject of {walks.name!r} has trained {sources[0].name} or {sources[1].name}. Name subjects with "
            "--subject, or give another data set."
        )
    return walks.select(subjects=new[:count])


def _numbers(seen, *, walks, seed):
    draws = [each.grouping.resampled(seed=seed) for each in seen]
    models = []
    for each, drawn in zip(seen, draws, strict=True):
        silhouette, nearest = _known(interval(drawn))
        models.append({
            "name": each.title,
            "run": str(each.source.path),
            "silhouette": each.grouping.silhouette,
            "silhouette_interval": silhouette,
            "nearest": each.grouping.nearest,
            "nearest_interval": nearest,
        })  # fmt: skip
    silhouette, nearest = _known(interval(draws[0] - draws[1]))
    first, second = (each.grouping for each in seen)
    return {
        "data_set": walks.name,
        "walks": len(walks),
        "subjects": walks.subject_names,
        "models": models,
        "difference": {
            "silhouette": first.silhouette - second.silhouette,
            "silhouette_interval": silhouette,
            "nearest": first.nearest - second.nearest,
            "nearest_interval": nearest,
        },
        "seed": seed,
        "notices": interval_notice(len(walks.subject_names)),
    }


def _known(intervals):
    """Return intervals as lists; None for those that do not exist."""
    return [None if np.isnan(ends).any() else ends.tolist() for ends in intervals]


def _in_brackets(ends, form, *, scale=1):
    """Return an interval as text, such as " (0.10 to 0.25)"; nothing if it does not exist."""
    if ends is None:
        return ""
    low, high = (format(scale * end, form) for end in ends)
    return f" ({low} to {high})"


def _caption(numbers, *, num_subjects):
    return (
        f"silhouette score {numbers['silhouette']:z.2f}{_in_brackets(numbers['silhouette_interval'], 'z.2f')}\n"
        f"nearest neighbour right {100 * numbers['nearest']:.1f} %"
        f"{_in_brackets(numbers['nearest_interval'], '.1f', scale=100)}\n"
        + (f"in brackets: 95 % intervals over {num_subjects} subjects" if numbers["nearest_interval"] else "")
    )


def _sentence(found):
    first, second = (model["name"] for model in found["models"])
    difference = found["difference"]
    brackets = "; in brackets 95 % bootstrap intervals over the subjects" if difference["nearest_interval"] else ""
    told = (
        f"{found['walks']} walks of {len(found['subjects'])} subjects of {found['data_set']}. {first} minus {second}: "
        f"silhouette score {difference['silhouette']:+z.3f}{_in_brackets(difference['silhouette_interval'], '+z.3f')}, "
        f"nearest neighbour right {100 * difference['nearest']:+z.1f} points"
        f"{_in_brackets(difference['nearest_interval'], '+z.1f', scale=100)}{brackets}."
    )
    return " ".join([told, *found["notices"]])
