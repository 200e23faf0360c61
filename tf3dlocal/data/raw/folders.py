"""Raw silhouettes in folders, in any layout that a path pattern can describe."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tf3dlocal.data.raw.files import is_folder, is_text, natural_key, odd_name, read_file
from tf3dlocal.data.raw.path_pattern import PathPattern
from tf3dlocal.data.raw.sequences import RawSequence, group_into_sequences
from tf3dlocal.io.types import PathLike


@dataclass(frozen=True, kw_only=True)
class FolderPart:
    """The folders of one subject, or of all where only file names have the subject. See `RawPart`.

    Attributes:
        name: The subject, or "all".
        root: Folder below which the pattern begins.
        folders: Paths of the innermost folders below the root.
        pattern: The layout.
        subjects: Names of the subjects to read. None reads all.
        tree: Path of the root in the raw data, where they hold several trees.
    """

    name: str
    root: str
    folders: tuple[str, ...]
    pattern: PathPattern
    subjects: frozenset[str] | None = None
    tree: str = ""

    def fingerprint(self) -> str:
        """Return a text that changes when a file is added, removed, renamed, or written again.

        No file is opened: a file that was written again has another size or another time.
        """
        digest = hashlib.sha256((self.name + self.tree).encode(errors="surrogateescape"))
        for folder in self.folders:
            stamp = _file_stamps(os.path.join(self.root, folder))
            digest.update(f"{folder} {stamp}".encode(errors="surrogateescape"))
        return digest.hexdigest()

    def sequences(self, strays: list[str]) -> Iterator[RawSequence]:
        """Yield the sequences in these folders by name."""
        yield from group_into_sequences(
            self._files(strays), pattern=self.pattern, source=self.root, strays=strays, subjects=self.subjects
        )

    def _files(self, strays: list[str]) -> Iterator[tuple[str, Callable[[], bytes]]]:
        for folder in self.folders:
            with os.scandir(os.path.join(self.root, folder)) as entries:
                for entry in entries:
                    if is_folder(entry):
                        strays.append(f"{entry.path}/ (a folder among frames)")
                    else:
                        path = f"{folder}/{entry.name}" if folder else entry.name
                        yield path, functools.partial(read_file, entry.path)


def folder_parts(
    root: PathLike,
    *,
    pattern: PathPattern,
    strays: list[str],
    subjects: frozenset[str] | None = None,
    tree: str = "",
) -> list[FolderPart]:
    """Find the parts of a folder tree, one per subject.

    Args:
        root: Folder below which the pattern begins.
        pattern: The layout.
        strays: Files and folders that do not match the pattern are added here.
        subjects: Names of the subjects to read. None reads all.
        tree: Path of the root in the raw data, where they hold several trees.

    Returns:
        The parts in natural order of their subjects. Empty where nothing matches.
    """
    found = [""]
    for _ in pattern.components[:-1]:
        found = [inner for outer in found for inner in _matching_folders(root, outer, pattern, strays=strays)]
    groups: dict[str, list[str]] = {}
    for folder in found:
        subject = pattern.subject_of_folder(folder)
        if subject is None or subjects is None or subject in subjects:
            groups.setdefault("all" if subject is None else subject, []).append(folder)
    return [
        FolderPart(
            name=name,
            root=os.fspath(root),
            folders=tuple(sorted(groups[name], key=natural_key)),
            pattern=pattern,
            subjects=subjects,
            tree=tree,
        )
        for name in sorted(groups, key=natural_key)
    ]


def _matching_folders(root: PathLike, outer: str, pattern: PathPattern, *, strays: list[str]) -> Iterator[str]:
    level = outer.count("/") + 1 if outer else 0
    expression = pattern.folder_expression(level)
    with os.scandir(os.path.join(root, outer)) as entries:
        for entry in entries:
            if not is_folder(entry):
                strays.append(entry.path + odd_name(entry.name))
            elif is_text(entry.name) and expression.fullmatch(entry.name):
                yield f"{outer}/{entry.name}" if outer else entry.name
            else:
                why = odd_name(entry.name) or f" (a folder that is not {pattern.wanted_at(level)})"
                strays.append(f"{entry.path}/{why}")


def _file_stamps(folder: str) -> str:
    """Return name, size and time of each file in a folder. No file is opened."""
    stamps = []
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                status = entry.stat()
                stamps.append(f"{entry.name} {status.st_size} {status.st_mtime_ns}\n")
            except OSError:  # a broken link, which is reported when it is read
                stamps.append(f"{entry.name}\n")
    return "".join(sorted(stamps))
