"""Cross-view identification: each probe against the gallery of one view at a time (rank-k).

For a probe view and a gallery view, a probe is found at rank k if a walk of its own subject is among its k nearest
gallery walks of that view. Without sorting: let d be the distance to the nearest walk of the own subject; the probe's
place is 1 + the number of other subjects' walks at distance <= d. A tie counts against the probe, so embeddings that
have all collapsed onto one point score 0 and not 100.
"""

import numpy as np

from tf3dlocal.evaluation.cross_view_result import CrossViewResult
from tf3dlocal.evaluation.distances import as_parts, check_distance
from tf3dlocal.evaluation.places import NOT_THERE, places
from tf3dlocal.evaluation.protocol import Protocol, ProtocolError, SubjectSplit, load_protocol, match_conditions
from tf3dlocal.evaluation.subject_ids import shorten_list

_ROWS_AT_ONCE = 1024

# Squared distances are at most 16 times that and stay below the largest float32, 3.4e38.
_LARGEST_SQUARE = 1e37


def cross_view(
    embeddings,
    subjects,
    conditions,
    view_degrees,
    protocol: Protocol | str,
    distance: str = "part_mean",
    max_rank: int = 5,
    probes_without_gallery: str | None = None,
    details: dict | None = None,
    split: SubjectSplit | None = None,
    block_size: int = 512,
    workers: int | None = None,
    progress: bool = False,
) -> CrossViewResult:
    """Count how many probes find their own subject, for every pair of a probe view and a gallery view.

    Args:
      embeddings: float [walks, parts, channels] or [walks, channels], of any precision; walks outside the test are passed
        over. A memory-mapped file (`np.load(path, mmap_mode="r")`) is read in chunks and never held as a whole.
      subjects, conditions: str [walks]. view_degrees: int [walks], degrees.
      protocol: a Protocol, the name of one, or a path.
      distance: "part_mean" or "flattened" (see `distances`).
      max_rank: the largest k.
      probes_without_gallery: "keep" counts a probe whose subject has no gallery walk in a view as a miss there,
        "drop" leaves it out of that pair of views. Default: the protocol's choice.
      details: what the reports should name as well (data set, model, seed).
      split: who is tested, where the walks given are only a part of the data set. Default: split these walks' subjects.
      block_size: probes at a time; memory grows with block_size * workers * gallery walks of one view. There is never a
        matrix of all distances.
      workers: threads; None takes one for each core. Time grows with probes * gallery walks, whatever is chosen here.
      progress: show a bar on standard error where it takes longer than two seconds.

    Returns: CrossViewResult; what is missing or left out stands in its `notices`.

    Raises:
      ProtocolError: no test subject, no gallery walk or no probe walk is present.
      ValueError: columns of different length, embeddings that are not finite (the first walk is named).

    Example:
      >>> p = Protocol(name="toy", test="all", gallery=["a"], probes={"B": ["b"]}, identical_views="include")
      >>> result = cross_view([[0.0], [9.0], [1.0], [2.0]], ["x", "y", "x", "y"], ["a", "a", "b", "b"], [90] * 4, p)
      >>> result.mean(rank=1).tolist(), result.mean(rank=2).tolist()
      ([50.0], [100.0])
    """
    protocol = load_protocol(protocol)
    check_distance(distance)
    without = probes_without_gallery or protocol.probes_without_gallery
    if without not in ("keep", "drop"):
        raise ValueError(f"probes_without_gallery is '{without}'; take keep or drop")
    embeddings = as_parts(embeddings)
    subjects, conditions = np.asarray(subjects, str), np.asarray(conditions, str)
    view_degrees = np.asarray(view_degrees, int)
    _check_columns(embeddings, subjects, conditions, view_degrees)

    roles = _Roles(protocol, subjects, conditions, view_degrees, split)
    place = places(
        embeddings,
        np.unique(subjects, return_inverse=True)[1],
        roles.probes,
        [np.flatnonzero(roles.gallery & (roles.labels == view)) for view in roles.views],
        as_one_part=distance == "flattened",
        block_size=block_size,
        workers=workers,
        progress=progress,
    )
    return _count(place, roles, protocol, distance, max_rank, without, details)


def check_roles(subjects, conditions, view_degrees, protocol: Protocol, split: SubjectSplit | None = None) -> None:
    """Raise the ProtocolError that `cross_view` would raise for these walks, before anything is embedded."""
    _Roles(protocol, np.asarray(subjects, str), np.asarray(conditions, str), np.asarray(view_degrees, int), split)


