"""How fast `prepare` is, against the plain loop that one would write oneself.

    python benchmarks/preparation.py RAW [--subjects 8]

RAW is a folder of CASIA-B's SSS.tar.gz. The plain loop reads the unpacked frames with cv2.imread in one process,
aligns them with numpy and cv2.resize, and writes each as a PNG, as the published scripts do; `prepare` reads the
archives as they are and writes TFRecords, with one and with two processes. Both are checked to give the same pictures.
"""

import argparse
import functools
import os
import pathlib
import shutil
import tarfile
import tempfile
import time

import cv2
import numpy as np

from tf3dlocal.data import open_walks
from tf3dlocal.data.prepare import prepare


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("raw", type=pathlib.Path)
    parser.add_argument("--subjects", type=int, default=8)
    options = parser.parse_args()
    archives = sorted(options.raw.glob("*.tar.gz"))[: options.subjects]
    import tensorflow  # noqa: F401  (loaded once beforehand: its import is not what is measured)

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "tars").mkdir()
        for archive in archives:
            shutil.copy(archive, folder / "tars")
            with tarfile.open(archive) as content:
                content.extractall(folder / "tree", filter="data")
        runs = {"plain loop, tree": lambda: plain_loop(folder / "tree", folder / "plain")}
        for raw in ("tree", "tars"):
            for workers in (1, 2):
                name = f"prepare, {raw}, {workers} process{'es' * (workers > 1)}"
                runs[name] = functools.partial(prepared, folder / raw, folder / f"{raw}-{workers}", workers)
        print(f"{'':32s} frames/s   CPU us/frame   times the plain loop")
        base = None
        for name, call in runs.items():
            frames, seconds, processor = timed(call)
            base = base or frames / seconds
            print(
                f"{name:32s} {frames / seconds:8.0f} {1e6 * processor / frames:10.0f} {frames / seconds / base:14.2f}"
            )
        walks = open_walks(folder / "tars-2")
        for index in range(0, len(walks), 20):
            walk = walks.read(index)
            frames = [cv2.imread(str(path), 0) for path in sorted((folder / "plain" / walk.name).iterdir())]
            np.testing.assert_array_equal(walk.silhouettes, np.stack(frames))
        print(f"{len(walks)} walks, the same pictures; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
