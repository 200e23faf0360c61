"""Conversion of a location, in cells and frames of a feature map, to a box in the pixels of the silhouettes."""

from typing import NamedTuple

import numpy as np

FIELDS = ("center_x", "center_y", "center_t", "stride_x", "stride_y", "stride_t", "variance", "confidence")
GEOMETRIES = ("paper", "release")


class PartBox(NamedTuple):
    """Box of a part in every frame; all fields are [frames].

    Attributes:
        left: Left edge in pixels; pixel p has its centre at p.
        top: Top edge in pixels.
        right: Right edge in pixels.
        bottom: Bottom edge in pixels.
        read: Whether the part reads the frame.
        confidence: Weight of the part.
    """

    left: np.ndarray
    top: np.ndarray
    right: np.ndarray
    bottom: np.ndarray
    read: np.ndarray
    confidence: np.ndarray


def part_box(
    location: np.ndarray,
    *,
    map_size: tuple[int, int],
    picture_size: tuple[int, int],
    num_frames: int,
    num_rows: int | None = None,
    geometry: str = "paper",
) -> PartBox:
    """Compute the box that a located part covers in every frame.

        edges = center -+ stride n / 2 in cells,    pixel = (cell + 1/2) scale - 1/2

    n is the width of the map for x, its height (or `num_rows`) for y, and the number of frames for t. Cell p of the map
    has its centre at coordinate p, as pixel p of the silhouette does, and covers `scale` pixels.

    Args:
        location: float [8] or [frames, 8], the numbers of `FIELDS` in cells and frames.
        map_size: Height and width of the map, in cells.
        picture_size: Height and width of the silhouettes, in pixels.
        num_frames: Frames of the walk in which the part was located.
        num_rows: Number of sampled rows if it is lower than that of the map.
        geometry: "paper": the sampled grid is symmetric about the centre. "release": it lies half a stride closer to
            the origin on all three axes, as in the authors' code.

    Returns:
        The box. Its extent in time is the same for the whole walk, from the mean location over the frames, as in the
        sampler.

    Raises:
        ValueError: The location has another shape or a number that is not finite, or the geometry is unknown.

    Example:
        >>> location = [1.0, 0.5, 1.0, 0.5, 1.0, 0.5, 0.1, 0.7]
        >>> box = part_box(location, map_size=(2, 4), picture_size=(8, 16), num_frames=3)
        >>> [float(edge[0]) for edge in (box.left, box.top, box.right, box.bottom)]  # cells 0 to 2 and -0.5 to 1.5
        [1.5, -0.5, 9.5, 7.5]
        >>> box.read  # frames 0.25 to 1.75
        array([False,  True, False])
    """
    location = np.asarray(location, "float64")
    if location.shape not in ((len(FIELDS),), (num_frames, len(FIELDS))):
        raise ValueError(
            f"A location has shape [{len(FIELDS)}] ({', '.join(FIELDS)}) or, with one location per frame, "
            f"[{num_frames}, {len(FIELDS)}], not {list(location.shape)}. Take one walk of a batch, located in just "
            "the frames that are drawn."
        )
    if not np.isfinite(location).all():
        raise ValueError(f"The location has numbers that are not finite: {location.tolist()!r}.")
    if geometry not in GEOMETRIES:
        raise ValueError(f'The geometry must be "paper" or "release", not {geometry!r}.')
    x, y, t, stride_x, stride_y, stride_t, _, confidence = np.broadcast_to(location, (num_frames, len(FIELDS))).T
    (height, width), (picture_height, picture_width) = map_size, picture_size

    def edges(center, stride, count):
        if geometry == "release":
            center = center - stride / 2
        return center - stride * count / 2, center + stride * count / 2

    def pixel(cell, scale):
        return (cell + 0.5) * scale - 0.5

    left, right = (pixel(edge, picture_width / width) for edge in edges(x, stride_x, width))
    top, bottom = (pixel(edge, picture_height / height) for edge in edges(y, stride_y, num_rows or height))
    begin, end = edges(t.mean(), stride_t.mean(), num_frames)
    frame = np.arange(num_frames)
    read = (begin <= frame) & (frame <= end)
    return PartBox(left=left, top=top, right=right, bottom=bottom, read=read, confidence=confidence)