class _Roles:
    """Which walks are gallery and which are probes of which group."""

    def __init__(self, protocol, subjects, conditions, view_degrees, split=None):
        self.subjects = subjects
        self.split = split or protocol.split(subjects)
        self.labels = protocol.view_labels(view_degrees)
        tested = np.isin(subjects, self.split.test)
        in_view = np.array([label is not None for label in self.labels], bool)
        self.num_other_views = int((tested & ~in_view).sum())
        tested &= in_view
        self.views = protocol.ordered_view_labels(view_degrees[tested])
        self.gallery = tested & match_conditions(conditions, protocol.gallery)
        self.members = {}
        for group, patterns in protocol.probes.items():
            member = tested & match_conditions(conditions, patterns)
            self.members[group] = member if protocol.leave_one_out else member & ~self.gallery
        self.probes = np.flatnonzero(np.any(list(self.members.values()), axis=0))
        present = (
            f"the test subjects' walks here have {shorten_list(sorted(set(conditions[tested]))) or 'no walk at all'}"
        )
        if not self.gallery.any():
            raise ProtocolError(
                f"protocol '{protocol.name}' has no gallery in this data set: it wants {', '.join(protocol.gallery)}, "
                f"but {present}; prepare the missing walks or name the conditions that are there in a protocol file"
            )
        if len(self.probes) == 0:
            wanted = ", ".join(name for patterns in protocol.probes.values() for name in patterns)
            raise ProtocolError(
                f"protocol '{protocol.name}' has no probes in this data set: it wants {wanted}, but {present}"
            )


def _count(place, roles, protocol, distance, max_rank, without, details) -> CrossViewResult:
    groups, views = tuple(roles.members), roles.views
    shape = (len(groups), len(views), len(views))
    hits = np.zeros((max_rank, *shape), np.int64)
    num_without = np.zeros(shape, np.int64)
    num_probes = np.zeros(shape[:2], np.int64)
    for g, group in enumerate(groups):
        for v, view in enumerate(views):
            rows = place[roles.members[group][roles.probes] & (roles.labels[roles.probes] == view)]
            num_probes[g, v] = len(rows)
            num_without[g, v] = (rows == NOT_THERE).sum(axis=0)
            for k in range(max_rank):
                hits[k, g, v] = ((rows != NOT_THERE) & (rows <= k)).sum(axis=0)
    num_gallery = np.array([(roles.gallery & (roles.labels == view)).sum() for view in views], np.int64)
    return CrossViewResult(
        protocol=protocol,
        distance=distance,
        groups=groups,
        views=views,
        hits=hits,
        num_probes=num_probes,
        num_without_gallery=num_without,
        num_gallery=num_gallery,
        split=roles.split,
        probes_without_gallery=without,
        notices=tuple(_notices(place, roles, protocol, without, num_probes, num_without, num_gallery)),
        details=dict(details or {}),
    )


def _notices(place, roles, protocol, without, num_probes, num_without, num_gallery):
    split = roles.split
    if split.missing_test:
        named = len(split.test) + len(split.missing_test)
        yield (
            f"{len(split.test)} of the protocol's {named} test subjects are in the data set; missing: "
            f"{shorten_list(split.missing_test)}. With fewer subjects the task is easier than the published one."
        )
    if roles.num_other_views:
        yield f"{roles.num_other_views} walks of the test subjects are from views outside the protocol: left out."
    for view, count, total in zip(roles.views, num_gallery, num_probes.sum(axis=0)):
        if count == 0:
            yield f"view {view}: no gallery walk, so nothing can be found there; left out of the means."
        if total == 0:
            yield f"view {view}: no probe walk; this probe view is left out of the means."
    for group, count in zip(roles.members, num_probes.sum(axis=1)):
        if count == 0:
            yield f"group {group}: no probe walk ({', '.join(protocol.probes[group])})."
    if total := int(num_without[:, :, num_gallery > 0].sum()):
        verb = "counted as misses" if without == "keep" else "left out"
        yield f"{total} pairs of a probe and a gallery view lack a gallery walk of the subject in that view: {verb}."
    alone = sorted(set(roles.subjects[roles.probes[(place == NOT_THERE).all(axis=1)]]))
    if alone:
        yield f"{len(alone)} probe subjects have no gallery walk in any view: {shorten_list(alone)}."
    if len(roles.views) == 1 and protocol.identical_views == "exclude":
        yield (
            f"there is one view only ({roles.views[0]}), so the mean with identical views excluded does not exist; "
            "read the mean with identical views included."
        )


def _check_columns(embeddings, subjects, conditions, view_degrees) -> None:
    lengths = [len(embeddings), len(subjects), len(conditions), len(view_degrees)]
    if len(set(lengths)) != 1:
        raise ValueError(
            f"embeddings, subjects, conditions and view_degrees have {lengths} walks; one of each is needed"
        )
    usable = np.ones(len(embeddings), bool)
    for start in range(0, len(embeddings), _ROWS_AT_ONCE):
        rows = np.asarray(embeddings[start : start + _ROWS_AT_ONCE], np.float64)
        usable[start : start + _ROWS_AT_ONCE] = np.einsum("npc,npc->n", rows, rows) < _LARGEST_SQUARE
    if not usable.all():
        first = int(np.flatnonzero(~usable)[0])
        raise ValueError(
            f"{int((~usable).sum())} of {len(usable)} embeddings are not finite, or too large for distances in float32; the "
            f"first is walk {subjects[first]} {conditions[first]} {view_degrees[first]:03d}; the model has diverged or met "
            "a bad walk"
        )
