"""A folder of synthetic walkers in the raw layout of CASIA-B."""

import os
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import cv2
import numpy as np

from tf3dlocal.data.walkers.camera import VIEWS_DEGREES
from tf3dlocal.data.walkers.draw import check_walk, draw_views, parse_variety
from tf3dlocal.data.walkers.processes import share_out
from tf3dlocal.io import check_seed, named_arguments, new_folder, num_cores, progress_bar, remove_unfinished, user_path
from tf3dlocal.io.types import PathLike

SEQUENCES = tuple([f"nm-{n:02d}" for n in range(1, 7)] + ["bg-01", "bg-02", "cl-01", "cl-02"])
# Encoding takes longer than drawing. Run lengths suit two flat colours. Trying PNG's row filters would take five times
# as long and give larger files; an older cv2 has no option to turn them off.
_PNG_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
if hasattr(cv2, "IMWRITE_PNG_FILTER"):
    _PNG_OPTIONS += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]


@named_arguments
def write_walkers(
    out: PathLike,
    *,
    subjects: int = 20,
    seed: int = 0,
    frames: int = 30,
    views: Sequence[int] = VIEWS_DEGREES,
    sequences: Sequence[str] = SEQUENCES,
    image_size: tuple[int, int] = (240, 320),
    variety: str = "mild",
    workers: int | None = None,
    progress: bool = True,
) -> pathlib.Path:
    """Draw walkers 001, 002, ... into OUT/001/nm-01/000/001-nm-01-000-001.png etc., 8-bit grey, 0 or 255.

    The folder of a subject appears only when it is complete, and existing ones are kept. So a call that was interrupted
    can be repeated, and a larger `subjects` adds to what exists. The pictures depend on the seed and the names only,
    not on the number of workers.

    Args:
        out: The folder; it is created if it does not exist.
        subjects: Number of persons.
        seed: Random seed; another seed draws other persons.
        frames: Pictures per walk, 25 per second.
        views: Some of 0, 18, ..., 180 degrees.
        sequences: Conditions with their numbers, by default those of CASIA-B.
        image_size: Height and width in pixels.
        variety: "mild", "wide" or aspects of "wide" (see `draw_walk`).
        workers: Number of processes; None uses the cores available to this process.
        progress: Whether to show a progress bar on standard error.

    Returns:
        The folder.

    Raises:
        ValueError: An argument is out of range, or the folder has walkers drawn with other settings.
        OSError: The pictures cannot be written; complete subjects are kept.
        RuntimeError: A process ends before its work is done.

    Example:
        >>> import tempfile
        >>> small = {"subjects": 1, "frames": 2, "views": [90], "sequences": ["nm-01"], "workers": 1}
        >>> folder = write_walkers(tempfile.mkdtemp(), **small, progress=False)
        >>> sorted(path.name for path in folder.rglob("*.png"))
        ['001-nm-01-090-001.png', '001-nm-01-090-002.png']
    """
    out = user_path(out)
    if isinstance(sequences, str) or not all(isinstance(name, str) for name in sequences):
        raise ValueError(f"sequences must be names such as 'nm-01', not {sequences!r}.")
    _check_whole_numbers({"subjects": subjects, "seed": seed, "frames": frames, "views": views, "workers": workers})
    settings = {
        "seed": int(seed),
        "frames": int(frames),
        "views": [int(view) for view in views],
        "sequences": list(sequences),
        "image_size": [int(size) for size in image_size],
        "variety": variety,
    }
    _check_arguments(subjects, settings, workers)
    out.mkdir(parents=True, exist_ok=True)
    missing = _missing_subjects(out, subjects, settings)
    remove_unfinished(out)
    workers = min(workers or num_cores(), len(missing))
    num_walks = len(settings["views"]) * len(settings["sequences"])
    total, done = subjects * num_walks, (subjects - len(missing)) * num_walks
    with progress_bar("drawing walks", total=total, done=done, shown=progress) as advance:

        def advance_sequence():
            advance(len(settings["views"]))

        if workers > 1:
            share_out(out, numbers=missing, settings=settings, workers=workers, advance=advance_sequence)
        else:
            for number in missing:
                write_subject(out, number=number, settings=settings, advance=advance_sequence)
    remove_unfinished(out)  # a killed process may take a moment to end
    return out


