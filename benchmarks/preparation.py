"""How fast `prepare` is, against the plain loop that one would write oneself.

    python benchmarks/preparation.py [RAW] [--subjects 8] [--quick] [--json FILE] [--out [DIR]]

RAW is a folder of CASIA-B's SSS.tar.gz; without it synthetic walkers are drawn and packed so. The plain loop reads the
unpacked frames with cv2.imread in one process, aligns them with numpy and cv2.resize, and writes each as a PNG, as the
published scripts do; `prepare` reads the archives as they are and writes TFRecords, with one and with two processes. All
are checked to give the same pictures.
"""

import functools
import os
import pathlib
import shutil
import tarfile
import tempfile
import time

import cv2
import numpy as np
from _tables import console, keep_text, options_of

from tf3dlocal.benchmark.machine_facts import load_average, machine_facts
from tf3dlocal.data import open_walks
from tf3dlocal.data.prepare import prepare
from tf3dlocal.data.walkers import write_walkers


def plain_alignment(frame, size=64):
    """The published steps in numpy: uint8 [height, width] -> uint8 [size, size] or None."""
    if frame.sum() <= 10_000:
        return None
    rows = np.flatnonzero(frame.sum(axis=1))
    frame = frame[rows[0] : rows[-1] + 1]
    width = int(size * (frame.shape[1] / frame.shape[0]))
    frame = cv2.resize(frame, (width, size), interpolation=cv2.INTER_CUBIC)
    centre = int((frame.sum(axis=0).cumsum() > frame.sum() / 2).argmax())
    margin = np.zeros((size, size // 2), np.uint8)
    return np.concatenate([margin, frame, margin], axis=1)[:, centre : centre + size]


def plain_loop(tree, out):
    """Align every frame of a tree; returns the number of frames."""
    count = 0
    for folder in sorted(path for path in tree.glob("*/*/*") if path.is_dir()):
        target = out / folder.relative_to(tree)
        target.mkdir(parents=True)
        for name in sorted(os.listdir(folder)):
            aligned = plain_alignment(cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE))
            count += 1
            if aligned is not None:
                cv2.imwrite(str(target / name), aligned)
    return count


def prepared(raw, out, workers):
    """Prepare; returns the number of frames."""
    return prepare(raw, out, name="bench", workers=workers, progress=False).num_raw_frames


def timed(call):
    """(result, seconds on the clock, processor seconds of this process and its children)."""
    before, clock = os.times(), time.perf_counter()
    result = call()
    after = os.times()
    return result, time.perf_counter() - clock, sum(after[:4]) - sum(before[:4])


def archives_of_walkers(folder, subjects, frames, views):
    """Synthetic walkers, one SSS.tar.gz for each; returns the folder of the archives."""
    raw = write_walkers(folder / "raw", subjects, frames=frames, views=views, progress=False)
    packed = folder / "archives"
    packed.mkdir()
    for person in sorted(path for path in raw.iterdir() if path.is_dir()):
        with tarfile.open(packed / f"{person.name}.tar.gz", "w:gz", compresslevel=6) as archive:
            archive.add(person, arcname=person.name)
    shutil.rmtree(raw)
    return packed


def main():
    parser = options_of(__doc__)
    parser.add_argument("raw", type=pathlib.Path, nargs="?", help="folder of SSS.tar.gz; walkers are drawn if not given")
    parser.add_argument("--subjects", type=int, help="how many of them; 8 of RAW, 4 drawn ones")
    options = parser.parse_args()
    subjects = options.subjects or (2 if options.quick else 8 if options.raw else 4)
    import tensorflow  # noqa: F401  (loaded once beforehand: its import is not what is measured)

    before = load_average()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "tars").mkdir()
        frames, views = (15, (0, 90)) if options.quick else (60, (0, 54, 90, 144))
        raw = options.raw or archives_of_walkers(folder, subjects, frames, views)
        archives = sorted(raw.glob("*.tar.gz"))[:subjects]
        if not archives:
            parser.error(f"{raw} has no SSS.tar.gz")
        for archive in archives:
            shutil.copy(archive, folder / "tars")
            with tarfile.open(archive) as content:
                content.extractall(folder / "tree", filter="data")
        runs = {"plain loop, tree": lambda: plain_loop(folder / "tree", folder / "plain")}
        for layout in ("tree", "tars"):
            for workers in (1, 2):
                name = f"prepare, {layout}, {workers} process{'es' * (workers > 1)}"
                runs[name] = functools.partial(prepared, folder / layout, folder / f"{layout}-{workers}", workers)
        rows = []
        for name, call in runs.items():
            frames, seconds, processor = timed(call)
            row = {"name": name, "frames": frames, "frames_per_second": frames / seconds}
            rows.append(row | {"processor_microseconds_per_frame": 1e6 * processor / frames})
        walks = open_walks(folder / "tars-2")
        for index in range(0, len(walks), 20):
            walk = walks.read(index)
            frames = [cv2.imread(str(path), 0) for path in sorted((folder / "plain" / walk.name).iterdir())]
            np.testing.assert_array_equal(walk.silhouettes, np.stack(frames))
        load = {"before": before, "after": load_average()}
        lines = ["| | frames/s | CPU us/frame | times the plain loop |", "|---|--:|--:|--:|"]
        lines += [
            f"| {row['name']} | {row['frames_per_second']:.0f} | {row['processor_microseconds_per_frame']:.0f} "
            f"| {row['frames_per_second'] / rows[0]['frames_per_second']:.2f} |"
            for row in rows
        ]
        source = "of " + str(options.raw) if options.raw else "of drawn walkers"
        count = f"{len(walks)} walks, {rows[0]['frames']} frames {source}"
        lines += ["", f"{count}; all give the same pictures; load {load['before']}, {load['after']}"]
    console.print("\n".join(lines), markup=False)
    content = {"benchmark": "preparation", "quick": options.quick, "rows": rows, "machine": machine_facts(), "load": load}
    keep_text("preparation", f"# {__doc__.splitlines()[0]}\n\n" + "\n".join(lines) + "\n", content, options)


if __name__ == "__main__":
    main()
