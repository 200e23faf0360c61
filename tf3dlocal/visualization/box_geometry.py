"""From where a local path looks, in cells and frames of its map, to a box in the pixels of the silhouettes."""

from typing import NamedTuple

import numpy as np

FIELDS = ("center_x", "center_y", "center_t", "stride_x", "stride_y", "stride_t", "variance", "confidence")


class PartBox(NamedTuple):
    """Edges in pixels (pixel p has its centre at p), whether the part reads each frame, and its weight, all [frames]."""

    left: np.ndarray
    top: np.ndarray
    right: np.ndarray
    bottom: np.ndarray
    read: np.ndarray
    confidence: np.ndarray


def part_box(location, map_size, picture_size, num_frames, num_rows=None, grid="symmetric"):
    """The box that a located part covers in every frame.

        edges = center -+ stride n / 2 in cells,    pixel = (cell + 1/2) scale - 1/2

    with n = the map's width for x, its height (or `num_rows`) for y, the frames for t. Cell p of the map has its own
    centre at coordinate p, as pixel p of the silhouette has, and covers `scale` pixels.

    Args:
        location: float [8] or [frames, 8], the numbers of `FIELDS` in cells and frames.
        map_size: (height, width) of the map, in cells.
        picture_size: (height, width) of the silhouettes, in pixels.
        num_frames: frames of the walk that the part was located in.
        num_rows: sampled rows where they are fewer than the map's.
        grid: "symmetric" about the centre, or "release": half a stride nearer to the origin on all three axes, as the
            authors' code lays it.

    Returns:
        `PartBox`. In time the walk has one extent, that of the mean over frames, as when it is sampled.

    Raises:
        ValueError: another shape of the location, a number that is not finite, or an unknown grid.

    Example:
        >>> box = part_box([1.0, 0.5, 1.0, 0.5, 1.0, 0.5, 0.1, 0.7], (2, 4), (8, 16), num_frames=3)
        >>> [float(edge[0]) for edge in (box.left, box.top, box.right, box.bottom)]  # cells 0 to 2 and -0.5 to 1.5
        [1.5, -0.5, 9.5, 7.5]
        >>> box.read  # frames 0.25 to 1.75
        array([False,  True, False])
    """
    location = np.asarray(location, "float64")
    if location.shape not in ((len(FIELDS),), (num_frames, len(FIELDS))):
        raise ValueError(
            f"a location is [{len(FIELDS)}] ({', '.join(FIELDS)}) or, with a place for every frame, "
            f"[{num_frames}, {len(FIELDS)}], not {list(location.shape)}: take one walk of a batch, located in just the "
            "frames that are drawn"
        )
    if not np.isfinite(location).all():
        raise ValueError(f"a location holds numbers that are not finite: {location.tolist()}")
    if grid not in ("symmetric", "release"):
        raise ValueError(f'grid is "symmetric" or "release", not {grid!r}')
    x, y, t, stride_x, stride_y, stride_t, _, confidence = np.broadcast_to(location, (num_frames, len(FIELDS))).T
    (height, width), (picture_height, picture_width) = map_size, picture_size

    def edges(center, stride, count):
        if grid == "release":
            center = center - stride / 2
        return center - stride * count / 2, center + stride * count / 2

    def pixel(cell, scale):
        return (cell + 0.5) * scale - 0.5

    left, right = (pixel(edge, picture_width / width) for edge in edges(x, stride_x, width))
    top, bottom = (pixel(edge, picture_height / height) for edge in edges(y, stride_y, num_rows or height))
    begin, end = edges(t.mean(), stride_t.mean(), num_frames)
    frame = np.arange(num_frames)
    return PartBox(left, top, right, bottom, (begin <= frame) & (frame <= end), confidence)
