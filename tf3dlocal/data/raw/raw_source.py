"""Find raw silhouettes on disk: recognise the layout and the container, and list the parts to read."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable
from dataclasses import dataclass

from tf3dlocal.data.raw.archives import TAR_NAME, TarPart, tar_part, zip_members, zip_parts
from tf3dlocal.data.raw.files import RawDataError, is_folder, natural_key
from tf3dlocal.data.raw.folders import folder_parts
from tf3dlocal.data.raw.known_data_sets import LAYOUTS
from tf3dlocal.data.raw.path_pattern import HELP, PathPattern, is_note_of_macos
from tf3dlocal.data.raw.sequences import RawPart
from tf3dlocal.io import UnreadableError, check_names, named_arguments, near_names, printable, user_path
from tf3dlocal.io.types import PathLike

PEEK = 2000  # paths of an archive that are compared with a layout
PEEKED_ARCHIVES = 5  # of a folder of archives, until one holds silhouettes
DEPTH = 3  # folders that may be above the root of a tree


@dataclass(frozen=True, kw_only=True)
class RawSource:
    """Raw silhouettes on disk.

    Attributes:
        path: The folder or archive.
        name: Name of the data set.
        pattern: The layout.
        parts: The parts to read, each by one process.
        strays: Files that belong to no part.
    """

    path: str
    name: str
    pattern: PathPattern
    parts: list[RawPart]
    strays: list[str]


@named_arguments
def open_raw(
    raw: PathLike, *, layout: str | PathLike | PathPattern = "auto", subjects: str | Iterable[str] | None = None
) -> RawSource:
    """Find the silhouettes in a folder or an archive.

    Args:
        raw: A folder tree, a folder of tar archives (one per subject), one tar archive, or a zip archive of either.
        layout: "auto", "casia-b", "ou-mvlp", "opengait", a `PathPattern`, or the path of a YAML layout file
            (see `tf3dlocal.data.raw.layout_file`).
        subjects: Names of the subjects to read. None reads all.

    Raises:
        RawDataError: `raw` does not exist, no known layout matches, or no subject of `subjects` is there.

    Example:
        >>> source = open_raw("CASIA-B/silhouettes")                     # doctest: +SKIP
        >>> next(source.parts[0].sequences(strays=[])).name              # doctest: +SKIP
        '001/bg-01/000'
    """
    raw = user_path(raw)
    if not raw.exists():
        raise RawDataError(f"{raw} does not exist.")
    wanted = None if subjects is None else frozenset(subject_names(subjects))
    name, patterns = _candidates(raw, layout)
    for pattern in patterns:
        strays: list[str] = []
        parts = _parts(raw, pattern=pattern, strays=strays, subjects=wanted)
        if wanted is not None:
            _check_subjects(raw, wanted, pattern=pattern, parts=parts)
        if parts:
            return RawSource(path=os.fspath(raw), name=name, pattern=pattern, parts=parts, strays=sorted(strays))
    seen = _examples(raw)
    tried = "; ".join(_tried(pattern, seen) for pattern in patterns)
    raise RawDataError(
        f"{raw}: no silhouettes found. Looked for {tried}. Paths seen: {', '.join(seen) or 'none'}. For another layout "
        f"write a YAML file and give it with --layout (in Python layout=). {HELP}"
    )


def subject_names(subjects: str | Iterable[str]) -> list[str]:
    """Return one or several subjects as a sorted list of names, such as ["001", "002"]."""
    return sorted(map(str, [subjects] if isinstance(subjects, str) else subjects))


def _tried(pattern: PathPattern, seen: list[str]) -> str:
    """Return a layout, and why the first path does not match it."""
    why = f" ({seen[0]}: {pattern.mismatch(seen[0])})" if seen and pattern.mismatch(seen[0]) else ""
    return f"{pattern.layout}: {pattern.pattern}{why}"


def _check_subjects(raw: pathlib.Path, wanted: frozenset[str], *, pattern: PathPattern, parts: list[RawPart]) -> None:
    """Raise RawDataError for wanted subjects that are not there, as far as the names of parts tell."""
    is_by_subject = all(not isinstance(part, TarPart) and part.name != "all" for part in parts)
    if parts and (not is_by_subject or wanted <= {part.name for part in parts}):
        return
    known = {part.name for part in _parts(raw, pattern=pattern, strays=[], subjects=None)}
    if known:
        try:
            check_names(sorted(wanted), known=sorted(known, key=natural_key), what="subject", where=f"{raw}, subjects")
        except ValueError as error:
            raise RawDataError(str(error)) from None


def _candidates(raw: pathlib.Path, layout: str | PathLike | PathPattern) -> tuple[str, list[PathPattern]]:
    """Return the name of the data set and the layouts to try."""
    tar = TAR_NAME.fullmatch(raw.name)
    name = tar["stem"] if tar else raw.resolve().name.removesuffix(".zip") or "walks"
    if isinstance(layout, PathPattern):
        return name, [layout]
    if not isinstance(layout, str | os.PathLike):
        raise TypeError(f"layout must be a name, a path or a PathPattern, got {layout!r}.")
    if layout == "auto":
        return name, list(LAYOUTS.values())
    if layout in LAYOUTS:
        return name, [LAYOUTS[layout]]
    if str(layout).endswith((".yaml", ".yml")):
        layout = user_path(layout)
        if not layout.exists():
            raise RawDataError(f"The layout file {layout} does not exist.")
        from tf3dlocal.data.raw.layout_file import read_layout_file  # imports pydantic and yaml

        named, pattern = read_layout_file(layout)
        return named or name, [pattern]
    help_text = near_names(str(layout), ["auto", *LAYOUTS])
    raise RawDataError(f"Unknown layout {layout!r}. {help_text} The path of a YAML file is a layout, too.")


def _parts(
    raw: pathlib.Path, *, pattern: PathPattern, strays: list[str], subjects: frozenset[str] | None
) -> list[RawPart]:
    if raw.is_dir():
        return _parts_of_folder(raw, pattern=pattern, strays=strays, subjects=subjects)
    if not raw.is_file() or not _is_archive(raw):
        raise RawDataError(f"{raw} is neither a folder nor a .tar, .tar.gz, .tgz or .zip archive.")
    return _matching(_parts_of_archive(raw, pattern=pattern, strays=strays, subjects=subjects), pattern)


def _parts_of_folder(
    folder: pathlib.Path, *, pattern: PathPattern, strays: list[str], subjects: frozenset[str] | None
) -> list[RawPart]:
    archives = {os.fspath(path) for path in folder.iterdir() if path.is_file() and _is_archive(path)}
    roots = _roots_of_trees(folder, pattern, strays)
    if not roots:
        strays += [os.fspath(path) for path in folder.iterdir() if path.is_file()]
    parts: list[RawPart] = []
    for root in roots:
        tree = os.fspath(root.relative_to(folder)) if len(roots) > 1 else ""
        parts += folder_parts(root, pattern=pattern, strays=strays, subjects=subjects, tree=tree)
    strays[:] = [stray for stray in strays if stray not in archives]
    found = []
    for path in sorted(archives):
        found += _parts_of_archive(pathlib.Path(path), pattern=pattern, strays=strays, subjects=subjects)
    return parts + _matching(found, pattern)


def _parts_of_archive(
    path: pathlib.Path, *, pattern: PathPattern, strays: list[str], subjects: frozenset[str] | None
) -> list[RawPart]:
    if path.suffix.lower() == ".zip":
        return zip_parts(path, pattern=pattern, strays=strays, subjects=subjects)
    part = tar_part(path, pattern=pattern, subjects=subjects)
    return [part] if part else []


def _is_archive(path: pathlib.Path) -> bool:
    is_named_so = path.suffix.lower() == ".zip" or TAR_NAME.fullmatch(path.name) is not None
    return is_named_so and not is_note_of_macos(path.name)


def _matching(parts: list[RawPart], pattern: PathPattern) -> list[RawPart]:
    """Return the parts, without the tar archives where the first of them hold another layout."""
    tars = [part for part in parts if isinstance(part, TarPart)]
    faults = []
    for part in tars[:PEEKED_ARCHIVES]:
        try:
            if any(pattern.match(path) for path in part.peek(PEEK)):
                return parts
        except UnreadableError as error:
            faults.append(error)
    if faults and len(faults) == len(tars):
        raise faults[0]  # nothing is readable; a single bad archive is reported when it is read
    return [part for part in parts if part not in tars]


def _roots_of_trees(
    folder: pathlib.Path, pattern: PathPattern, strays: list[str], *, depth: int = DEPTH
) -> list[pathlib.Path]:
    """Return the folders below which the pattern begins: `folder`, or those among its children and grandchildren.

    Folders without such a tree are added to `strays`, the outermost only.
    """
    if _holds_a_frame(folder, "", pattern):
        return [folder]
    if depth == 1:
        return []
    roots: list[pathlib.Path] = []
    for inner in sorted(filter(pathlib.Path.is_dir, folder.iterdir()), key=lambda path: natural_key(path.name)):
        below: list[str] = []
        try:
            found = _roots_of_trees(inner, pattern, below, depth=depth - 1)
        except PermissionError as error:
            strays.append(f"{error.filename}/ (a folder that you may not read)")
            continue
        roots += found
        strays += below if found else [f"{inner}/ (a folder without a tree of this layout)"]
    return roots


def _holds_a_frame(root: pathlib.Path, outer: str, pattern: PathPattern) -> bool:
    depth = outer.count("/") + 1 if outer else 0
    innermost = depth == len(pattern.components) - 1
    for entry in os.scandir(os.path.join(root, outer)):
        path = f"{outer}/{entry.name}" if outer else entry.name
        if innermost:
            found = pattern.match(path) and not is_folder(entry)
        elif is_folder(entry) and pattern.folder_expression(depth).fullmatch(entry.name):
            found = _holds_a_frame(root, path, pattern)
        else:
            found = False
        if found:
            return True
    return False


def _examples(raw: pathlib.Path) -> list[str]:
    """Return a few paths that a person can compare with the layouts: of files, where there are some."""
    if raw.is_dir():
        found = [(path.is_dir(), path) for path, _ in zip(raw.rglob("*"), range(200), strict=False)]
        paths = [os.path.relpath(path, raw).replace(os.sep, "/") for _, path in found]
        is_folder = dict(zip(paths, (is_folder for is_folder, _ in found), strict=True))
        paths = sorted(paths, key=lambda path: (is_folder[path], -path.count("/"), natural_key(path)))
    elif raw.suffix.lower() == ".zip":
        paths = zip_members(raw)
    else:
        pattern = next(iter(LAYOUTS.values()))
        paths = TarPart(name="", path=os.fspath(raw), pattern=pattern).peek(50)
    return [printable(path) for path in paths[:3]]
