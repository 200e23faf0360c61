"""Raw silhouettes in folders, in any layout that a path pattern can describe."""

from __future__ import annotations

import functools
import hashlib
import os
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass

from tf3dlocal.data.group_sequences import group_into_sequences
from tf3dlocal.data.path_pattern import PathPattern
from tf3dlocal.data.raw_sequences import LARGEST_FILE, RawDataError, RawSequence, natural_key


@dataclass(frozen=True)
class FolderPart:
    """The folders of one subject (or of all, where only file names tell the subject). See `RawPart`."""

    name: str
    root: str
    folders: tuple[str, ...]
    pattern: PathPattern
    subjects: frozenset[str] | None = None

    def fingerprint(self) -> str:
        """Changes when a file is added, removed or renamed in one of the folders, or a pickle is written anew.

        Frames are too many to look at each; pickles are few, and OpenGait writes them in place when it runs again.
        """
        digest = hashlib.sha256(self.name.encode())
        for folder in self.folders:
            path = os.path.join(self.root, folder)
            stamp = _file_stamps(path) if self.pattern.pickled else f"{os.stat(path).st_mtime_ns}\n"
            digest.update(f"{folder} {stamp}".encode(errors="surrogateescape"))
        return digest.hexdigest()

    def sequences(self, strays: list[str]) -> Iterator[RawSequence]:
        """The sequences in these folders, by name."""
        yield from group_into_sequences(self._files(strays), self.pattern, self.root, strays, self.subjects)

    def _files(self, strays):
        for folder in self.folders:
            with os.scandir(os.path.join(self.root, folder)) as entries:
                for entry in entries:
                    if entry.is_dir():
                        strays.append(f"{entry.path}/ (a folder among frames)")
                    else:
                        path = f"{folder}/{entry.name}" if folder else entry.name
                        yield path, functools.partial(_read, entry.path)


def _file_stamps(folder: str) -> str:
    """Name, size and time of each file in a folder; none is opened."""
    stamps = []
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                status = entry.stat()
                stamps.append(f"{entry.name} {status.st_size} {status.st_mtime_ns}\n")
            except OSError:  # a link to nowhere; reading it is where that is told
                stamps.append(f"{entry.name}\n")
    return "".join(sorted(stamps))


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > LARGEST_FILE:
            raise OSError(f"{size} bytes: too large for a frame or a walk")
        return file.read()


def folder_parts(
    root: str | os.PathLike, pattern: PathPattern, strays: list[str], subjects: frozenset[str] | None = None
) -> list[FolderPart]:
    """The parts of a folder tree, one per subject.

    Args:
        root: folder below which the pattern begins.
        pattern: the layout.
        strays: files and folders that do not fit the pattern are added here.
        subjects: names of the subjects wanted; None takes all.

    Returns:
        the parts in natural order of their subjects; empty where nothing fits.
    """
    found = [""]
    for level in range(len(pattern.components) - 1):
        found = [inner for outer in found for inner in _matching_folders(root, outer, pattern, level, strays)]
    groups: dict[str, list[str]] = {}
    for folder in found:
        subject = pattern.subject_of_folder(folder)
        if subject is None or subjects is None or subject in subjects:
            groups.setdefault("all" if subject is None else subject, []).append(folder)
    return [
        FolderPart(name, os.fspath(root), tuple(sorted(groups[name], key=natural_key)), pattern, subjects)
        for name in sorted(groups, key=natural_key)
    ]


def _matching_folders(root, outer, pattern, level, strays):
    expression = pattern.folder_expression(level)
    with os.scandir(os.path.join(root, outer)) as entries:
        for entry in entries:
            if entry.is_dir() and expression.fullmatch(entry.name):
                yield f"{outer}/{entry.name}" if outer else entry.name
            else:
                strays.append(entry.path + ("/" if entry.is_dir() else ""))


def read_description(path: str | os.PathLike) -> tuple[str, PathPattern]:
    """Name and layout of one's own data, from a small YAML file.

    The file says how the path of a frame is built; everything but `pattern` may be left out:

        name: corridor                                  # what reports call the data set (else the file's name)
        pattern: "{subject}/{condition}/{view}/{frame}.png"
        views: {left: 270, right: 90}                   # degrees; without it the folder's name is the number
        condition: nm-01                                # for all, where the pattern has no {condition}
        view: 90                                        # for all, where the pattern has no {view}

    A pattern that ends in .pkl tells of OpenGait's pickles, with a whole walk in a file (see `opengait_pickles`).

    Args:
        path: the YAML file.

    Returns:
        (name, pattern).

    Raises:
        RawDataError: no YAML, an unknown or mistyped key, or a pattern without {subject} or {frame}.
    """
    import pydantic
    import yaml

    class Description(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="forbid")
        pattern: str
        name: str = pathlib.Path(path).stem
        views: dict[str | int, int] | None = None
        condition: str | None = None
        view: int | None = None

    try:
        content = yaml.safe_load(pathlib.Path(path).read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise RawDataError(f'{path}: expected keys and values, such as `pattern: "{{subject}}/{{frame}}.png"`.')
        description = Description(**content)
    except yaml.YAMLError as error:
        raise RawDataError(f"{path} is not readable as YAML: {error}") from error
    except pydantic.ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise RawDataError(f"{path}: {faults}. Known keys: {', '.join(Description.model_fields)}.") from error
    views = description.views and {str(text): degrees for text, degrees in description.views.items()}
    return description.name, PathPattern(
        layout=pathlib.Path(path).name,
        pattern=description.pattern,
        views=views,
        condition=description.condition,
        view_degrees=description.view,
    )
