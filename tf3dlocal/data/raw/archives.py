"""Raw silhouettes in tar and zip archives. They are read where they are and never unpacked to disk."""

from __future__ import annotations

import contextlib
import functools
import gzip
import io
import itertools
import os
import pathlib
import re
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from tarfile import InvalidHeaderError
from typing import IO

from tf3dlocal.data.raw.files import (
    LARGEST_FILE,
    RawDataError,
    check_file_size,
    file_fingerprint,
    natural_key,
    odd_name,
)
from tf3dlocal.data.raw.path_pattern import PathPattern, is_note_of_macos
from tf3dlocal.data.raw.sequences import RawPart, RawSequence, group_into_sequences
from tf3dlocal.io import UnreadableError, check_regular_file, readable
from tf3dlocal.io.types import PathLike

TAR_NAME = re.compile(r"(?P<stem>.+)\.(?:tar|tar\.gz|tgz)", re.IGNORECASE)
SOLUTION = "Fetch the archive again, or leave its subject out."
MOST_IN_MEMORY = 64 * 2**20  # bytes of the frames of one archive; the rest waits in a temporary file
# A tar.gz of pictures is seldom a tenth of what it holds. One of zeros is a thousandth: it would fill the disk.
ALWAYS_UNPACKED, MOST_TIMES_LARGER = 256 * 2**20, 100


@dataclass(frozen=True, kw_only=True)
class TarPart:
    """One tar archive, plain or gzipped, on disk or inside a zip archive. See `RawPart`.

    It is read once from its beginning to its end, and may hold the frames in any order. The frames of a gzipped archive
    wait in memory up to 64 MB, and in a temporary file above. Those of a plain one are read where they are.
    """

    name: str
    path: str
    pattern: PathPattern
    member_of_zip: str | None = None
    subjects: frozenset[str] | None = None

    @property
    def source(self) -> str:
        """The path of the archive, for messages."""
        return f"{self.path}/{self.member_of_zip}" if self.member_of_zip else self.path

    def fingerprint(self) -> str:
        """Return a text that changes when the archive changes."""
        return f"{self.member_of_zip} {file_fingerprint(self.path)}"

    def sequences(self, strays: list[str]) -> Iterator[RawSequence]:
        """Yield the sequences in the archive by name."""
        yield from group_into_sequences(
            self._files(strays), pattern=self.pattern, source=self.source, strays=strays, subjects=self.subjects
        )

    def peek(self, count: int) -> list[str]:
        """Return the first paths in the archive."""
        with self._opened() as file, tarfile.open(fileobj=file, mode="r|") as archive:
            members = itertools.islice(archive, count)
            return [safe_member_path(member.name, self.source) for member in members if member.isfile()]

    @contextlib.contextmanager
    def _opened(self) -> Iterator[BoundedStream]:
        """Open the archive as a stream of uncompressed bytes. Errors of a damaged archive name it."""
        check_regular_file(self.path)
        with readable(self.source, solution=SOLUTION), contextlib.ExitStack() as stack:
            if self.member_of_zip is None:
                file = stack.enter_context(open(self.path, "rb"))
                num_bytes = os.stat(self.path).st_size
            else:
                outer = stack.enter_context(zipfile.ZipFile(self.path))
                file = io.BufferedReader(stack.enter_context(outer.open(self.member_of_zip)))
                num_bytes = outer.getinfo(self.member_of_zip).compress_size
            if file.peek(2)[:2] == b"\x1f\x8b":
                file = stack.enter_context(gzip.GzipFile(fileobj=file))
            is_plain = self.member_of_zip is None and not isinstance(file, gzip.GzipFile)
            yield BoundedStream(file, num_bytes_packed=num_bytes, is_plain=is_plain)

    def _files(self, strays: list[str]) -> Iterator[tuple[str, Callable[[], bytes]]]:
        with self._opened() as file:
            store = tempfile.SpooledTemporaryFile(max_size=MOST_IN_MEMORY)
            with tarfile.open(fileobj=file, mode="r|", tarinfo=StrictTarInfo) as archive:
                for member in archive:
                    path = safe_member_path(member.name, self.source)
                    if member.isdir():
                        continue
                    if not member.isreg() or member.issparse():
                        strays.append(f"{self.source}/{path} (a link or device, not followed)")
                    elif self.pattern.match(path) is None or member.size > LARGEST_FILE:
                        yield path, functools.partial(check_file_size, member.size)  # never read, or too large
                    elif file.is_plain:
                        yield path, functools.partial(_read_at, self.path, member.offset_data, member.size)
                    else:
                        content = archive.extractfile(member).read()
                        yield path, functools.partial(_read_back, store, store.tell(), len(content))
                        store.write(content)
                while rest := archive.fileobj.read(2**20):
                    if rest.strip(b"\0"):
                        raise ValueError("there are data after the mark at its end, which nothing would read")
            file.check_end()


