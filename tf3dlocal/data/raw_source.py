"""From "here are my silhouettes" to the parts that they are read in: finds the layout and the container by itself."""

from __future__ import annotations

import os
import pathlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from tf3dlocal.data import casia_b, opengait_pickles, oumvlp
from tf3dlocal.data.archives import TAR_NAME, TarPart, safe_member_path, tar_part, zip_members, zip_parts
from tf3dlocal.data.folders import folder_parts, read_description
from tf3dlocal.data.path_pattern import PathPattern
from tf3dlocal.data.raw_sequences import RawDataError, RawPart, RawSequence

LAYOUTS = {pattern.layout: pattern for pattern in (casia_b.LAYOUT, oumvlp.LAYOUT, opengait_pickles.LAYOUT)}
PEEK = 2000  # paths of an archive that are looked at to tell its layout
PEEKED_ARCHIVES = 5  # of a folder of archives, until one holds silhouettes
DEPTH = 3  # folders that may stand above the root of a tree


@dataclass(frozen=True)
class RawSource:
    """Raw silhouettes on disk: their layout, the parts to read, and the files that belong to none."""

    path: str
    name: str
    pattern: PathPattern
    parts: list[RawPart]
    strays: list[str]


def open_raw(raw: str | os.PathLike, layout: str | PathPattern = "auto", subjects=None) -> RawSource:
    """Find the silhouettes in a folder or archive.

    Args:
        raw: a folder tree, a folder of tar archives (one per subject), one tar archive, or a zip archive of either.
        layout: "auto", "casia-b", "ou-mvlp", "opengait", a `PathPattern`, or the path of a YAML description
            (see `tf3dlocal.data.folders.read_description`).
        subjects: names of the subjects wanted; None takes all.

    Raises:
        RawDataError: nothing there, no known layout, or a wanted subject that is not there.
    """
    raw = pathlib.Path(raw)
    if not raw.exists():
        raise RawDataError(f"{raw} does not exist.")
    wanted = None if subjects is None else frozenset(subject_names(subjects))
    name, patterns = _candidates(raw, layout)
    for pattern in patterns:
        strays: list[str] = []
        parts = _parts(raw, pattern, strays, wanted)
        if parts:
            return RawSource(os.fspath(raw), name, pattern, parts, sorted(strays))
    tried = "; ".join(f"{pattern.layout}: {pattern.pattern}" for pattern in patterns)
    which = "" if wanted is None else f" of the subjects {', '.join(sorted(wanted))}"
    raise RawDataError(
        f"{raw}: no silhouettes{which} found. Looked for {tried}. Paths seen: {_examples(raw)}. For another layout "
        'write a YAML file with one line such as  pattern: "{subject}/{condition}/{view}/{frame}.png"  and give it as '
        "the layout."
    )


def read_raw(raw: str | os.PathLike, layout: str | PathPattern = "auto", subjects=None) -> Iterator[RawSequence]:
    """The sequences of raw silhouettes one after another, frames unread until asked for.

    Args and errors as `open_raw`. Files that belong to no sequence are passed over: `prepare` reports them.
    """
    for part in open_raw(raw, layout, subjects).parts:
        yield from part.sequences([])


def subject_names(subjects) -> list[str]:
    """Subjects as they may be given, one or several, numbers or names: ["001", "002"]."""
    return sorted(map(str, [subjects] if isinstance(subjects, str) else subjects))


def _candidates(raw, layout):
    """The data set's name and the layouts to try."""
    tar = TAR_NAME.fullmatch(raw.name)
    name = tar["stem"] if tar else raw.resolve().name.removesuffix(".zip") or "walks"
    if isinstance(layout, PathPattern):
        return name, [layout]
    if layout == "auto":
        return name, list(LAYOUTS.values())
    if layout in LAYOUTS:
        return name, [LAYOUTS[layout]]
    if str(layout).endswith((".yaml", ".yml")):
        if not pathlib.Path(layout).is_file():
            raise RawDataError(f"The layout file {layout} does not exist.")
        name, pattern = read_description(layout)
        return name, [pattern]
    raise RawDataError(f"Unknown layout {layout!r}: use auto, {', '.join(LAYOUTS)} or the path of a YAML file.")


