"""Cross-view identification: each probe is compared with the gallery of one view at a time (rank-k).

For a probe view and a gallery view, a probe is found at rank k if a walk of the same subject is among its k nearest
gallery walks of that view. Without sorting: let d be the distance to the nearest walk of that subject. The place of
the probe is 1 + the number of other subjects' walks at distance <= d. A tie counts against the probe, so embeddings
that have all collapsed to one point score 0 and not 100.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tf3dlocal.evaluation.cross_view_result import CrossViewResult
from tf3dlocal.evaluation.details.comparisons import ComparisonCounter
from tf3dlocal.evaluation.distances import as_parts, check_distance, usable_rows
from tf3dlocal.evaluation.places import NOT_THERE, places
from tf3dlocal.evaluation.protocol import Protocol, load_protocol, shorten_list
from tf3dlocal.evaluation.protocol.fit import unmatched_conditions
from tf3dlocal.evaluation.roles import Roles, as_degrees, assign_roles
from tf3dlocal.io.types import PathLike, Tensor

_MOST_RANKS = 1000


def cross_view(
    embeddings: Tensor,
    *,
    subjects: Tensor,
    conditions: Tensor,
    view_degrees: Tensor,
    protocol: Protocol | PathLike,
    distance: str = "part_mean",
    max_rank: int = 5,
    probes_without_gallery: str | None = None,
    method: str = "this run",
    details: dict | None = None,
    block_size: int = 512,
    workers: int | None = None,
    progress: bool = False,
    comparisons: bool = False,
) -> CrossViewResult:
    """Count how many probes find their own subject, for every pair of a probe view and a gallery view.

    Args:
        embeddings: float [walks, parts, channels] or [walks, channels], of any precision; walks outside the test are
            ignored. A memory-mapped file (`np.load(path, mmap_mode="r")`) is read in chunks and never held as a whole.
        subjects: str [walks].
        conditions: str [walks].
        view_degrees: int [walks], degrees.
        protocol: Protocol, or the name or path of one (see `load_protocol`).
        distance: "part_mean" or "flattened" (see `pairwise_distances`).
        max_rank: The largest k.
        probes_without_gallery: "keep" counts a probe whose subject has no gallery walk in a view as a miss there,
            "drop" does not count it in that pair of views. Default: the protocol's choice.
        method: Name of what is tested, for the rows of the reports.
        details: Further facts for the reports (data set, model, seed).
        block_size: Number of probes at a time. Memory grows with block_size * workers * gallery walks of one view;
            there is never a matrix of all distances.
        workers: Number of threads. Default: one for each core. Time grows with probes * gallery walks in any case.
        progress: Show a progress bar on standard error if the work takes longer than two seconds.
        comparisons: Also keep the answer to each probe, and compute verification and open-set rates; see `Comparisons`.

    Returns:
        CrossViewResult. Its `notices` list what is missing or not counted.

    Raises:
        ProtocolError: If a name of the protocol matches nothing (see `Protocol.check`), or no test subject, gallery
            walk or probe is present.
        ValueError: If the columns have different lengths or a setting is out of its range, or embeddings are not finite
            (the first walk is named).

    Example:
        >>> p = Protocol(name="toy", test="all", gallery=["a"], probes={"B": ["b"]}, identical_views="include")
        >>> columns = {"subjects": ["x", "y", "x", "y"], "conditions": ["a", "a", "b", "b"], "view_degrees": [90] * 4}
        >>> result = cross_view([[0.0], [9.0], [1.0], [2.0]], **columns, protocol=p)
        >>> result.mean(rank=1).tolist(), result.mean(rank=2).tolist()
        ([50.0], [100.0])
    """
    lengths = [len(column) for column in (embeddings, subjects, conditions, view_degrees)]
    if len(set(lengths)) != 1:
        raise ValueError(
            f"embeddings, subjects, conditions and view_degrees have {lengths} rows. Give one row per walk in each."
        )
    protocol, view_degrees = load_protocol(protocol), as_degrees(view_degrees)
    protocol.check(subjects=subjects, conditions=conditions, view_degrees=view_degrees)
    roles = assign_roles(protocol, subjects=subjects, conditions=conditions, view_degrees=view_degrees)
    return identify_probes(
        embeddings,
        roles=roles,
        distance=distance,
        max_rank=max_rank,
        probes_without_gallery=probes_without_gallery,
        method=method,
        details=details,
        block_size=block_size,
        workers=workers,
        progress=progress,
        comparisons=comparisons,
    )


def identify_probes(
    embeddings: Tensor,
    *,
    roles: Roles,
    distance: str = "part_mean",
    max_rank: int = 5,
    probes_without_gallery: str | None = None,
    method: str = "this run",
    details: dict | None = None,
    comparisons: bool = False,
    **search: Any,
) -> CrossViewResult:
    """Count as `cross_view` does, which describes the arguments, for walks whose roles are assigned already.

    `search` are the arguments on how distances are computed: block_size, workers and progress.
    """
    roles.check()
    check_settings(distance=distance, max_rank=max_rank, probes_without_gallery=probes_without_gallery)
    without = probes_without_gallery or roles.protocol.probes_without_gallery
    embeddings = as_parts(embeddings)
    _check_finite(embeddings, roles)
    subject_numbers = np.unique(roles.subjects, return_inverse=True)[1]
    find_places = functools.partial(
        places,
        embeddings,
        subject_numbers=subject_numbers,
        galleries=roles.gallery_rows(),
        as_one_part=distance == "flattened",
        **search,
    )
    counter = None
    if comparisons:
        counter = ComparisonCounter(
            roles, subject_numbers=subject_numbers, find_places=find_places, drop_without_gallery=without == "drop"
        )
    place = find_places(probes=roles.probes, observe=counter)
    counts = _count(place, roles=roles, max_rank=max_rank)
    found = None if counter is None else counter.result(place)
    notices = [*_notices(place, roles=roles, without=without, counts=counts), *(found.notices if found else ())]
    return CrossViewResult(
        protocol=roles.protocol,
        distance=distance,
        groups=tuple(roles.groups),
        views=roles.views,
        **counts,
        split=roles.split,
        probes_without_gallery=without,
        notices=tuple(notices),
        details=dict(details or {}),
        method=method,
        comparisons=found,
    )


def check_settings(*, distance: str, max_rank: int, probes_without_gallery: str | None) -> None:
    """Raise a ValueError for a setting that is not one; called before walks are embedded, which takes the time."""
    check_distance(distance)
    if isinstance(max_rank, bool) or not isinstance(max_rank, int | np.integer) or not 1 <= max_rank <= _MOST_RANKS:
        raise ValueError(f"max_rank is {max_rank!r}. Give the largest k of rank-k, from 1 to {_MOST_RANKS}.")
    if probes_without_gallery not in (None, "keep", "drop"):
        raise ValueError(f"probes_without_gallery is {probes_without_gallery!r}. Use 'keep' or 'drop'.")


def _count(place: np.ndarray, *, roles: Roles, max_rank: int) -> dict[str, np.ndarray]:
    """Count hits, probes and gallery walks by view: the arrays of a `CrossViewResult`."""
    probes, labels = roles.probes, roles.labels
    shape = (len(roles.groups), len(roles.views), len(roles.views))
    hits = np.zeros((max_rank, *shape), np.int64)
    num_without = np.zeros(shape, np.int64)
    num_probes = np.zeros(shape[:2], np.int64)
    for g, members in enumerate(roles.groups.values()):
        for v, view in enumerate(roles.views):
            rows = place[members[probes] & (labels[probes] == view)]
            num_probes[g, v] = len(rows)
            num_without[g, v] = (rows == NOT_THERE).sum(axis=0)
            for k in range(max_rank):
                hits[k, g, v] = ((rows != NOT_THERE) & (rows <= k)).sum(axis=0)
    num_gallery = np.array([len(rows) for rows in roles.gallery_rows()], np.int64)
    return {
        "hits": hits,
        "num_probes": num_probes,
        "num_without_gallery": num_without,
        "num_gallery": num_gallery,
    }


def _notices(place: np.ndarray, *, roles: Roles, without: str, counts: dict[str, np.ndarray]) -> Iterator[str]:
    protocol, split = roles.protocol, roles.split
    num_probes, num_without, num_gallery = (
        counts[name] for name in ("num_probes", "num_without_gallery", "num_gallery")
    )
    if split.missing_test:
        named = len(split.test) + len(split.missing_test)
        yield (
            f"{len(split.test)} of the protocol's {named} test subjects are in the data set; missing: "
            f"{shorten_list(split.missing_test)}. With fewer subjects the task is easier than the published one."
        )
    if roles.num_other_views:
        other = np.isin(roles.subjects, split.test) & np.array([label is None for label in roles.labels], bool)
        views = shorten_list(np.unique(roles.view_degrees[other]))
        yield (
            f"{roles.num_other_views} walks of the test subjects are from views outside the protocol ({views}): not "
            "used."
        )
    tested = roles.conditions[roles.tested]
    names = {"gallery": protocol.gallery}
    names |= {f"group {group}": protocol.probes[group] for group, count in zip(roles.groups, num_probes) if count.any()}
    for key, patterns in names.items():
        if absent := unmatched_conditions(patterns, conditions=tested):
            yield f"{key}: no walk of a test subject is {shorten_list(absent)}."
    yield from _empty_views(roles.views, num_gallery=num_gallery, num_probes=num_probes.sum(axis=0))
    empty = [group for group, count in zip(roles.groups, num_probes.sum(axis=1), strict=True) if count == 0]
    if empty:
        conditions = [name for group in empty for name in protocol.probes[group]]
        yield f"group{'s' * (len(empty) > 1)} {', '.join(empty)}: no probe walk ({', '.join(conditions)})."
    if total := int(num_without[:, :, num_gallery > 0].sum()):
        verb = "counted as misses" if without == "keep" else "not counted"
        yield (
            f"{total} pairs of a probe and a gallery view lack a gallery walk of the subject in that view: {verb}. "
            f"Subjects and views: {shorten_list(_lacking(place, roles=roles, num_gallery=num_gallery))}."
        )
    yield from _certain_hits(roles)
    alone = sorted(set(roles.subjects[roles.probes[(place == NOT_THERE).all(axis=1)]]))
    if alone:
        yield f"{len(alone)} probe subjects have no gallery walk in any view: {shorten_list(alone)}."
    if len(roles.views) == 1 and protocol.identical_views == "exclude":
        yield (
            f"there is only one view ({roles.views[0]}), so the mean that excludes identical views does not exist; "
            "read the mean that includes them."
        )


def _certain_hits(roles: Roles) -> Iterator[str]:
    """Yield a sentence if a probe has nobody to be confused with: then it is a hit whatever the model does."""
    walkers = [set(roles.subjects[rows]) for rows in roles.gallery_rows()]
    alone = {view: names for view, names in zip(roles.views, walkers) if len(names) == 1}
    certain = {view: names for view, names in alone.items() if names & set(roles.subjects[roles.probes])}
    if not certain:
        return
    subjects, all_views = sorted(set().union(*certain.values())), len(certain) == sum(map(bool, walkers))
    if all_views and len(subjects) == 1:
        where = f"All gallery walks are of one subject ({subjects[0]})"
    else:
        where = f"In the gallery view{'s' * (len(certain) > 1)} {shorten_list(certain)} all walks are of one subject"
        where += f" ({shorten_list(subjects)})"
    yield (
        f"{where}, so each probe of that subject is a hit there whatever the model does. Rank-1 says nothing about the "
        "model then: test at least two subjects in each gallery view."
    )


def _empty_views(views: Sequence[int | str], *, num_gallery: np.ndarray, num_probes: np.ndarray) -> Iterator[str]:
    """Yield one sentence for all views without a walk, and one each for those that lack gallery or probes only."""
    no_gallery, no_probe = num_gallery == 0, num_probes == 0
    for which, what in (
        (no_gallery & no_probe, "no walk of a test subject; not part of the means"),
        (no_gallery & ~no_probe, "no gallery walk, so no probe can be found there; not part of the means"),
        (no_probe & ~no_gallery, "no probe walk; not part of the means as probe views"),
    ):
        found = [view for view, is_empty in zip(views, which, strict=True) if is_empty]
        if found:
            several = f" ({len(found)} of {len(views)})" if len(found) > 1 else ""
            yield f"view{'s' * bool(several)} {shorten_list(found)}{several}: {what}."


def _lacking(place: np.ndarray, *, roles: Roles, num_gallery: np.ndarray) -> Iterator[str]:
    """Yield each probe subject that lacks a gallery walk in some view, with these views, such as "026 (18, 36)"."""
    lacks = (place == NOT_THERE) & (num_gallery > 0)
    subjects = roles.subjects[roles.probes]
    for subject in np.unique(subjects[lacks.any(axis=1)]):
        columns = np.flatnonzero(lacks[subjects == subject].any(axis=0))
        yield f"{subject} ({shorten_list(roles.views[column] for column in columns)})"


def _check_finite(embeddings: np.ndarray, roles: Roles) -> None:
    usable = usable_rows(embeddings)
    if not usable.all():
        first = int(np.flatnonzero(~usable)[0])
        walk = f"{roles.subjects[first]} {roles.conditions[first]} {roles.view_degrees[first]:03d}"
        raise ValueError(
            f"{int((~usable).sum())} of {len(usable)} embeddings are not finite, or too large for distances in float32."
            f" The first is walk {walk}. Check this walk, and whether the model has diverged."
        )
