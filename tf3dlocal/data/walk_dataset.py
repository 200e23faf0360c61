"""A prepared data set, opened: its columns as numpy arrays, a choice among its walks, any walk by its number."""

import dataclasses
import functools
import os
import pathlib
import zlib
from collections.abc import Collection

import numpy as np

from tf3dlocal.data.tfrecords import FOOTER_BYTES, decode_walk, read_index
from tf3dlocal.data.walk import Walk


def open_walks(folder: str | os.PathLike) -> "WalkDataset":
    """Open a prepared data set (see `tfrecords`); reads the index, not the walks.

    Args:
        folder: the folder that `tf3dlocal prepare` wrote.

    Raises:
        FileNotFoundError: no index, or a shard file that the index names is not there.
        ValueError: another format or version, or a shard file shorter than the index says.

    >>> import tempfile
    >>> from tf3dlocal.data.tfrecords import ShardWriter, write_index
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with ShardWriter(f"{folder}/walks.tfrecord") as shard:
    ...         entry = shard.write(Walk(np.zeros([30, 64, 64], np.uint8), "001", "nm-01", 90))
    ...     write_index(folder, "tiny", 64, {"walks.tfrecord": shard.entries})
    ...     walks = open_walks(folder)
    ...     walks.select(conditions=["nm"], views=[90]).read(0).silhouettes.shape
    (30, 64, 64)
    """
    folder = pathlib.Path(folder).resolve()
    index = read_index(folder)
    columns = index["walks"]
    shard = np.asarray(columns["shard"], np.int64)
    offset = np.asarray(columns["offset"], np.int64)
    length = np.asarray(columns["length"], np.int64)
    return WalkDataset(
        name=index["name"],
        size=index["size"],
        subjects=np.asarray(columns["subject"], str),
        conditions=np.asarray(columns["condition"], str),
        view_degrees=np.asarray(columns["view_degrees"], np.int64),
        num_frames=np.asarray(columns["num_frames"], np.int64),
        shard_files=tuple(str(folder / name) for name in index["shards"]),
        shard_bytes=_shard_sizes(folder, index["shards"], shard, offset + length + FOOTER_BYTES),
        shards=shard,
        offsets=offset,
        lengths=length,
        checksums=np.asarray(columns["checksum"], np.int64),
    )


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class WalkDataset:
    """Walks of a prepared data set: one numpy column per property, one row per walk.

    Columns: `subjects` and `conditions` (str), `view_degrees` and `num_frames` (int), each [walks]. `size` is the
    number of rows and columns of a silhouette, `name` the name of the data set. `shard_files`, `shard_bytes`,
    `shards`, `offsets`, `lengths` (in bytes) and `checksums` say where the records lie and how to tell a damaged one.
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
        """The subjects, sorted: the position of a subject here is its class index in training."""
        return np.unique(self.subjects).tolist()

    @functools.cached_property
    def class_indices(self) -> np.ndarray:
        """int32 [walks]: the class of each walk, which is the position of its subject in `subject_names`."""
        return np.unique(self.subjects, return_inverse=True)[1].astype(np.int32)

    @functools.cached_property
    def walks_of_class(self) -> list[np.ndarray]:
        """For each class, the numbers of its walks in ascending order."""
        order = np.argsort(self.class_indices, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.class_indices[order])) + 1)

    def select(
        self,
        subjects: str | Collection[str] | None = None,
        conditions: str | Collection[str] | None = None,
        views: int | Collection[int] | None = None,
        min_frames: int = 1,
        exclude_subjects: str | Collection[str] = (),
    ) -> "WalkDataset":
        """The walks that meet every condition given, in the same order.

        Args:
            subjects: names, as in ["001", "002"]; None is all.
            conditions: whole ("nm-01") or the leading word ("nm", which takes nm-01 .. nm-06 but not "nmx-01").
            views: in degrees.
            min_frames: shorter walks are left out.
            exclude_subjects: names to leave out, such as CASIA-B's "005" in the authors' training.

        Raises:
            TypeError: a subject that is not a text (001 and 1 would be two people, or one).

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
            keep &= np.array([any(_leads(word, name) for word in wanted) for name in present.tolist()], bool)[which]
        if views is not None:
            keep &= np.isin(self.view_degrees, np.atleast_1d(np.asarray(views)))
        return self.take(np.flatnonzero(keep))

    def take(self, rows: np.ndarray) -> "WalkDataset":
        """The walks with these numbers, in the order given."""
        rows = np.asarray(rows, np.int64)
        names = ("subjects", "conditions", "view_degrees", "num_frames", "shards", "offsets", "lengths", "checksums")
        return dataclasses.replace(self, **{name: getattr(self, name)[rows] for name in names})

    def read(self, i: int) -> Walk:
        """Walk number `i`: silhouettes uint8 [frames, size, size], not yet cut to the network's width.

        Raises:
            IndexError: no such number.
            ValueError: the record is damaged, or is not the walk that the index says.
        """
        record, source = self.read_record(i), self.describe(i)
        walk = decode_walk(record, source)
        expected = (self.subjects[i], self.conditions[i], self.view_degrees[i], self.num_frames[i])
        if (walk.subject, walk.condition, walk.view_degrees, walk.num_frames) != expected:
            raise ValueError(f"{source}: the record is {walk.name}; index and shards do not belong together")
        return walk

    def read_record(self, i: int) -> bytes:
        """The record of walk number `i` as it lies on the disk, checked against the index; see `tfrecords`.

        Raises:
            IndexError: no such number.
            ValueError: the record is damaged.
        """
        if not -len(self) <= i < len(self):
            raise IndexError(f"walk {i} of {self!r}")
        # Opened anew each time: cheap beside decoding, and safe in any thread or process.
        with open(self.shard_files[self.shards[i]], "rb", buffering=0) as file:
            file.seek(self.offsets[i])
            record = file.read(self.lengths[i])
        if len(record) != self.lengths[i] or zlib.crc32(record) != self.checksums[i]:
            raise ValueError(
                f"{self.describe(i)}: the record is damaged; copy the file again, or prepare the set again"
            )
        return record

    def describe(self, i: int) -> str:
        """Walk number `i` in words, for error messages: its shard file, and subject/condition/view."""
        name = f"{self.subjects[i]}/{self.conditions[i]}/{self.view_degrees[i]:03d}"
        return f"{self.shard_files[self.shards[i]]}, {name}"


