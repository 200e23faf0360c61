"""The gait energy image (GEI), and the baseline that identifies by the nearest one.

The GEI of a walk is the mean of its aligned silhouettes. Two walks are compared by the Euclidean distance of their
GEIs. There is no training, so a network has to score higher than this.

Source: J. Han and B. Bhanu, "Individual recognition using gait energy image", IEEE TPAMI 28(2), 2006, eq. 1. The
average is over whole walks here, not over whole gait cycles: data sets do not mark the cycles.
"""

import dataclasses
from typing import Any

import numpy as np

from tf3dlocal.evaluation.cross_view_result import CrossViewResult
from tf3dlocal.evaluation.evaluate import evaluate_embeddings
from tf3dlocal.evaluation.protocol import Protocol
from tf3dlocal.io import progress_bar
from tf3dlocal.io.types import PathLike

GAIT_ENERGY = "gait energy images"  # name of the baseline in reports


def gait_energy_image(silhouettes: np.ndarray) -> np.ndarray:
    """Compute the mean over the frames, ``G(y, x) = sum_t B_t(y, x) / T``.

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
            "A gait energy image needs silhouettes as uint8 [frames, height, width] with at least one frame, "
            f"not {silhouettes.dtype} {list(silhouettes.shape)}."
        )
    return (silhouettes.mean(axis=0, dtype="float64") / 255).astype("float32")


def evaluate_gait_energy(
    walks: Any,
    *,
    protocol: Protocol | PathLike,
    max_rank: int = 5,
    min_frames: int = 1,
    probes_without_gallery: str | None = None,
    details: dict | None = None,
    comparisons: bool = False,
    progress: bool = True,
) -> CrossViewResult:
    """Identify every probe across views by the nearest gait energy image.

    Args:
        walks: As for `evaluate`; all silhouettes have one size.
        protocol: As for `evaluate`.
        max_rank: Rank-1 to rank-k are counted.
        min_frames: Shorter walks are not used, and counted in the notices.
        probes_without_gallery: "keep" or "drop". Default: the protocol's choice.
        details: Further facts for the reports.
        comparisons: As for `evaluate`.
        progress: Show a progress bar.

    Returns:
        CrossViewResult, as for a network.

    Raises:
        ProtocolError: If the protocol cannot be read, or the data set lacks test subjects, gallery or probes.

    Example:
        >>> result = evaluate_gait_energy(open_walks("prepared"), protocol="casia-b-st")  # doctest: +SKIP
        >>> result.mean(identical_views="only")  # NM, BG, CL  # doctest: +SKIP
    """
    result = evaluate_embeddings(
        _embed,
        walks=walks,
        protocol=protocol,
        max_rank=max_rank,
        probes_without_gallery=probes_without_gallery,
        min_frames=min_frames,
        method=GAIT_ENERGY,
        details={"model": "nearest gait energy image", "seed": "none, nothing is trained", **(details or {})},
        comparisons=comparisons,
        progress=progress,
    )
    return dataclasses.replace(result, distance="Euclidean")


def _embed(*, walks: Any, progress: bool) -> np.ndarray:
    """Compute the gait energy images of walks as vectors: float32 [walks, height * width]."""
    images = []
    with progress_bar("averaging walks", total=len(walks.num_frames), shown=progress) as advance:
        for row in range(len(walks.num_frames)):
            images.append(gait_energy_image(walks.read(row).silhouettes).ravel())
            advance(1)
    return np.stack(images)
