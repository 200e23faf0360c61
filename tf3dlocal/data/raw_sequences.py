"""Raw silhouettes before alignment: sequences, the parts they are read in, and the errors of reading them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np

from tf3dlocal.data.frames import FrameFault, read_frame

LARGEST_FILE = 64 * 2**20  # bytes; a file beyond this is neither a frame nor a walk and is not read into memory


class RawDataError(ValueError):
    """The raw data cannot be read as they are; the message names the file and the way out."""


@dataclass(frozen=True)
class RawSequence:
    """One person walking past one camera once, as it lies on disk: nothing is read before `frames()`.

    `files` maps a frame's path to a function that gives its bytes, in natural order of the paths. `aligned` says
    whether the frames are taken as they are.
    """

    aligned: ClassVar[bool] = False
    subject: str
    condition: str
    view_degrees: int
    source: str
    files: dict[str, Callable[[], bytes]] = field(repr=False)

    @property
    def name(self) -> str:
        """subject/condition/view, as `Walk.name`."""
        return f"{self.subject}/{self.condition}/{self.view_degrees:03d}"

    def frames(self) -> Iterator[tuple[str, np.ndarray | FrameFault]]:
        """Each frame's path with its picture, uint8 [height, width], or with what is wrong with it."""
        for name, read in self.files.items():
            try:
                content = read()
            except OSError as error:
                yield name, FrameFault(f"unreadable file ({error.strerror or error})")
                continue
            yield name, read_frame(content)


class RawPart(Protocol):
    """A part of the raw data that one process reads in one go: a subject's folders, or one archive."""

    name: str

    def fingerprint(self) -> str:
        """A text that changes when the files of this part change."""

    def sequences(self, strays: list[str]) -> Iterator[RawSequence]:
        """The sequences of this part by name; files that belong to none are added to `strays`."""


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Sorting key under which frame 2 comes before frame 10.

    Example:
        >>> sorted(["10.png", "9.png", "1.png"], key=natural_key)
        ['1.png', '9.png', '10.png']
    """
    pieces = re.split(r"(\d+)", text)
    return [(1, int(piece), piece) if piece.isdecimal() else (0, 0, piece) for piece in pieces if piece]
