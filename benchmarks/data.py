"""Measure reading: batches for training, opening a large data set, and how reading grows.

    python benchmarks/data.py [TABLE ...] [--quick] [--rounds N] [--json FILE] [--out [DIR]]

batches: one batch from TFRecords on one core, compared with one training step of the smallest configs on all cores, on
batches of the same size, and with the plain way (a folder of PNGs, cv2.imread, numpy) on one core. open: a data set of
13,640 tiny walks from a cold process, compared with reading all records, as without an index. growth: all walks read
once. The walks are synthetic walkers that the script draws and prepares; benchmarks/preparation.py measures the
alignment.
"""

import os
import pathlib
import tempfile

import numpy as np
from measuring import Alternative, fresh_processes, side_by_side
from measuring.scripts import CONFIGS, chosen, keep, options_of, show

STEPS_OF = ("gaitpart_walkers", "gaitset_walkers", "three_d_local_walkers")
SHARD = "walks-00000-of-00001.tfrecord"
NUM_WALKS = 13_640  # 124 subjects, 10 walks, 11 views


def prepared_walkers(folder, quick):
    """Draw and prepare walkers: 8 subjects, 4 views, 60 frames (quick: 4, 1, 16); returns the folder."""
    from tf3dlocal.data import prepare
    from tf3dlocal.data.walkers import write_walkers

    if not (folder / "prepared").exists():
        subjects, frames, views = (4, 16, (90,)) if quick else (8, 60, (0, 36, 90, 144))
        write_walkers(folder / "raw", subjects=subjects, frames=frames, views=views, progress=False)
        prepare(folder / "raw", out=folder / "prepared", progress=False)
    return folder / "prepared"


def batches(prepared):
    """Return a callable that takes the next batch of 4 x 4 clips of 12 frames."""
    from tf3dlocal.data import open_walks, training_batches

    pin()
    walks = open_walks(prepared)
    iterator = iter(training_batches(walks, subjects_per_batch=4, walks_per_subject=4, clip_length=12, window=(12, 16)))
    return lambda: next(iterator)[0].numpy()


def plain_batches(raw):
    """Return the same batch from aligned picture files in a plain loop: read, stack, cut, mirror, scale."""
    import cv2

    pin()
    walks = sorted({path.parent for path in pathlib.Path(raw).glob("*/*/*/*.png")})
    rng = np.random.default_rng(0)

    def call():
        clips = []
        for number in rng.choice(len(walks), 16):
            names = sorted(walks[number].iterdir())
            start = rng.integers(0, len(names) - 12 + 1)
            frames = np.stack([cv2.imread(str(name), cv2.IMREAD_GRAYSCALE) for name in names[start : start + 12]])
            clips.append(frames[..., ::-1] if rng.random() < 0.5 else frames)
        return np.stack(clips)[..., 10:54, None].astype(np.float32) / 255

    return call


def write_aligned(prepared, folder):
    """Write each prepared frame as a PNG, for the plain loop."""
    import cv2

    from tf3dlocal.data import open_walks

    walks = open_walks(prepared)
    for i in range(len(walks)):
        walk = walks.read(i)
        target = folder / walk.name
        target.mkdir(parents=True)
        for number, frame in enumerate(walk.silhouettes):
            cv2.imwrite(str(target / f"{number:03d}.png"), frame)


