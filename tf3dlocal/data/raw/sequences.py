"""Raw silhouettes before alignment: sequences of frames, and the parts that one process reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np

from tf3dlocal.data.plausibility import plausible_silhouettes
from tf3dlocal.data.raw.files import RawDataError, is_text, natural_key, odd_name
from tf3dlocal.data.raw.frames import FrameFault, read_picture
from tf3dlocal.data.raw.opengait_pickles import silhouettes_of_pickle
from tf3dlocal.data.raw.path_pattern import PathPattern
from tf3dlocal.io import UnreadableError


@dataclass(frozen=True, kw_only=True)
class RawSequence:
    """One person walking past one camera once, as the files are on disk.

    Nothing is read before `frames()`.

    Attributes:
        subject: Name of the person.
        condition: Name of the condition.
        view_degrees: View in degrees.
        source: Folder or archive of the files, for messages.
        files: Path of a file to a function that returns its bytes, in natural order of the paths.
        aligned: Whether the frames are aligned already and taken as they are.
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
        """Yield the path of each frame with its picture, uint8 [height, width (, channels)], or with its fault."""
        for path, read in self.files.items():
            try:
                content = read()
            except OSError as error:
                yield path, FrameFault(f"unreadable file ({error.strerror or error})")
                continue
            yield path, read_picture(content)


class PickledSequence(RawSequence):
    """A sequence whose frames are in one pickle of OpenGait. They are aligned already and taken as they are."""

    aligned = True

    def frames(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield each frame as "PATH[number]" with its picture, uint8 [height, width].

        Raises:
            RawDataError: There are two pickles for one walk, or the pickle does not hold silhouettes.
        """
        if len(self.files) > 1:
            names = sorted(path.rsplit("/", 1)[-1] for path in self.files)
            raise RawDataError(
                f"{self.source}: {self.name} has {len(names)} pickles ({', '.join(names[:4])}), and only one can be "
                f"its silhouettes. {_advice(names, self._names_of_silhouettes())}"
            )
        ((path, read),) = self.files.items()
        source = f"{self.source}/{path}"
        try:
            content = read()
        except OSError as error:
            raise RawDataError(f"{source} cannot be read: {error.strerror or error}.") from error
        for number, frame in enumerate(silhouettes_of_pickle(content, source)):
            yield f"{path}[{number}]", frame

    def _names_of_silhouettes(self) -> list[str]:
        """Return the names of those of several pickles that hold silhouettes."""
        found = []
        for path, read in self.files.items():
            try:
                plausible_silhouettes(silhouettes_of_pickle(read(), path), source=path)
                found.append(path.rsplit("/", 1)[-1])
            except (OSError, UnreadableError):
                continue
        return found


class RawPart(Protocol):
    """A part of the raw data that one process reads: the folders of one subject, or one archive."""

    name: str

    def fingerprint(self) -> str:
        """Return a text that changes when the files of this part change."""

    def sequences(self, strays: list[str]) -> Iterator[RawSequence]:
        """Yield the sequences of this part by name. Files that belong to none are added to `strays`."""


def group_into_sequences(
    files: Iterable[tuple[str, Callable[[], bytes]]],
    *,
    pattern: PathPattern,
    source: str,
    strays: list[str],
    subjects: frozenset[str] | None = None,
) -> list[RawSequence]:
    """Group files into sequences by their paths.

    Args:
        files: (path with forward slashes, function that returns the bytes).
        pattern: Meaning of the paths. With a pattern that ends in .pkl, a file is a whole walk.
        source: Folder or archive of the files, for messages.
        strays: Paths that do not match are added here.
        subjects: Names of the subjects to keep. None keeps all.

    Returns:
        The sequences, sorted by subject, condition and view, with their frames in natural order.
    """
    groups: dict[tuple[str, str, int], dict] = {}
    for path, read in files:
        place = pattern.match(path)
        if place is None:
            strays.append(f"{source}/{path}{odd_name(path)}")
        elif not is_text(f"{place[0]}{place[1]}"):
            strays.append(f"{source}/{path} (the name of its subject or condition is not UTF-8)")
        elif subjects is None or place[0] in subjects:
            groups.setdefault(place, {})[path] = read
    kind = PickledSequence if pattern.pickled else RawSequence
    return [
        kind(
            subject=subject,
            condition=condition,
            view_degrees=view_degrees,
            source=source,
            files={path: found[path] for path in sorted(found, key=natural_key)},
        )
        for (subject, condition, view_degrees), found in sorted(groups.items())
    ]


def _advice(names: list[str], silhouettes: list[str]) -> str:
    """Return how to choose one of several pickles: by a pattern of its name that no other of them matches."""
    wanted = sorted(silhouettes, key=lambda name: "sil" not in name) or [n for n in names if "sil" in n]
    for name in wanted:
        cuts = [place for place, character in enumerate(name) if character in "-_." and 0 < place]
        patterns = [f"{{frame}}{name[cut:]}" for cut in reversed(cuts)]
        patterns += [f"{name[: cut + 1]}{{frame}}.pkl" for cut in cuts]
        for pattern in patterns:
            begin, end = pattern.split("{frame}")
            matching = [n for n in names if n.startswith(begin) and n.endswith(end) and len(n) > len(begin + end)]
            if matching == [name]:
                return (
                    "Write a YAML file with a line such as  "
                    f'pattern: "{{subject}}/{{condition}}/{{view}}/{pattern}"  and give it as the layout.'
                )
    return "No pattern tells them apart. Move the other pickles out of the tree."
