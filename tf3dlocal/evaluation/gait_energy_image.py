"""The gait energy image (GEI), and the baseline that identifies by its nearest neighbour.

The GEI of a walk is the mean of its aligned silhouettes. Two walks are compared by the Euclidean distance of their
GEIs; nothing is trained. What a network learns has to show against this.

Source: J. Han and B. Bhanu, "Individual recognition using gait energy image", IEEE TPAMI 28(2), 2006, eq. 1. The
average is over whole walks here, not over whole gait cycles: data sets do not mark the cycles.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tf3dlocal.evaluation.cross_view import cross_view
from tf3dlocal.evaluation.cross_view_result import CrossViewResult
from tf3dlocal.evaluation.progress import progress_bar
from tf3dlocal.evaluation.protocol import Protocol, load_protocol, match_conditions


def gait_energy_image(silhouettes: np.ndarray) -> np.ndarray:
    """Mean over the frames, ``G(y, x) = sum_t B_t(y, x) / T``.

    Args:
        silhouettes: uint8 [frames, height, width], 0..255, aligned.

    Returns:
        float32 [height, width], 0..1.

    Raises:
        ValueError: If there is no frame, or the array is not uint8 [frames, height, width].

    Example:
        >>> gait_energy_image(np.array([[[255, 0]], [[255, 255]]], "uint8"))
        array([[1. , 0.5]], dtype=float32)
    """
    silhouettes = np.asarray(silhouettes)
    if silhouettes.ndim != 3 or silhouettes.dtype != np.uint8 or len(silhouettes) == 0:
        raise ValueError(
            "a gait energy image needs silhouettes as uint8 [frames, height, width] with at least one frame, "
            f"not {silhouettes.dtype} {list(silhouettes.shape)}"
        )
    return (silhouettes.mean(axis=0, dtype="float64") / 255).astype("float32")


def evaluate_gait_energy(
    walks,
    protocol: Protocol | str,
    max_rank: int = 5,
    min_frames: int = 1,
    probes_without_gallery: str | None = None,
    details: dict | None = None,
    progress: bool = True,
) -> CrossViewResult:
    """Cross-view identification by the nearest gait energy image, on the walks and by the rules of a protocol.

    Args:
        walks: A WalkDataset, or anything with the columns `subjects`, `conditions`, `view_degrees`, `num_frames` and with
            `read(i)` that gives an object with `silhouettes`, uint8 [frames, height, width] of one size.
        protocol: As for `evaluate`.
        max_rank: Rank-1 to rank-k are counted.
        min_frames: Shorter walks are left out.
        probes_without_gallery: "keep" or "drop"; None: what the protocol says.
        details: Further facts for the reports.
        progress: Whether to show a bar on standard error.

    Returns:
        The same result as for a network: rank-k by pair of views, means with identical views excluded or included.

    Raises:
        ProtocolError: The protocol cannot be read, or the data set lacks test subjects, gallery or probes.

    Example:
        >>> result = evaluate_gait_energy(open_walks("prepared"), "casia-b-st")  # doctest: +SKIP
        >>> result.mean(identical_views="only")  # NM, BG, CL  # doctest: +SKIP
    """
    protocol = load_protocol(protocol)
    subjects, conditions, views, num_frames = (
        np.asarray(getattr(walks, name)) for name in ("subjects", "conditions", "view_degrees", "num_frames")
    )
    named = [name for names in (protocol.gallery, *protocol.probes.values()) for name in names]
    tested = np.isin(subjects, protocol.split(subjects).test) & match_conditions(conditions, named)
    rows = np.flatnonzero(tested & (num_frames >= min_frames))
    facts = {"data": getattr(walks, "name", None), "model": "gait energy image, nearest neighbour", **(details or {})}
    if num_short := int(tested.sum()) - len(rows):
        facts["left out"] = f"{num_short} test walks shorter than {min_frames} frames"
    images = []
    with progress_bar("averaging walks", len(rows), progress) as advance:
        for row in rows:
            images.append(gait_energy_image(walks.read(int(row)).silhouettes).ravel())
            advance(1)
    embeddings = np.stack(images) if images else np.zeros((0, 1), "float32")
    result = cross_view(
        embeddings,
        subjects[rows],
        conditions[rows],
        views[rows],
        protocol,
        max_rank=max_rank,
        probes_without_gallery=probes_without_gallery,
        details=facts,
        progress=progress,
    )
    return dataclasses.replace(result, distance="Euclidean")