def pin():
    """Keep this process on one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def read_all(prepared, num_walks, *, times):
    """Return a callable that reads walks as the evaluation does, each `times` times, as if there were as many walks."""
    from tf3dlocal.data import open_walks

    walks = open_walks(prepared)

    def call():
        return sum(int(walks.read(i % len(walks)).silhouettes[0, 0, 0]) for i in range(num_walks * times))

    call.facts = {"walks": num_walks * times, "total_frames": int(walks.num_frames[0]) * num_walks * times}
    return call


def write_many(folder, num_walks):
    """Write a data set of many walks of one frame, with CASIA-B's names."""
    # Not public: `prepare` alone writes data sets, and here is nothing to align.
    from tf3dlocal.data import Walk
    from tf3dlocal.data.records.dataset_index import write_index
    from tf3dlocal.data.records.shards import write_shard

    frame = np.zeros((1, 64, 64), np.uint8)
    frame[:, 2:62, 24:40] = 255
    conditions = [f"nm-{n:02d}" for n in range(1, 7)] + ["bg-01", "bg-02", "cl-01", "cl-02"]
    walks = (
        Walk(frame, subject=f"{1 + i // 110:03d}", condition=conditions[i // 11 % 10], view_degrees=18 * (i % 11))
        for i in range(num_walks)
    )
    folder.mkdir()
    write_index(folder, name="many", size=64, shards={SHARD: write_shard(folder / SHARD, walks)})


def batch_table(folder, options):
    prepared = prepared_walkers(folder, options.quick)
    if not (folder / "aligned").exists():
        write_aligned(prepared, folder / "aligned")
    alternatives = [here("TFRecords, one core", "batches", prepared=str(prepared))]
    alternatives += [here("plain: PNGs, cv2, one core", "plain_batches", raw=str(folder / "aligned"))]
    for config in STEPS_OF[:1] if options.quick else STEPS_OF:
        arguments = {"config": str(CONFIGS / f"{config}.yaml"), "walks": 16, "frames": 12}
        name = f"step of {config.removesuffix('_walkers')}"
        alternatives.append(Alternative(name, function="measuring.steps:training_step", arguments=arguments))
    conditions = {"batch": "16 clips of 12 frames"}
    # Many batches in a row: a few are read ahead at any time, and these alone would seem to cost nothing.
    return side_by_side(
        alternatives,
        title="batches",
        rounds=rounds_of(options),
        warm_ups=8,
        least_seconds=1.0,
        conditions=conditions,
        limit_seconds=300,
    )


def open_table(folder, options):
    num_walks = 440 if options.quick else NUM_WALKS
    write_many(folder / "many", num_walks)
    count = f"walks = open_walks({str(folder / 'many')!r}); assert len(walks) == {num_walks}"
    scan = (
        "import tensorflow as tf\n"
        f"records = tf.data.TFRecordDataset({str(folder / 'many' / SHARD)!r}).as_numpy_iterator()\n"
        f"assert sum(tf.train.Example.FromString(record) is not None for record in records) == {num_walks}"
    )
    programs = {
        "open_walks": f"from tf3dlocal.data import open_walks; {count}",
        "import numpy alone": "import numpy",
        "open_walks, after TensorFlow": f"import tensorflow; from tf3dlocal.data import open_walks; {count}",
        "import TensorFlow alone": "import tensorflow",
        "plain: every record read": scan,
    }
    return fresh_processes(
        f"open {num_walks:,} walks", programs=programs, rounds=rounds_of(options), conditions={"walks": num_walks}
    )


def growth_table(folder, options):
    prepared = str(prepared_walkers(folder, options.quick))
    alternatives = [
        here(f"read {40 * times} walks", "read_all", prepared=prepared, num_walks=40, times=times)
        for times in (1, 2, 4)
    ]
    return side_by_side(alternatives, title="growth: all walks read once", rounds=rounds_of(options), limit_seconds=120)


def rounds_of(options):
    return options.rounds or (2 if options.quick else 7)


def here(label, function, **arguments):
    return Alternative(label, function=f"{pathlib.Path(__file__).resolve()}:{function}", arguments=arguments)


TABLES = {"batches": batch_table, "open": open_table, "growth": growth_table}


def main():
    parser = options_of(__doc__, choices=TABLES)
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen(parser, options=options, tables=TABLES):
            results.append(TABLES[name](pathlib.Path(folder), options))
            show(results[-1])
    keep("data", description=__doc__, results=results, options=options)


if __name__ == "__main__":
    main()