def _parts(raw: pathlib.Path, pattern: PathPattern, strays: list[str], subjects) -> list[RawPart]:
    if raw.is_dir():
        return _parts_of_folder(raw, pattern, strays, subjects)
    if raw.suffix.lower() == ".zip":
        return _known(zip_parts(raw, pattern, strays, subjects), pattern)
    if TAR_NAME.fullmatch(raw.name):
        part = tar_part(raw, pattern, subjects)
        return _known([part] if part else [], pattern)
    raise RawDataError(f"{raw} is neither a folder nor a .tar, .tar.gz, .tgz or .zip archive.")


def _parts_of_folder(folder, pattern, strays, subjects):
    root = _root_of_tree(folder, pattern)
    archives = sorted(path for path in folder.iterdir() if path.is_file() and _is_archive(path))
    parts: list = [] if root is None else folder_parts(root, pattern, strays, subjects)
    held = []
    for path in archives:
        inside = zip_parts(path, pattern, strays, subjects) if path.suffix.lower() == ".zip" else None
        held += [tar_part(path, pattern, subjects)] if inside is None else inside
    parts += _known([part for part in held if part], pattern)
    if root is None:
        strays += [os.fspath(path) for path in folder.iterdir() if path not in archives]
    elif root == folder:
        strays[:] = [stray for stray in strays if pathlib.Path(stray) not in set(archives)]
    return parts


def _is_archive(path):
    return path.suffix.lower() == ".zip" or TAR_NAME.fullmatch(path.name)


def _known(parts, pattern):
    """The parts, or none of them where the first tar archives among them hold another layout."""
    tars = [part for part in parts if isinstance(part, TarPart)]
    faults = []
    for part in tars[:PEEKED_ARCHIVES]:
        try:
            if any(pattern.match(path) for path in part.peek(PEEK)):
                return parts
        except RawDataError as error:
            faults.append(error)
    if faults and len(faults) == len(tars):
        raise faults[0]  # nothing readable at all; a single bad archive is told when its turn comes
    return [part for part in parts if part not in tars]


def _root_of_tree(folder, pattern) -> pathlib.Path | None:
    """The folder below which the pattern begins: the given one, or one of its (grand)children."""
    level = [folder]
    for _ in range(DEPTH):
        for candidate in level:
            if _holds_a_frame(candidate, "", pattern, 0):
                return candidate
        level = [path for outer in level for path in sorted(outer.iterdir()) if path.is_dir()][:PEEK]
    return None


def _holds_a_frame(root, outer, pattern, depth):
    innermost = depth == len(pattern.components) - 1
    for entry in os.scandir(os.path.join(root, outer)):
        path = f"{outer}/{entry.name}" if outer else entry.name
        if innermost:
            found = pattern.match(path) and entry.is_file()
        elif entry.is_dir() and pattern.folder_expression(depth).fullmatch(entry.name):
            found = _holds_a_frame(root, path, pattern, depth + 1)
        else:
            found = False
        if found:
            return True
    return False


def _examples(raw: pathlib.Path) -> str:
    """A few paths that a person can compare with the layouts."""
    if raw.is_dir():
        paths = [os.path.relpath(path, raw) for path, _ in zip(raw.rglob("*"), range(200), strict=False)]
        paths = sorted(paths, key=lambda path: -path.count(os.sep))
    elif raw.suffix.lower() == ".zip":
        paths = zip_members(raw)
    else:
        try:
            with tarfile.open(raw) as archive:
                paths = [safe_member_path(member.name, raw) for member, _ in zip(archive, range(50), strict=False)]
        except (tarfile.TarError, OSError, EOFError) as error:
            return f"none ({error})"
    return ", ".join(paths[:3]) or "none"
