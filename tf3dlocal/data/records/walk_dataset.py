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
from tf3dlocal.io import UnreadableError, matches_leading_word

SOLUTION = "Copy the file again, or prepare the data set again."


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

        Raises:
            TypeError: A subject is not a text (001 and 1 would be two people, or one).

        Example:
            >>> walks.select(subjects=["001", "002"], conditions=["nm", "cl-01"], views=[0, 90, 180])
            WalkDataset('small walks': 42 walks of 2 subjects, size 64)
        """
        keep = self.num_frames >= min_frames
        if subjects is not None:
            keep &= np.isin(self.subjects, _names(subjects))
        if (excluded := _names(exclude_subjects)).size:
            keep &= ~np.isin(self.subjects, excluded)
        if conditions is not None:
            wanted = _names(conditions).tolist()
            present, which = np.unique(self.conditions, return_inverse=True)
            matching = [any(matches_leading_word(word, name) for word in wanted) for name in present.tolist()]
            keep &= np.array(matching, bool)[which]
        if views is not None:
            keep &= np.isin(self.view_degrees, np.atleast_1d(np.asarray(views)))
        return self.take(np.flatnonzero(keep))

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
        return walk

    def read_record(self, i: int) -> bytes:
        """Read the bytes of the record of walk number `i` and check them against the index.

        Raises:
            IndexError: There is no such number.
            UnreadableError: The record is damaged.
        """
        self._check_number(i)
        # Opened again each time: cheap compared with decoding, and safe in any thread or process.
        with open(self.shard_files[self.shards[i]], "rb", buffering=0) as file:
            file.seek(self.offsets[i])
            record = file.read(self.lengths[i])
        if len(record) != self.lengths[i] or zlib.crc32(record) != self.checksums[i]:
            raise UnreadableError(f"{self.describe(i)} cannot be read: the record is damaged. {SOLUTION}")
        return record

    def describe(self, i: int) -> str:
        """Return the shard file and the subject/condition/view of walk number `i`, for error messages."""
        self._check_number(i)
        name = f"{self.subjects[i]}/{self.conditions[i]}/{self.view_degrees[i]:03d}"
        return f"{self.shard_files[self.shards[i]]}, {name}"

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
