"""A folder of synthetic walkers in the raw layout of CASIA-B."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

import cv2
import rich.progress

from tf3dlocal.data.walkers.camera import VIEWS_DEGREES
from tf3dlocal.data.walkers.draw import check_walk, draw_views

SEQUENCES = tuple([f"nm-{n:02d}" for n in range(1, 7)] + ["bg-01", "bg-02", "cl-01", "cl-02"])
# Encoding costs more than drawing. Run lengths suit two flat colours, and trying out PNG's row filters would take five
# times as long and give larger files; cv2 before 4.12 cannot be told to leave them alone.
_PNG_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
if hasattr(cv2, "IMWRITE_PNG_FILTER"):
    _PNG_OPTIONS += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
_SETTINGS_FILE = ".walkers.json"


def write_walkers(out: str | os.PathLike, subjects: int = 20, seed: int = 0, frames: int = 30,
                  views: Sequence[int] = VIEWS_DEGREES, sequences: Sequence[str] = SEQUENCES,
                  image_size: tuple[int, int] = (240, 320), workers: int | None = None,
                  progress: bool = True) -> pathlib.Path:
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
    settings = {"seed": int(seed), "frames": int(frames), "views": [int(view) for view in views],
                "sequences": list(sequences), "image_size": [int(size) for size in image_size]}
    _check(subjects, settings, workers)
    out.mkdir(parents=True, exist_ok=True)
    _keep_settings(out, settings)
    missing = [number for number in range(1, subjects + 1) if not (out / f"{number:03d}").is_dir()]
    if workers is None:
        workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(workers, len(missing))
    columns = (*rich.progress.Progress.get_default_columns(), rich.progress.MofNCompleteColumn())
    with rich.progress.Progress(*columns, console=rich.console.Console(stderr=True), disable=not progress) as bar:
        num_walks = len(settings["views"]) * len(settings["sequences"])
        task = bar.add_task("drawing walks", total=subjects * num_walks, completed=(subjects - len(missing)) * num_walks)

        def advance():
            bar.advance(task, len(settings["views"]))

        if workers > 1:
            _share_out(out, missing, settings, workers, advance)
        else:
            for number in missing:
                write_subject(out, number, settings, advance)
    return out


def write_subject(out: pathlib.Path, number: int, settings: dict, advance: Callable[[], None]) -> None:
    """Draws one subject under a passing name and gives it its own when it is complete."""
    name = f"{number:03d}"
    partial = out / f".{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)  # of a call that was cut off
    try:
        for sequence in settings["sequences"]:
            walks = draw_views(settings["seed"], number, sequence, settings["views"], settings["frames"],
                               tuple(settings["image_size"]))
            for view, walk in zip(settings["views"], walks):
                folder = partial / sequence / f"{view:03d}"
                folder.mkdir(parents=True)
                for index, frame in enumerate(walk, start=1):
                    picture = cv2.imencode(".png", frame, _PNG_OPTIONS)[1]
                    with open(f"{folder}/{name}-{sequence}-{view:03d}-{index:03d}.png", "wb") as file:
                        file.write(picture)
            advance()
        os.replace(partial, out / name)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


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


def _keep_settings(out: pathlib.Path, settings: dict) -> None:
    """Writes the settings beside the pictures, or refuses to mix two data sets in one folder."""
    path = out / _SETTINGS_FILE
    if path.exists():
        try:
            found = json.loads(path.read_text())
        except ValueError:
            raise ValueError(f"{path} is not readable as JSON: delete the folder {out}, or choose another") from None
        different = [key for key in settings if not isinstance(found, dict) or found.get(key) != settings[key]]
        if different:
            raise ValueError(f"{out} holds walkers drawn with another {' and '.join(different)} (see {path}): "
                             "give the same settings to go on, or choose another folder")
        return
    if any(out.iterdir()):
        raise ValueError(f"{out} is not empty and was not written by write_walkers: choose another folder")
    passing = path.with_name(f"{path.name}.{os.getpid()}")
    passing.write_text(json.dumps(settings))
    os.replace(passing, path)


def _share_out(out: pathlib.Path, numbers: list[int], settings: dict, workers: int, advance: Callable[[], None]) -> None:
    """Lets several processes draw. They are plain commands: nothing is forked, and scripts need no main guard."""
    import selectors

    command = [sys.executable, "-m", "tf3dlocal.data.walkers.worker"]
    jobs = [json.dumps({"out": str(out.resolve()), "numbers": numbers[k::workers], "settings": settings})
            for k in range(workers)]
    root = str(pathlib.Path(__file__).resolve().parents[3])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  env=environment) for _ in jobs]
    try:
        with selectors.DefaultSelector() as selector:
            for process, job in zip(processes, jobs):
                process.stdin.write(job.encode())
                process.stdin.close()
                selector.register(process.stdout, selectors.EVENT_READ, process)
            while selector.get_map():
                for key, _ in selector.select():
                    said = os.read(key.fd, 4096)
                    for _ in range(said.count(b"\n")):
                        advance()
                    if not said:
                        selector.unregister(key.fileobj)
                        if key.data.wait():
                            reason = key.data.stderr.read().decode(errors="replace").strip()
                            raise RuntimeError(f"a worker that draws walkers into {out} failed; complete subjects are "
                                               f"kept and the same call goes on from there. It said:\n{reason}")
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                pipe.close()
