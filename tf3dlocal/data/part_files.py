"""What one process of `prepare` leaves behind: the aligned walks of one part of the raw data, in one file."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pathlib
import re
import zipfile
from dataclasses import dataclass

import cv2
import numpy as np

from tf3dlocal.data.frames import FrameFault
from tf3dlocal.data.opengait_pickles import square_silhouette
from tf3dlocal.data.raw_sequences import RawDataError, RawPart, RawSequence
from tf3dlocal.data.silhouettes import align_silhouette
from tf3dlocal.data.tfrecords import MAX_PNG_ROWS, encode_film_strip

FAULTS_TOLD = 3  # of one part


@dataclass(frozen=True)
class Alignment:
    """The settings that decide what an aligned frame looks like."""

    size: int
    minimum_pixel_sum: int


def align_sequence(sequence: RawSequence, alignment: Alignment) -> tuple[bytes, dict]:
    """Align the frames of one sequence, or take them as they are where they come aligned.

    Returns:
        the film strip (PNG, empty where no frame is usable) and what the report needs: who, how, from where, the
        number of frames read and kept, how many came aligned and how many of these without their sides, and the
        names of the dropped frames by reason.

    Raises:
        RawDataError: frames that came aligned to another size, a pickle that cannot be read, or too many frames.
    """
    kept, dropped, count, num_cut = [], {}, 0, 0
    for count, (name, frame) in enumerate(sequence.frames(), 1):
        if isinstance(frame, FrameFault):
            dropped.setdefault(frame.reason, []).append(name)
            continue
        if sequence.aligned:
            num_cut += frame.shape[1] < frame.shape[0]
            aligned = _as_it_is(frame, alignment.size, f"{sequence.source}/{name}")
        else:
            aligned = align_silhouette(frame, alignment.size, alignment.minimum_pixel_sum)
        if aligned is None:
            reason = "too few foreground pixels" if frame.any() else "all black"
            dropped.setdefault(reason, []).append(name)
        else:
            kept.append(aligned)
    if len(kept) * alignment.size > MAX_PNG_ROWS:
        most = MAX_PNG_ROWS // alignment.size
        raise RawDataError(
            f"{sequence.source}: {sequence.name} has {len(kept)} frames; a walk may have {most}. Cut it."
        )
    facts = {
        "subject": sequence.subject,
        "condition": sequence.condition,
        "view_degrees": sequence.view_degrees,
        "num_frames": len(kept),
        "num_raw_frames": count,
        "num_came_aligned": count if sequence.aligned else 0,
        "num_came_cut": num_cut,
        "source": sequence.source,
        "dropped": dropped,
    }
    return (encode_film_strip(np.stack(kept)) if kept else b""), facts


def _as_it_is(frame, size, source):
    """A frame that came aligned; None where nothing is on it. The sum of raw pixels has no meaning here."""
    if (square := square_silhouette(frame, size)) is None:
        height, width = frame.shape
        raise RawDataError(
            f"{source}: the frames were aligned to {height} x {width} pixels, and {size} are asked for. Give --size "
            f"{height} (in Python size={height}); for another size start from the raw frames."
        )
    return square if square.any() else None


def part_file_name(part: RawPart, alignment: Alignment) -> str:
    """A name that only the same raw files with the same settings have: what lies there may be used again."""
    key = json.dumps([part.name, part.fingerprint(), alignment.size, alignment.minimum_pixel_sum])
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', part.name)[:80]}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"


def write_part(part: RawPart, alignment: Alignment, path: str | os.PathLike) -> int:
    """Align all sequences of a part and write them, whole or not at all; returns the number of raw frames.

    Raises:
        RawDataError: some of its files cannot be read; the message names them all, or the first and how many more.
    """
    cv2.setNumThreads(1)  # one process per core already
    strays: list[str] = []
    strips, facts, faults = [], [], []
    for sequence in part.sequences(strays):
        try:
            strip, fact = align_sequence(sequence, alignment)
        except RawDataError as error:
            faults.append(str(error))
            continue
        strips.append(strip)
        facts.append(fact)
    if faults:
        more = [f"{len(faults) - FAULTS_TOLD} more walks of part {part.name} cannot be read either."]
        raise RawDataError("\n".join(faults[:FAULTS_TOLD] + more * (len(faults) > FAULTS_TOLD)))
    buffer = io.BytesIO()
    np.savez(
        buffer,
        strips=np.frombuffer(b"".join(strips), np.uint8),
        lengths=np.array([len(strip) for strip in strips], np.int64),
        facts=np.frombuffer(json.dumps({"sequences": facts, "strays": strays}).encode(), np.uint8),
    )
    write_atomically(path, buffer.getbuffer())
    return sum(fact["num_raw_frames"] for fact in facts)


def read_part(path: str | os.PathLike) -> tuple[list[bytes], dict]:
    """(film strips, {"sequences": [...], "strays": [...]}) of a part file.

    Raises:
        ValueError: the file is damaged; delete it, and it is made again.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            strips, lengths = content["strips"].tobytes(), content["lengths"]
            facts = json.loads(content["facts"].tobytes())
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is damaged ({error}): delete it and prepare again; all other parts are kept."
        ) from error
    ends = np.cumsum(lengths)
    return [strips[end - length : end] for end, length in zip(ends, lengths, strict=True)], facts


def write_atomically(path: str | os.PathLike, content) -> None:
    """Write a file whole or not at all: under a temporary name in the same folder, then renamed."""
    path = pathlib.Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
