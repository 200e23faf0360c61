"""A prepared data set, opened: its columns as numpy arrays, a selection of its walks, any walk by its number."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import zlib
from collections.abc import Collection, Sequence

import numpy as np

from tf3dlocal.data.records.walk_records import Walk, decode_record
from tf3dlocal.io import UnreadableError, check_names, matches_leading_word, named_arguments

SOLUTION = "Copy the file again, or prepare the data set again, with `tf3dlocal prepare RAW OUT --overwrite`."


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class WalkDataset:
    """Walks of a prepared data set: one numpy column per property, one row per walk.

    Attributes:
        name: Name of the data set.
        size: Height and width of a silhouette in pixels.
        subjects: str [walks].
        conditions: str [walks].
        view_degrees: int64 [walks], in degrees.
        num_frames: int64 [walks].
        shard_files: Paths of the shard files.
        shard_bytes: int64 [shards], sizes of the shard files.
        shards: int64 [walks], position of the walk's file in `shard_files`.
        offsets: int64 [walks], place of the record in its file, in bytes.
        lengths: int64 [walks], length of the record in bytes.
        checksums: int64 [walks], CRC-32 of the record.
        left_out: What selections left out, in words, to the number of walks, such as {"of other subjects": 60}.
    """

    name: str
    size: int
    subjects: np.ndarray
    conditions: np.ndarray
    view_degrees: np.ndarray
    num_frames: np.ndarray
    shard_files: tuple[str, ...]
    shard_bytes: np.ndarray
    shards: np.ndarray
    offsets: np.ndarray
    lengths: np.ndarray
    checksums: np.ndarray
    left_out: dict[str, int] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.subjects)

    def __repr__(self) -> str:
        return f"WalkDataset({self.name!r}: {len(self)} walks of {len(self.subject_names)} subjects, size {self.size})"

    @functools.cached_property
    def subject_names(self) -> list[str]:
        """The subjects, sorted. The position of a subject here is its class in training."""
        return np.unique(self.subjects).tolist()

    @functools.cached_property
    def class_indices(self) -> np.ndarray:
        """int32 [walks], the class of each walk: the position of its subject in `subject_names`."""
        return np.unique(self.subjects, return_inverse=True)[1].astype(np.int32)

    @functools.cached_property
    def walks_of_class(self) -> list[np.ndarray]:
        """The numbers of the walks of each class, in ascending order."""
        order = np.argsort(self.class_indices, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.class_indices[order])) + 1)

    @named_arguments
    def select(
        self,
        *,
        subjects: str | Collection[str] | None = None,
        conditions: str | Collection[str] | None = None,
        views: int | Collection[int] | None = None,
        min_frames: int = 1,
        exclude_subjects: str | Collection[str] = (),
    ) -> WalkDataset:
        """Select the walks that meet every given criterion, in the same order.

        Args:
            subjects: Names, such as ["001", "002"]. None selects all.
            conditions: Whole ("nm-01") or the leading word ("nm", which selects nm-01 .. nm-06 but not "nmx-01").
            views: In degrees.
            min_frames: Shorter walks are left out.
            exclude_subjects: Names to leave out, such as CASIA-B's "005" in the authors' training.

        Returns:
            The walks. Its `left_out` counts what each criterion removed of those that the ones before it kept.

        Raises:
            ValueError: A subject, a condition or a view occurs in none of these walks. The message has near names.
            TypeError: A subject is not a text (001 and 1 would be two people, or one), or an argument is unknown.

        Example:
            >>> walks.select(subjects=["001", "002"], conditions=["nm", "cl-01"], views=[0, 90, 180])
            WalkDataset('small walks': 42 walks of 2 subjects, size 64)
        """
        if not isinstance(min_frames, int | np.integer):
            raise TypeError(f"min_frames is a number of frames, got {min_frames!r}.")
        short = f"shorter than min_frames {min_frames}"
        kept, left_out = np.ones(len(self), bool), dict(self.left_out)
        for rule, meets in {
            "of other subjects": self._are_of(subjects),
            "of excluded subjects": self._are_not_of(exclude_subjects),
            "of other conditions": self._have_conditions(conditions),
            "of other views": self._have_views(views),
            short: self.num_frames >= min_frames,
        }.items():
            if removed := int(np.count_nonzero(kept & ~meets)):
                if rule == short:
                    rule = f"{short} (the longest has {self.num_frames[kept & ~meets].max()})"
                left_out[rule] = left_out.get(rule, 0) + removed
            kept &= meets
        return dataclasses.replace(self.take(np.flatnonzero(kept)), left_out=left_out)

    def _are_of(self, subjects: str | Collection[str] | None) -> np.ndarray:
        if subjects is None:
            return np.ones(len(self), bool)
        names = _names(subjects)
        check_names(names.tolist(), known=self.subject_names, what="subject", where="subjects")
        return np.isin(self.subjects, names)

    def _are_not_of(self, subjects: str | Collection[str]) -> np.ndarray:
        names = _names(subjects)
        check_names(names.tolist(), known=self.subject_names, what="subject", where="exclude_subjects")
        return ~np.isin(self.subjects, names) if names.size else np.ones(len(self), bool)

    def _have_conditions(self, conditions: str | Collection[str] | None) -> np.ndarray:
        if conditions is None:
            return np.ones(len(self), bool)
        wanted = _names(conditions).tolist()
        present, which = np.unique(self.conditions, return_inverse=True)
        present = present.tolist()
        absent = [word for word in wanted if not any(matches_leading_word(word, name) for name in present)]
        check_names(absent, known=present, what="condition", where="conditions")
        matching = [any(matches_leading_word(word, name) for word in wanted) for name in present]
        return np.array(matching, bool)[which]

    def _have_views(self, views: int | Collection[int] | None) -> np.ndarray:
        if views is None:
            return np.ones(len(self), bool)
        views = np.atleast_1d(np.asarray(list(views) if isinstance(views, Collection) else views))
        if views.size and views.dtype.kind not in "iu":
            raise TypeError(f"Views are whole numbers of degrees, such as 90, got {views.tolist()[0]!r}.")
        check_names(views.tolist(), known=np.unique(self.view_degrees).tolist(), what="view", where="views")
        return np.isin(self.view_degrees, views)

    def take(self, rows: Sequence[int] | np.ndarray) -> WalkDataset:
        """Return the walks with these numbers, in this order."""
        rows = np.asarray(rows, np.int64)
        names = ("subjects", "conditions", "view_degrees", "num_frames", "shards", "offsets", "lengths", "checksums")
        return dataclasses.replace(self, **{name: getattr(self, name)[rows] for name in names})

    def read(self, i: int) -> Walk:
        """Read walk number `i`.

        Returns:
            The walk with silhouettes uint8 [frames, size, size], not yet cut to the network's width.

        Raises:
            IndexError: There is no such number.
            UnreadableError: The record is damaged, or is not the walk that the index names.
        """
        source = self.describe(i)
        walk = decode_record(self.read_record(i), source=source)
        expected = (self.subjects[i], self.conditions[i], self.view_degrees[i], self.num_frames[i])
        if (walk.subject, walk.condition, walk.view_degrees, walk.num_frames) != expected:
            raise UnreadableError(
                f"{source} cannot be read: the record is {walk.name}, so index and shards do not belong together. "
                f"{SOLUTION}"
            )
        if walk.silhouettes.shape[1] != self.size:
            raise UnreadableError(
                f"{source} cannot be read: its silhouettes have {walk.silhouettes.shape[1]} rows, and the index says "
                f"{self.size}. {SOLUTION}"
            )
        return walk

    def read_record(self, i: int) -> bytes:
        """Read the bytes of the record of walk number `i` and check them against the index.

        Raises:
            IndexError: There is no such number.
            UnreadableError: The record is damaged.
        """
        self._check_number(i)
        # Opened again each time: cheap compared with decoding, and safe in any thread or process.
        try:
            with open(self.shard_files[self.shards[i]], "rb", buffering=0) as file:
                file.seek(self.offsets[i])
                record = file.read(self.lengths[i])
        except FileNotFoundError:
            raise UnreadableError(
                f"{self.describe(i)} cannot be read: the file is gone. If the data set was prepared again in the "
                "meantime, start again."
            ) from None
        if len(record) != self.lengths[i] or zlib.crc32(record) != self.checksums[i]:
            raise UnreadableError(f"{self.describe(i)} cannot be read: the record is damaged. {SOLUTION}")
        return record

    def describe(self, i: int) -> str:
        """Return the shard file and the subject/condition/view of walk number `i`, for error messages."""
        self._check_number(i)
        return f"{self.shard_files[self.shards[i]]}, {self._name(i)}"

    def _name(self, i: int) -> str:
        return f"{self.subjects[i]}/{self.conditions[i]}/{self.view_degrees[i]:03d}"

    def _check_number(self, i: int) -> None:
        if not -len(self) <= i < len(self):
            raise IndexError(f"There is no walk {i} in {self!r}.")


def data_fingerprint(walks: WalkDataset) -> str:
    """Compute a checksum of all walks: subject, condition, view, length, and the CRC-32 of the record.

    Args:
        walks: A prepared data set or a selection of it.

    Returns:
        SHA-256 in hexadecimal. Two folders with the same walks have the same, in any order and number of shards.

    Example:
        >>> data_fingerprint(walks) == data_fingerprint(walks.take(range(len(walks))[::-1]))
        True
    """
    columns = (walks.subjects, walks.conditions, walks.view_degrees, walks.num_frames, walks.checksums)
    rows = sorted(zip(*(np.asarray(column).tolist() for column in columns), strict=True))
    return hashlib.sha256(json.dumps([walks.size, rows]).encode()).hexdigest()


def _names(names: str | Collection[str]) -> np.ndarray:
    """Return one name or several as an array."""
    names = [names] if isinstance(names, str) else list(names)
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise TypeError(f"Subjects and conditions are texts, such as '001', got {wrong[0]!r}.")
    return np.asarray(names, str)