def _shard_sizes(folder, names, shard, ends):
    """Bytes of each shard file, after checking that each is there and reaches the end of its last record."""
    sizes = np.zeros(len(names), np.int64)
    needed = np.zeros(len(names), np.int64)
    np.maximum.at(needed, shard, ends)
    for number, name in enumerate(names):
        path = folder / name
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is not there, but the index names it: copy the missing file here, or prepare the set again"
            )
        sizes[number] = path.stat().st_size
        if sizes[number] < needed[number]:
            raise ValueError(
                f"{path} has {sizes[number]} bytes and should have {needed[number]}: it was cut short "
                "(an interrupted copy?); copy it again, or prepare the set again"
            )
    return sizes


def _names(names):
    """One text or several as an array of texts."""
    names = [names] if isinstance(names, str) else list(names)
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise TypeError(f"subjects and conditions are texts, such as '001'; got {wrong[0]!r}")
    return np.asarray(names, str)


def _leads(word, name):
    """Whether `name` is `word` or begins with it as a word of its own: nm leads nm-01 and nm01, but d1 not d10."""
    if not word or not name.startswith(word):
        return False
    end, following = word[-1], name[len(word) : len(word) + 1]
    return not (following.isdigit() and end.isdigit() or following.isalpha() and end.isalpha())
