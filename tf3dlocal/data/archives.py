"""Raw silhouettes in tar and zip archives, read in place: nothing is ever unpacked to disk."""

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
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from tf3dlocal.data.group_sequences import group_into_sequences
from tf3dlocal.data.path_pattern import PathPattern
from tf3dlocal.data.raw_sequences import LARGEST_FILE, RawDataError, RawSequence, natural_key

TAR_NAME = re.compile(r"(?P<stem>.+)\.(?:tar|tar\.gz|tgz)", re.IGNORECASE)


@dataclass(frozen=True)
class TarPart:
    """One tar archive, plain or gzipped, on disk or inside a zip archive. See `RawPart`.

    An archive is read into memory once and whole, since it may hold the frames in any order: about 20 MB for a
    subject of CASIA-B.
    """

    name: str
    path: str
    pattern: PathPattern
    member_of_zip: str | None = None
    subjects: frozenset[str] | None = None

    @property
    def source(self) -> str:
        """The archive's path, for messages."""
        return f"{self.path}/{self.member_of_zip}" if self.member_of_zip else self.path

    def fingerprint(self) -> str:
        """Changes when the archive does."""
        return f"{self.member_of_zip} {file_fingerprint(self.path)}"

    def sequences(self, strays: list[str]) -> Iterator[RawSequence]:
        """The sequences in the archive, by name."""
        yield from group_into_sequences(self._files(strays), self.pattern, self.source, strays, self.subjects)

    def peek(self, count: int) -> list[str]:
        """The first paths in the archive."""
        with self._opened() as file, tarfile.open(fileobj=file, mode="r|") as archive:
            members = itertools.islice(archive, count)
            return [safe_member_path(member.name, self.source) for member in members if member.isfile()]

    @contextlib.contextmanager
    def _opened(self):
        """The archive as a stream of uncompressed bytes; damage becomes an error that names the archive."""
        try:
            with contextlib.ExitStack() as stack:
                if self.member_of_zip is None:
                    file = stack.enter_context(open(self.path, "rb"))
                else:
                    outer = stack.enter_context(zipfile.ZipFile(self.path))
                    file = io.BufferedReader(stack.enter_context(outer.open(self.member_of_zip)))
                if file.peek(2)[:2] == b"\x1f\x8b":
                    file = stack.enter_context(gzip.GzipFile(fileobj=file))
                yield file
        except (tarfile.TarError, EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile) as error:
            raise RawDataError(
                f"{self.source} is damaged or ends too early ({error}): fetch it again, or leave its subject out."
            ) from error

    def _files(self, strays):
        with self._opened() as file:
            content = file.read()
            # tarfile takes an archive that was cut off before a member's header for a complete one.
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


@dataclass(frozen=True)
class ZipPart:
    """The frames of one subject in a zip archive. See `RawPart`."""

    name: str
    path: str
    members: tuple[str, ...]
    pattern: PathPattern
    subjects: frozenset[str] | None = None

    def fingerprint(self) -> str:
        """Changes when the archive does."""
        return file_fingerprint(self.path)

    def sequences(self, strays: list[str]) -> Iterator[RawSequence]:
        """The sequences of the subject, by name."""
        archive = _open_zip(self.path, self.fingerprint())
        files = ((safe_member_path(name, self.path), functools.partial(_read, archive, name)) for name in self.members)
        yield from group_into_sequences(files, self.pattern, self.path, strays, self.subjects)


@functools.lru_cache(maxsize=1)
def _open_zip(path: str, fingerprint: str) -> zipfile.ZipFile:
    """The archive, kept open from one subject to the next: a large one takes seconds to list its members."""
    return zipfile.ZipFile(path)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > LARGEST_FILE:
        raise OSError(f"{archive.getinfo(name).file_size} bytes: too large for a frame or a walk")
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise OSError(f"{error}") from error


def tar_part(path, pattern, subjects=None, member_of_zip=None) -> TarPart | None:
    """The part of one tar archive, or None where its name tells that it holds another subject than those wanted."""
    stem = TAR_NAME.fullmatch(pathlib.PurePosixPath(member_of_zip or os.fspath(path)).name)["stem"]
    tells_subject = "subject" in pattern.expressions and re.fullmatch(pattern.expressions["subject"], stem)
    if subjects is not None and tells_subject and stem not in subjects:
        return None
    return TarPart(stem, os.fspath(path), pattern, member_of_zip, subjects)


def zip_parts(path, pattern: PathPattern, strays: list[str], subjects: frozenset[str] | None = None) -> list:
    """The parts of a zip archive: one per subject of a tree in it, and one per tar archive in it.

    Args:
        path: the zip archive.
        pattern: the layout.
        strays: members that belong to no sequence are added here.
        subjects: names of the subjects wanted; None takes all.

    Raises:
        RawDataError: the archive is damaged, or a member's path is absolute or points out of the archive.
    """
    trees: dict[str, list[str]] = {}
    parts: list = []
    for name in zip_members(path):
        member = safe_member_path(name, path)
        place = pattern.match(member)
        if place is not None:
            if subjects is None or place[0] in subjects:
                trees.setdefault(place[0], []).append(name)
        elif TAR_NAME.fullmatch(member):
            parts.append(tar_part(path, pattern, subjects, name))
        else:
            strays.append(f"{path}/{member}")
    parts += [ZipPart(subject, os.fspath(path), tuple(names), pattern, subjects) for subject, names in trees.items()]
    return sorted((part for part in parts if part), key=lambda part: natural_key(part.name))


def zip_members(path) -> list[str]:
    """The files in a zip archive, folders left out."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [member.filename for member in archive.infolist() if not member.is_dir()]
    except zipfile.BadZipFile as error:
        raise RawDataError(f"{path} is damaged or no zip archive ({error}): fetch it again.") from error


def safe_member_path(name: str, archive: str | os.PathLike) -> str:
    """A member's path without "./", once it is known to stay inside the archive.

    Raises:
        RawDataError: for an absolute path or one with "..": an honest archive of silhouettes has none.

    Example:
        >>> safe_member_path("./001/nm-01/000/1.png", "001.tar.gz")
        '001/nm-01/000/1.png'
    """
    pieces = name.replace("\\", "/").split("/")
    if pieces[0] == "" or ".." in pieces or re.match(r"[A-Za-z]:", name):
        raise RawDataError(
            f"{os.fspath(archive)}: the member {name!r} has an absolute or parent path. Nothing was read from it; "
            "do not trust this archive, or pack it again with paths below its own folder."
        )
    return "/".join(piece for piece in pieces if piece not in ("", "."))


def file_fingerprint(path: str) -> str:
    """Size and time of a file."""
    status = os.stat(path)
    return f"{os.path.basename(path)} {status.st_size} {status.st_mtime_ns}"
