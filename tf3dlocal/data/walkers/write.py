"""A folder of synthetic walkers in the raw layout of CASIA-B."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import rich.console
import rich.progress

from tf3dlocal.data.walkers.camera import VIEWS_DEGREES
from tf3dlocal.data.walkers.draw import check_walk, draw_views
from tf3dlocal.data.walkers.share_out import share_out

try:
    import fcntl
except ImportError:  # not on Windows: what a killed call leaves there stays, hidden by its leading dot
    fcntl = None

SEQUENCES = tuple([f"nm-{n:02d}" for n in range(1, 7)] + ["bg-01", "bg-02", "cl-01", "cl-02"])
# Encoding costs more than drawing. Run lengths suit two flat colours, and trying out PNG's row filters would take five
# times as long and give larger files; an older cv2 cannot be told to leave them alone.
_PNG_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
if hasattr(cv2, "IMWRITE_PNG_FILTER"):
    _PNG_OPTIONS += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]


def write_walkers(
    out: str | os.PathLike,
    subjects: int = 20,
    seed: int = 0,
    frames: int = 30,
    views: Sequence[int] = VIEWS_DEGREES,
    sequences: Sequence[str] = SEQUENCES,
    image_size: tuple[int, int] = (240, 320),
    workers: int | None = None,
    progress: bool = True,
) -> pathlib.Path:
    """Draws walkers 001, 002, .. into OUT/001/nm-01/000/001-nm-01-000-001.png and so on, 8-bit grey, 0 or 255.

    A subject's folder appears only when it is complete; one that is there already is kept, so a call that was cut off
    goes on where it stopped and a larger `subjects` adds to what is there. The pictures depend on the seed and the
    names alone, not on the number of workers.

    Args:
        out: The folder, made if it is missing.
        subjects: Number of persons.
        seed: Another seed draws other persons.
        frames: Pictures a walk, 25 a second.
        views: Of 0, 18, .. 180 degrees.
        sequences: Conditions with their number, by default those of CASIA-B.
        image_size: Height and width in pixels.
        workers: Processes; None takes the cores that this process may use.
        progress: Whether to show a bar on standard error.

    Returns:
        The folder.

    Raises:
        ValueError: If an argument is out of range, or the folder holds walkers drawn with other settings.
        OSError: If the disk does not take the pictures; complete subjects stay.
        RuntimeError: If a worker ends before its work.

    Example:
        >>> import tempfile
        >>> folder = write_walkers(tempfile.mkdtemp(), subjects=1, frames=2, views=[90], sequences=["nm-01"],
        ...                        workers=1, progress=False)
        >>> sorted(path.name for path in folder.rglob("*.png"))
        ['001-nm-01-090-001.png', '001-nm-01-090-002.png']
    """
    out = pathlib.Path(out)
    settings = {
        "seed": int(seed),
        "frames": int(frames),
        "views": [int(view) for view in views],
        "sequences": list(sequences),
        "image_size": [int(size) for size in image_size],
    }
    _check(subjects, settings, workers)
    out.mkdir(parents=True, exist_ok=True)
    missing = _check_folder(out, subjects, settings)
    _clear_left_behind(out)
    if workers is None:
        workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(workers, len(missing))
    columns = (*rich.progress.Progress.get_default_columns(), rich.progress.MofNCompleteColumn())
    with rich.progress.Progress(*columns, console=rich.console.Console(stderr=True), disable=not progress) as bar:
        num_walks = len(settings["views"]) * len(settings["sequences"])
        task = bar.add_task(
            "drawing walks", total=subjects * num_walks, completed=(subjects - len(missing)) * num_walks
        )

        def advance():
            bar.advance(task, len(settings["views"]))

        if workers > 1:
            share_out(out, missing, settings, workers, advance)
        else:
            for number in missing:
                write_subject(out, number, settings, advance)
    _clear_left_behind(out)  # a killed process may need a moment to end
    return out


def write_subject(out: pathlib.Path, number: int, settings: dict, advance: Callable[[], None]) -> None:
    """Draws one subject under a passing name and gives it its own when it is complete."""
    name = f"{number:03d}"
    partial = out / f".{name}.partial-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    handle = _hold(partial)
    try:
        for sequence in settings["sequences"]:
            walks = draw_views(
                settings["seed"], number, sequence, settings["views"], settings["frames"], tuple(settings["image_size"])
            )
            for view, walk in zip(settings["views"], walks):
                folder = partial / sequence / f"{view:03d}"
                folder.mkdir(parents=True)
                for index, frame in enumerate(walk, start=1):
                    picture = cv2.imencode(".png", frame, _PNG_OPTIONS)[1]
                    with open(f"{folder}/{name}-{sequence}-{view:03d}-{index:03d}.png", "wb") as file:
                        file.write(picture)
            advance()
        os.replace(partial, out / name)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, OSError) and (out / name).is_dir():
            return  # another call has drawn the same pictures meanwhile
        raise
    finally:
        if handle is not None:
            os.close(handle)


def _check(subjects: int, settings: dict, workers: int | None) -> None:
    if not 1 <= subjects <= 999:
        raise ValueError(f"subjects must be between 1 and 999 (names have three digits), not {subjects}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be 1 or more, or None for all cores, not {workers}")
    if settings["seed"] < 0:
        raise ValueError(f"seed must be 0 or more, not {settings['seed']}")
    for key in ("views", "sequences"):
        if not settings[key]:
            raise ValueError(f"{key} is empty: there is nothing to draw")
        if len(set(settings[key])) < len(settings[key]):
            raise ValueError(f"{key} names something twice: {settings[key]}")
    for sequence in settings["sequences"]:
        check_walk(1, sequence, settings["views"], settings["frames"], settings["image_size"])


def _check_folder(out: pathlib.Path, subjects: int, settings: dict) -> list[int]:
    """Which subjects are missing; refuses a folder that holds something else.

    There is no file of settings to trust: the first walk of each subject that is there is drawn again and compared.
    """
    for entry in out.iterdir():
        if not entry.name.startswith(".") and not (re.fullmatch(r"\d{3}", entry.name) and entry.is_dir()):
            raise ValueError(f"{out} holds {entry.name}, which write_walkers did not write: choose another folder")
    missing = []
    for number in range(1, subjects + 1):
        folder = out / f"{number:03d}"
        if not folder.exists():
            missing.append(number)
        elif not _is_drawn_so(folder, number, settings):
            raise ValueError(
                f"{folder} was drawn with other settings (seed, frames, views, sequences or image_size) or by "
                "another version: give the settings it was drawn with, delete it, or choose another folder"
            )
    return missing


def _is_drawn_so(folder: pathlib.Path, number: int, settings: dict) -> bool:
    """Whether a subject's folder has the wanted sequences and views, and its first walk is what is drawn today."""
    sequences, views = settings["sequences"], settings["views"]
    if sorted(path.name for path in folder.iterdir()) != sorted(sequences):
        return False
    if any(
        sorted(os.listdir(folder / sequence)) != [f"{view:03d}" for view in sorted(views)] for sequence in sequences
    ):
        return False
    pictures = sorted((folder / sequences[0] / f"{views[0]:03d}").iterdir())
    if len(pictures) != settings["frames"]:
        return False
    walk = next(
        draw_views(settings["seed"], number, sequences[0], views[:1], settings["frames"], tuple(settings["image_size"]))
    )
    return all(
        np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), frame) for path, frame in zip(pictures, walk)
    )


def _hold(folder: pathlib.Path) -> int | None:
    """A handle that marks a folder as being drawn into, until it is closed or the process ends; None if it is taken."""
    if fcntl is None:
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _clear_left_behind(out: pathlib.Path) -> None:
    """Removes what a killed call has left, but not what another call is drawing at this moment."""
    for partial in out.glob(".[0-9][0-9][0-9].partial-*"):
        handle = _hold(partial)
        if handle is not None:
            shutil.rmtree(partial, ignore_errors=True)
            os.close(handle)