def write_subject(out: pathlib.Path, *, number: int, settings: dict, advance: Callable[[], object]) -> None:
    """Draw one subject; its folder appears when it is complete.

    Args:
        out: The folder of all subjects.
        number: Number of the subject.
        settings: "seed", "frames", "views", "sequences", "image_size" and "variety", as in `write_walkers`.
        advance: Called once for each sequence drawn.

    Raises:
        OSError: The pictures cannot be written.
    """
    name = f"{number:03d}"
    try:
        with new_folder(out / name) as subject:
            for sequence in settings["sequences"]:
                walks = _draw(number, sequence, settings["views"], settings=settings)
                for view, walk in zip(settings["views"], walks, strict=True):
                    folder = subject / sequence / f"{view:03d}"
                    folder.mkdir(parents=True)
                    for index, frame in enumerate(walk, start=1):
                        picture = cv2.imencode(".png", frame, _PNG_OPTIONS)[1]
                        with open(f"{folder}/{name}-{sequence}-{view:03d}-{index:03d}.png", "wb") as file:
                            file.write(picture)
                advance()
    except OSError:
        if not (out / name).is_dir():  # otherwise another call has drawn the same pictures in the meantime
            raise


def _draw(number: int, sequence: str, views: Sequence[int], *, settings: dict) -> Iterator[np.ndarray]:
    return draw_views(
        settings["seed"],
        subject=number,
        condition=sequence,
        views_degrees=views,
        frames=settings["frames"],
        image_size=tuple(settings["image_size"]),
        variety=settings["variety"],
    )


def _check_whole_numbers(arguments: dict) -> None:
    for name, value in arguments.items():
        for number in [value] if isinstance(value, str) or not isinstance(value, Iterable) else value:
            if not isinstance(number, int | np.integer) and not (name == "workers" and number is None):
                raise ValueError(f"{name} must be whole numbers, not {number!r}.")


def _check_arguments(subjects: int, settings: dict, workers: int | None) -> None:
    if not 1 <= subjects <= 999:
        raise ValueError(f"subjects must be between 1 and 999 (names have three digits), not {subjects!r}.")
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, or None for all cores, not {workers!r}.")
    check_seed(settings["seed"])
    parse_variety(settings["variety"])
    for key in ("views", "sequences"):
        if not settings[key]:
            raise ValueError(f"{key} is empty, so there is nothing to draw. Give at least one.")
        if len(set(settings[key])) < len(settings[key]):
            raise ValueError(f"{key} has an entry twice: {settings[key]!r}. Give each once.")
    size = {"frames": settings["frames"], "image_size": settings["image_size"]}
    for sequence in settings["sequences"]:
        check_walk(subject=1, condition=sequence, views_degrees=settings["views"], **size)


def _missing_subjects(out: pathlib.Path, subjects: int, settings: dict) -> list[int]:
    """List the subjects that are not in the folder; raise an error if it has anything else.

    No file records the settings: the first walk of each existing subject is drawn again and compared.
    """
    for entry in out.iterdir():
        if not entry.name.startswith(".") and not (re.fullmatch(r"\d{3}", entry.name) and entry.is_dir()):
            raise ValueError(f"{out} has {entry.name!r}, which write_walkers did not write. Choose another folder.")
    missing = []
    for number in range(1, subjects + 1):
        folder = out / f"{number:03d}"
        if not folder.exists():
            missing.append(number)
        elif not _is_drawn_with(folder, number, settings):
            raise ValueError(
                f"{folder} was drawn with other settings (seed, frames, views, sequences, image_size or variety) or by "
                "another version. Use its settings, delete it, or choose another folder."
            )
    return missing


def _is_drawn_with(folder: pathlib.Path, number: int, settings: dict) -> bool:
    """Check that a subject's folder has the right sequences and views, and that its first walk is drawn the same."""
    sequences, views = settings["sequences"], settings["views"]
    if sorted(os.listdir(folder)) != sorted(sequences):
        return False
    view_names = [f"{view:03d}" for view in sorted(views)]
    if any(sorted(os.listdir(folder / sequence)) != view_names for sequence in sequences):
        return False
    pictures = sorted((folder / sequences[0] / f"{views[0]:03d}").iterdir())
    if len(pictures) != settings["frames"]:
        return False
    walk = next(_draw(number, sequences[0], views[:1], settings=settings))
    return all(
        np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), frame)
        for path, frame in zip(pictures, walk, strict=True)
    )
