"""Measure the speed of `prepare`, compared with the plain loop that one would write instead.

    python benchmarks/preparation.py [RAW] [--subjects N] [--quick] [--rounds N] [--json FILE] [--out [DIR]]

RAW is a folder of CASIA-B's SSS.tar.gz; without it synthetic walkers are drawn and packed in the same way. The plain
loop
reads the unpacked frames with cv2.imread in one process, aligns them with numpy and cv2.resize, and writes each as a
PNG, as the published scripts do. `prepare` reads the archives as they are and writes TFRecords, with one and with two
processes. All take turns, every run in a new process, and are checked to give the same pictures. The peak memory does
not include the processes that `prepare` starts. Starting them takes a quarter of a second and more, which matters
below some ten thousand frames.
"""

import os
import pathlib
import shutil
import tarfile
import tempfile

import cv2
import numpy as np
from measuring import Alternative, fresh_calls
from measuring.scripts import keep, options_of, show

from tf3dlocal.data import open_walks, prepare
from tf3dlocal.data.walkers import write_walkers


def plain_alignment(frame, size=64):
    """Align one frame by the published steps in numpy: uint8 [height, width] -> uint8 [size, size] or None."""
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


def run(raw, out, *, total_frames, workers=None):
    """Return a callable that aligns all frames once, with `prepare`, or in the plain loop if `workers` is None."""
    shutil.rmtree(out, ignore_errors=True)  # of the previous round
    if workers is not None:
        import tensorflow  # noqa: F401  (loaded first, so that its import is not measured)

    def call():
        if workers is None:
            count = plain_loop(pathlib.Path(raw), pathlib.Path(out))
        else:
            count = prepare(raw, out=out, name="bench", workers=workers, progress=False).num_raw_frames
        if count != total_frames:
            raise ValueError(f"{raw} has {total_frames} frames, but {count} were read.")

    call.facts = {"total_frames": total_frames}
    return call


def alternatives(folder, total_frames):
    """Yield the plain loop, and `prepare` from a tree and from archives; each writes to its own folder below `out`."""

    def here(label, layout, out, **arguments):
        arguments |= {"raw": str(folder / layout), "out": str(folder / "out" / out), "total_frames": total_frames}
        return Alternative(label, function=f"{pathlib.Path(__file__).resolve()}:run", arguments=arguments)

    yield here("plain loop, tree", "tree", "plain")
    for layout in ("tree", "tars"):
        for workers in (1, 2):
            label = f"prepare, {layout}, {workers} process{'es' * (workers > 1)}"
            yield here(label, layout, f"{layout}-{workers}", workers=workers)


def check_pictures(out):
    """Compare every twentieth walk of all prepared data sets with the plain loop's; returns the number of walks."""
    for folder in sorted(out.glob("t*-*")):
        walks = open_walks(folder)
        for index in range(0, len(walks), 20):
            walk = walks.read(index)
            frames = [cv2.imread(str(path), 0) for path in sorted((out / "plain" / walk.name).iterdir())]
            np.testing.assert_array_equal(walk.silhouettes, np.stack(frames))
    return len(walks)


def archives_of_walkers(folder, *, subjects, frames, views):
    """Draw synthetic walkers, one SSS.tar.gz each; returns the folder of the archives."""
    raw = write_walkers(folder / "raw", subjects=subjects, frames=frames, views=views, progress=False)
    packed = folder / "archives"
    packed.mkdir()
    for person in sorted(path for path in raw.iterdir() if path.is_dir()):
        with tarfile.open(packed / f"{person.name}.tar.gz", "w:gz", compresslevel=6) as archive:
            archive.add(person, arcname=person.name)
    shutil.rmtree(raw)
    return packed


def main():
    parser = options_of(__doc__)
    parser.add_argument("raw", type=pathlib.Path, nargs="?", help="folder of SSS.tar.gz (default: drawn walkers)")
    parser.add_argument("--subjects", type=int, help="how many subjects (default: 8 of RAW, 16 drawn)")
    options = parser.parse_args()
    subjects = options.subjects or (2 if options.quick else 8 if options.raw else 16)
    rounds = options.rounds or (1 if options.quick else 3)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name in ("tars", "out"):
            (folder / name).mkdir()
        frames, views = (15, (0, 90)) if options.quick else (60, (0, 54, 90, 144))
        raw = options.raw or archives_of_walkers(folder, subjects=subjects, frames=frames, views=views)
        archives = sorted(raw.glob("*.tar.gz"))[:subjects]
        if not archives:
            parser.error(f"The folder {raw} has no SSS.tar.gz.")
        for archive in archives:
            shutil.copy(archive, folder / "tars")
            with tarfile.open(archive) as content:
                content.extractall(folder / "tree", filter="data")
        total_frames = sum(1 for _ in (folder / "tree").glob("*/*/*/*.png"))
        source = f"of {options.raw}" if options.raw else "of drawn walkers"
        title = f"preparation of {total_frames:,} frames {source}"
        result = fresh_calls(title, alternatives=list(alternatives(folder, total_frames)), rounds=rounds)
        result.conditions |= {"walks": check_pictures(folder / "out"), "pictures": "the same in all"}
    show(result)
    keep("preparation", description=__doc__, results=[result], options=options)


if __name__ == "__main__":
    main()
