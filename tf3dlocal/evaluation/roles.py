"""Which walks of a data set are gallery and which are probes under a protocol."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tf3dlocal.evaluation.protocol import Protocol, ProtocolError, SubjectSplit, shorten_list
from tf3dlocal.io import matches_leading_word
from tf3dlocal.io.types import Tensor


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Gallery and probes among some walks, as `assign_roles` makes them.

    Attributes:
        protocol: Protocol of the test.
        split: Training and test subjects.
        subjects: str [walks].
        conditions: str [walks].
        view_degrees: int [walks], degrees.
        labels: object [walks], the label of each walk's view; None outside the protocol.
        tested: bool [walks], walks of the test subjects in the protocol's views.
        views: Labels of the views, in the order of the table.
        gallery: bool [walks].
        groups: bool [walks] for each probe group: which walks are its probes.
        num_other_views: Number of walks of the test subjects from views outside the protocol.
    """

    protocol: Protocol
    split: SubjectSplit
    subjects: np.ndarray
    conditions: np.ndarray
    view_degrees: np.ndarray
    labels: np.ndarray
    tested: np.ndarray
    views: tuple[int | str, ...]
    gallery: np.ndarray
    groups: dict[str, np.ndarray]
    num_other_views: int

    @property
    def probes(self) -> np.ndarray:
        """Rows of the walks that are a probe of any group: int [probes]."""
        return np.flatnonzero(np.any(list(self.groups.values()), axis=0))

    def gallery_rows(self) -> list[np.ndarray]:
        """Rows of the gallery walks of each view, in the order of `views`."""
        return [np.flatnonzero(self.gallery & (self.labels == view)) for view in self.views]

    @property
    def measurable(self) -> bool:
        """Whether some probe has a gallery walk of its subject in a view that counts for the protocol's mean."""
        gallery_of = {}
        for row in np.flatnonzero(self.gallery):
            gallery_of.setdefault(self.subjects[row], []).append(row)
        same_view_counts = self.protocol.identical_views == "include"
        return any(
            row != probe and (same_view_counts or self.labels[row] != self.labels[probe])
            for probe in self.probes
            for row in gallery_of.get(self.subjects[probe], ())
        )

    @property
    def why_not_measurable(self) -> str:
        """Reason why no mean exists or every probe is a miss, as part of a sentence; "" where `measurable`."""
        if missing := self._missing():
            return missing
        if self.measurable:
            return ""
        return f"no probe ({', '.join(self.groups)}) has a gallery walk in a view that counts"

    def check(self) -> None:
        """Raise an error if there is no gallery walk or no probe.

        Raises:
            ProtocolError: The message names the conditions that the protocol expects and those that are present.
        """
        if missing := self._missing():
            raise ProtocolError(
                f"In this data set {missing}. Prepare the missing walks, or name the conditions that are present in a "
                "protocol file."
            )

    def _missing(self) -> str:
        if not self.gallery.any():
            role, patterns = "gallery", self.protocol.gallery
        elif len(self.probes) == 0:
            role, patterns = "probes", [name for names in self.protocol.probes.values() for name in names]
        else:
            return ""
        present = shorten_list(sorted(set(self.conditions[self.tested]))) or "no walk at all"
        return (
            f"protocol {self.protocol.name!r} has no {role}: it expects {', '.join(patterns)}, but the walks of the "
            f"test subjects have {present}"
        )


def assign_roles(
    protocol: Protocol,
    *,
    subjects: Tensor,
    conditions: Tensor,
    view_degrees: Tensor,
    split: SubjectSplit | None = None,
) -> Roles:
    """Assign the roles of a protocol to walks. A missing gallery is no error here; see `Roles.check`.

    Args:
        protocol: Protocol of the test.
        subjects: str [walks].
        conditions: str [walks].
        view_degrees: int [walks], degrees.
        split: Training and test subjects, if the walks are only a part of the data set. Default: that of these walks.

    Raises:
        ProtocolError: If no test subject is present.

    Example:
        >>> protocol = Protocol(name="toy", test="all", gallery=["a"], probes={"B": ["b"]})
        >>> roles = assign_roles(protocol, subjects=["x", "x"], conditions=["a", "b"], view_degrees=[0, 90])
        >>> roles.gallery.tolist(), roles.probes.tolist(), roles.measurable
        ([True, False], [1], True)
    """
    subjects, conditions = np.asarray(subjects, str), np.asarray(conditions, str)
    view_degrees = as_degrees(view_degrees)
    split = split or protocol.split(subjects)
    labels = protocol.view_labels(view_degrees)
    of_test_subjects = np.isin(subjects, split.test)
    in_views = np.array([label is not None for label in labels], bool)
    tested = of_test_subjects & in_views
    gallery = tested & match_conditions(conditions, patterns=protocol.gallery)
    groups = {}
    for group, patterns in protocol.probes.items():
        probes = tested & match_conditions(conditions, patterns=patterns)
        groups[group] = probes if protocol.leave_one_out else probes & ~gallery
    return Roles(
        protocol=protocol,
        split=split,
        subjects=subjects,
        conditions=conditions,
        view_degrees=view_degrees,
        labels=labels,
        tested=tested,
        views=protocol.ordered_view_labels(view_degrees[tested]),
        gallery=gallery,
        groups=groups,
        num_other_views=int((of_test_subjects & ~in_views).sum()),
    )


def as_degrees(view_degrees: Tensor) -> np.ndarray:
    """Return views as int [walks].

    Raises:
        ValueError: A view is not a whole number of degrees.
    """
    found = np.asarray(view_degrees)
    if found.dtype.kind not in "iuf" and found.size:
        raise ValueError(f"view_degrees has {found.ravel()[0]!r}. Give whole numbers of degrees, such as 90.")
    wrong = ~np.isfinite(found) | (found != np.round(found)) if found.dtype.kind == "f" else np.zeros(found.shape, bool)
    if wrong.any():
        raise ValueError(f"view_degrees has {found[wrong][0]}. Give whole numbers of degrees, such as 90.")
    return found.astype(int)


def match_conditions(conditions: Tensor, *, patterns: Iterable[str]) -> np.ndarray:
    """Find the walks whose condition matches one of the patterns: bool [walks].

    A pattern is a whole condition or its leading word: "nm" matches nm-01 and nm01 but not nmx-01, "d1" not d10-01.

    Example:
        >>> match_conditions(["nm-01", "nm-02", "cl-01", "nmx-01"], patterns=["nm", "cl-01"]).tolist()
        [True, True, True, False]
    """
    patterns = tuple(patterns)
    matches = {name: any(matches_leading_word(p, name) for p in patterns) for name in {str(c) for c in conditions}}
    return np.array([matches[str(condition)] for condition in conditions], bool)
