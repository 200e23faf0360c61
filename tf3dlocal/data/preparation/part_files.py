"""What one process of `prepare` writes: the aligned walks of one part of the raw data, in one file."""

from __future__ import annotations

import hashlib
import json
import pathlib
import re
from dataclasses import asdict

import cv2
import numpy as np

from tf3dlocal.data.preparation.alignment import Alignment, align_sequence
from tf3dlocal.data.raw.files import RawDataError
from tf3dlocal.data.raw.sequences import RawPart
from tf3dlocal.io import UnreadableError, read_npz, readable, write_file
from tf3dlocal.io.types import PathLike

LISTED_FAULTS = 3  # of one part
SOLUTION = "Delete it and prepare again. All other parts are kept."


def part_file_name(part: RawPart, alignment: Alignment) -> str:
    """Return a name that only the same raw files with the same settings have, so that the file can be used again."""
    key = json.dumps([part.name, part.fingerprint(), *asdict(alignment).values()])
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', part.name)[:80]}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"


def write_part(part: RawPart, *, alignment: Alignment, path: PathLike) -> int:
    """Align all sequences of a part and write them, whole or not at all.

    Returns:
        The number of raw frames.

    Raises:
        RawDataError: Some files cannot be read. The message names them, or the first and how many more there are.
        UnreadableError: The archive of the part is damaged.
    """
    cv2.setNumThreads(1)  # there is one process per core already
    strays: list[str] = []
    strips, facts, faults = [], [], []
    for sequence in part.sequences(strays):
        try:
            strip, fact = align_sequence(sequence, alignment)
        except UnreadableError as error:
            faults.append(str(error))
            continue
        strips.append(strip)
        facts.append(fact)
    if faults:
        more = [f"{len(faults) - LISTED_FAULTS} more walks of part {part.name} cannot be read either."]
        raise RawDataError("\n".join(faults[:LISTED_FAULTS] + more * (len(faults) > LISTED_FAULTS)))
    arrays = {
        "strips": np.frombuffer(b"".join(strips), np.uint8),
        "lengths": np.array([len(strip) for strip in strips], np.int64),
        "facts": np.frombuffer(json.dumps({"sequences": facts, "strays": strays}).encode(), np.uint8),
    }
    write_file(path, lambda unfinished: np.savez(unfinished, **arrays))
    return sum(fact["num_raw_frames"] for fact in facts)


def read_part(path: PathLike) -> tuple[list[bytes], dict]:
    """Read a part file.

    Returns:
        (film strips, {"sequences": [...], "strays": [...]}).

    Raises:
        UnreadableError: The file is damaged. Without it, the part is aligned again.
    """
    path = pathlib.Path(path)
    arrays = read_npz(path, keys=("strips", "lengths", "facts"), solution=SOLUTION)
    with readable(path, solution=SOLUTION):
        strips, lengths = arrays["strips"].tobytes(), arrays["lengths"]
        facts = json.loads(arrays["facts"].tobytes())
        ends = np.cumsum(lengths)
        return [strips[end - length : end] for end, length in zip(ends, lengths, strict=True)], facts
