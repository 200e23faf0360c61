"""Alignment of one sequence of raw frames, with an account of what was dropped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tf3dlocal.data.raw.files import RawDataError
from tf3dlocal.data.raw.frames import FrameFault
from tf3dlocal.data.raw.opengait_pickles import square_silhouette
from tf3dlocal.data.raw.sequences import RawSequence
from tf3dlocal.data.records.walk_records import MAX_PNG_ROWS, encode_frames
from tf3dlocal.data.silhouettes import align_silhouette


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """The settings of an aligned frame.

    Attributes:
        size: Height and width in pixels.
        minimum_pixel_sum: A raw frame whose grey values sum to this or less is dropped.
    """

    size: int
    minimum_pixel_sum: int


def align_sequence(sequence: RawSequence, alignment: Alignment) -> tuple[bytes, dict]:
    """Align the frames of one sequence, or take them as they are where they are aligned already.

    Returns:
        The film strip (PNG, empty where no frame is usable) and what the report needs: subject, condition, view,
        source, the number of frames read and kept, how many were aligned already and how many of these lacked their
        sides, and the names of the dropped frames by reason.

    Raises:
        RawDataError: Frames are aligned to another size, a pickle cannot be read, or there are too many frames.
    """
    kept, dropped, num_raw_frames, num_cut = [], {}, 0, 0
    for name, frame in sequence.frames():
        num_raw_frames += 1
        if isinstance(frame, FrameFault):
            dropped.setdefault(frame.reason, []).append(name)
            continue
        if sequence.aligned:
            num_cut += frame.shape[1] < frame.shape[0]
            aligned = _as_it_is(frame, alignment.size, source=f"{sequence.source}/{name}")
        else:
            aligned = align_silhouette(frame, size=alignment.size, minimum_pixel_sum=alignment.minimum_pixel_sum)
        if aligned is None:
            reason = "too few foreground pixels" if frame.any() else "all black"
            dropped.setdefault(reason, []).append(name)
        else:
            kept.append(aligned)
    if len(kept) * alignment.size > MAX_PNG_ROWS:
        most = MAX_PNG_ROWS // alignment.size
        raise RawDataError(
            f"{sequence.source}: {sequence.name} has {len(kept)} frames, and a walk may have {most}. Cut it."
        )
    facts = {
        "subject": sequence.subject,
        "condition": sequence.condition,
        "view_degrees": sequence.view_degrees,
        "num_frames": len(kept),
        "num_raw_frames": num_raw_frames,
        "num_came_aligned": num_raw_frames if sequence.aligned else 0,
        "num_came_cut": num_cut,
        "source": sequence.source,
        "dropped": dropped,
    }
    return (encode_frames(np.stack(kept)) if kept else b""), facts


def _as_it_is(frame: np.ndarray, size: int, *, source: str) -> np.ndarray | None:
    """Return a frame that is aligned already, or None where it is black. The sum of raw pixels has no meaning here."""
    if (square := square_silhouette(frame, size)) is None:
        height, width = frame.shape
        raise RawDataError(
            f"{source}: the frames are aligned to {height} x {width} pixels, and the size is {size}. Give --size "
            f"{height} (in Python size={height}), or start from the raw frames for another size."
        )
    return square if square.any() else None
