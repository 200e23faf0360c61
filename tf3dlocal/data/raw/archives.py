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
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tf3dlocal.data.raw.files import RawDataError, check_file_size, file_fingerprint, natural_key
from tf3dlocal.data.raw.path_pattern import PathPattern
from tf3dlocal.data.raw.sequences import RawPart, RawSequence, group_into_sequences
from tf3dlocal.io import UnreadableError, readable
from tf3dlocal.io.types import PathLike

TAR_NAME = re.compile(r"(?P<stem>.+)\.(?:tar|tar\.gz|tgz)", re.IGNORECASE)
SOLUTION = "Fetch the archive again, or leave its subject out."


@dataclass(frozen=True, kw_only=True)
class TarPart:
    """One tar archive, plain or gzipped, on disk or inside a zip archive. See `RawPart`.

    The whole archive is read into memory once, since it may hold the frames in any order: about 20 MB for a subject
    of CASIA-B.
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
    def _opened(self) -> Iterator[io.BufferedIOBase]:
        """Open the archive as a stream of uncompressed bytes. Errors of a damaged archive name it."""
        with readable(self.source, solution=SOLUTION), contextlib.ExitStack() as stack:
            if self.member_of_zip is None:
                file = stack.enter_context(open(self.path, "rb"))
            else:
                outer = stack.enter_context(zipfile.ZipFile(self.path))
                file = io.BufferedReader(stack.enter_context(outer.open(self.member_of_zip)))
            if file.peek(2)[:2] == b"\x1f\x8b":
                file = stack.enter_context(gzip.GzipFile(fileobj=file))
            yield file

    def _files(self, strays: list[str]) -> Iterator[tuple[str, Callable[[], bytes]]]:
        with self._opened() as file:
            content = file.read()
            # tarfile accepts an archive that was truncated before a member's header.
            if content[-tarfile.BLOCKSIZE :].strip(b"\0"):
                raise EOFError("the mark at its end is missing")
            view = memoryview(content)
            with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
                for member in archive:
                    path = safe_member_path(member.name, self.source)
                    if member.isdir():
                        continue
                    if member.isreg() and not member.issparse():
                        yield path, functools.partial(bytes, view[member.offset_data :][: member.size])
                    else:
                        strays.append(f"{self.source}/{path} (a link or device, not followed)")


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
        elif TAR_NAME.fullmatch(member):
            parts.append(tar_part(path, pattern=pattern, subjects=subjects, member_of_zip=name))
        else:
            strays.append(f"{path}/{member}")
    parts += [
        ZipPart(name=subject, path=os.fspath(path), members=tuple(names), pattern=pattern, subjects=subjects)
        for subject, names in trees.items()
    ]
    return sorted((part for part in parts if part), key=lambda part: natural_key(part.name))


def zip_members(path: PathLike) -> list[str]:
    """Return the names of the files in a zip archive, without folders."""
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
    return zipfile.ZipFile(path)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    check_file_size(archive.getinfo(name).file_size)
    try:
        with readable(name):
            return archive.read(name)
    except UnreadableError as error:
        raise OSError(str(error.__cause__)) from error
