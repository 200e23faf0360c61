"""A tiny prepared data set of moving blobs, for tests that need walks but not people."""

import cv2
import numpy as np

from tf3dlocal.data import Walk
from tf3dlocal.data.records.dataset_index import write_index
from tf3dlocal.data.records.shards import shard_name, write_shard

SUBJECTS = ("001", "002", "003", "004")
CONDITIONS = tuple(f"nm-0{n}" for n in range(1, 7)) + ("bg-01", "bg-02", "cl-01", "cl-02")
VIEWS = (0, 90, 180)


def small_walk(subject="001", condition="nm-01", view_degrees=90, num_frames=None, size=64):
    """One walk of a blob with legs: `Walk`, uint8 [frames, size, size]; the same arguments give the same walk."""
    person, scale = int(subject), size / 64
    rng = np.random.default_rng([person, CONDITIONS.index(condition), view_degrees])
    frames = rng.integers(9, 16) if num_frames is None else num_frames
    phase = rng.uniform(0, 2 * np.pi)
    girth = 4 + 1.5 * person + (3 if condition.startswith("cl") else 0)
    top = 4 + 2 * person
    swing = (4 + 2 * person) * (0.3 + 0.7 * np.sin(np.radians(view_degrees)))
    silhouettes = np.zeros([frames, size, size], np.uint8)
    for t, frame in enumerate(silhouettes):
        step = swing * np.sin(phase + 0.5 * t)

        def at(x, y):
            return round(x * scale), round(y * scale)

        cv2.ellipse(frame, at(32, top + 18), at(girth, 20), 0, 0, 360, 255, -1)
        cv2.circle(frame, at(32, top), max(round(4 * scale), 1), 255, -1)
        for foot in (32 + step, 32 - step):
            cv2.line(frame, at(32, 38), at(foot, 62), 255, max(round(4 * scale), 1))
        if condition.startswith("bg"):
            cv2.circle(frame, at(32 - girth, 24), max(round(5 * scale), 1), 255, -1)
    return Walk(silhouettes, subject=subject, condition=condition, view_degrees=view_degrees)


def write_small_walks(folder, size=64, num_shards=2, subjects=SUBJECTS):
    """Write all of them as a prepared data set into `folder`."""
    walks = [small_walk(s, c, v, size=size) for s in subjects for c in CONDITIONS for v in VIEWS]
    shards = {}
    for shard in range(num_shards):
        name = shard_name(shard, num_shards)
        inside = walks[shard * len(walks) // num_shards : (shard + 1) * len(walks) // num_shards]
        shards[name] = write_shard(folder / name, inside)
    write_index(folder, name="small walks", size=size, shards=shards)


def some_walk(frames=5, size=16, seed=0, **who):
    """A walk of random pixels: uint8 [frames, size, size]."""
    silhouettes = np.random.default_rng(seed).integers(0, 256, [frames, size, size], dtype=np.uint8)
    return Walk(silhouettes, **{"subject": "001", "condition": "nm-01", "view_degrees": 90, **who})