class StrictTarInfo(tarfile.TarInfo):
    """Header of a member; a damaged one is an error. tarfile takes it for the end, and the rest would be lost."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> tarfile.TarInfo:
        """Read the next header.

        Raises:
            ValueError: It is damaged.
        """
        try:
            return super().fromtarfile(tarfile)
        except InvalidHeaderError as error:
            raise ValueError(f"the header at byte {tarfile.offset} is damaged ({error})") from error


class BoundedStream:
    """A stream of unpacked bytes that refuses to go on where an archive unpacks to far more than it holds.

    Args:
        file: The stream.
        num_bytes_packed: Size of the archive.
        is_plain: Whether the stream is the archive itself, byte by byte.
    """

    def __init__(self, file: io.BufferedIOBase, *, num_bytes_packed: int, is_plain: bool):
        self.is_plain = is_plain
        self._file, self._end, self._num_bytes = file, b"", 0
        self._most = max(ALWAYS_UNPACKED, MOST_TIMES_LARGER * num_bytes_packed)

    def read(self, size: int) -> bytes:
        """Read `size` bytes, fewer at the end.

        Raises:
            ValueError: The archive unpacks to more than `ALWAYS_UNPACKED` bytes and `MOST_TIMES_LARGER` of its size.
        """
        content = self._file.read(size)
        self._num_bytes += len(content)
        self._end = (self._end + content)[-tarfile.BLOCKSIZE :]
        if self._num_bytes > self._most:
            raise ValueError(
                f"it unpacks to more than {self._num_bytes / 2**20:,.0f} MB, {MOST_TIMES_LARGER} times its own size, "
                "as pictures hardly do; if you trust it, unpack it and give the folder"
            )
        return content

    def check_end(self) -> None:
        """Raise EOFError where the mark at the end of a tar archive is missing: tarfile does not look for it."""
        while self.read(2**20):
            pass
        if self._end.strip(b"\0"):
            raise EOFError("the mark at its end is missing")


@dataclass(frozen=True, kw_only=True)
class ZipPart:
    """The frames of one subject in a zip archive. See `RawPart`."""

    name: str
    path: str
    members: tuple[str, ...]
    pattern: PathPattern
    subjects: frozenset[str] | None = None

    def fingerprint(self) -> str:
        """Return a text that changes when the archive changes."""
        return file_fingerprint(self.path)

    def sequences(self, strays: list[str]) -> Iterator[RawSequence]:
        """Yield the sequences of the subject by name."""
        archive = _open_zip(self.path, self.fingerprint())
        files = ((safe_member_path(name, self.path), functools.partial(_read, archive, name)) for name in self.members)
        yield from group_into_sequences(
            files, pattern=self.pattern, source=self.path, strays=strays, subjects=self.subjects
        )


def tar_part(
    path: PathLike,
    *,
    pattern: PathPattern,
    subjects: frozenset[str] | None = None,
    member_of_zip: str | None = None,
) -> TarPart | None:
    """Return the part of one tar archive, or None where its name is that of a subject that is not read."""
    stem = TAR_NAME.fullmatch(pathlib.PurePosixPath(member_of_zip or os.fspath(path)).name)["stem"]
    is_subject = "subject" in pattern.expressions and re.fullmatch(pattern.expressions["subject"], stem)
    if subjects is not None and is_subject and stem not in subjects:
        return None
    return TarPart(name=stem, path=os.fspath(path), pattern=pattern, member_of_zip=member_of_zip, subjects=subjects)


def zip_parts(
    path: PathLike, *, pattern: PathPattern, strays: list[str], subjects: frozenset[str] | None = None
) -> list[RawPart]:
    """Find the parts of a zip archive: one per subject of a tree in it, and one per tar archive in it.

    Args:
        path: The zip archive.
        pattern: The layout.
        strays: Members that belong to no sequence are added here.
        subjects: Names of the subjects to read. None reads all.

    Raises:
        RawDataError: The path of a member is absolute or points out of the archive.
        UnreadableError: The archive is damaged.
    """
    trees: dict[str, list[str]] = {}
    parts: list[RawPart | None] = []
    for name in zip_members(path):
        member = safe_member_path(name, path)
        place = pattern.match(member)
        if place is not None:
            if subjects is None or place[0] in subjects:
                trees.setdefault(place[0], []).append(name)
        elif TAR_NAME.fullmatch(member) and not is_note_of_macos(member):
            parts.append(tar_part(path, pattern=pattern, subjects=subjects, member_of_zip=name))
        else:
            strays.append(f"{path}/{member}{odd_name(member)}")
    parts += [
        ZipPart(name=subject, path=os.fspath(path), members=tuple(names), pattern=pattern, subjects=subjects)
        for subject, names in trees.items()
    ]
    return sorted((part for part in parts if part), key=lambda part: natural_key(part.name))


def zip_members(path: PathLike) -> list[str]:
    """Return the names of the files in a zip archive, without folders."""
    check_regular_file(path)
    with readable(path, solution=SOLUTION), zipfile.ZipFile(path) as archive:
        return [member.filename for member in archive.infolist() if not member.is_dir()]


def safe_member_path(name: str, archive: PathLike) -> str:
    """Return the path of a member without "./", after checking that it stays inside the archive.

    Raises:
        RawDataError: The path is absolute or has a "..". An archive of silhouettes needs no such path.

    Example:
        >>> safe_member_path("./001/nm-01/000/1.png", "001.tar.gz")
        '001/nm-01/000/1.png'
    """
    pieces = name.replace("\\", "/").split("/")
    if pieces[0] == "" or ".." in pieces or re.match(r"[A-Za-z]:", name):
        raise RawDataError(
            f"{os.fspath(archive)}: the member {name!r} has an absolute or parent path. Nothing was read from it. "
            "Do not trust this archive, or pack it again with paths below its own folder."
        )
    return "/".join(piece for piece in pieces if piece not in ("", "."))


@functools.lru_cache(maxsize=1)
def _open_zip(path: str, fingerprint: str) -> zipfile.ZipFile:
    """Return the archive, open from one subject to the next: a large one takes seconds to list its members."""
    with readable(path, solution=SOLUTION):
        return zipfile.ZipFile(path)


def _read_at(path: str, place: int, num_bytes: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(place)
        return file.read(num_bytes)


def _read_back(store: IO[bytes], place: int, num_bytes: int) -> bytes:
    store.seek(place)
    return store.read(num_bytes)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    check_file_size(archive.getinfo(name).file_size)
    try:
        with readable(name):
            return archive.read(name)
    except UnreadableError as error:
        raise OSError(str(error.__cause__)) from error
