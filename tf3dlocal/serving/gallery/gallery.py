"""A gallery: the embeddings of known people's walks, and which of them are nearest to another walk."""

import dataclasses
import functools
import unicodedata
from collections.abc import Sequence

import numpy as np

from tf3dlocal.io import check_names, check_whole, printable
from tf3dlocal.serving.exported_model import ExportedModel
from tf3dlocal.serving.gallery.calibration import Calibration
from tf3dlocal.serving.gallery.embedded_walk import EmbeddedWalk
from tf3dlocal.serving.gallery.walk_search import WalkSearch
from tf3dlocal.serving.gallery.windows import WindowRule

MOST_CHARACTERS = 200  # of a name


@dataclasses.dataclass(frozen=True, kw_only=True)
class GalleryModel:
    """The model that made a gallery.

    Attributes:
        name: Name in its card, such as "three_d_local".
        version: Version number in its card.
        fingerprint: As `ExportedModel.fingerprint`: the checksum of graph and weights.
        distance: How to compare its embeddings, "part_mean" or "flattened".
        folder: Where it was when the gallery was made.
    """

    name: str
    version: int
    fingerprint: str
    distance: str
    folder: str

    @classmethod
    def of(cls, embedder: ExportedModel) -> "GalleryModel":
        """Describe a loaded model."""
        return cls(
            name=str(embedder.card.get("name", "unknown")),
            version=int(embedder.card.get("version", 0)),
            fingerprint=embedder.fingerprint,
            distance=embedder.distance,
            folder=str(embedder.folder.resolve()),
        )

    def check_same(self, other: "GalleryModel") -> None:
        """Raise a ValueError if the embeddings of two models would be mixed."""
        if self.fingerprint != other.fingerprint:
            raise ValueError(
                f"The gallery was made by {self}, and the model given is {other}: distances between their embeddings "
                f"mean nothing. Give the gallery's model ({self.folder}), or enroll the walks into a new gallery."
            )

    def __str__(self) -> str:
        return f"model {self.name!r} version {self.version} (checksum {self.fingerprint[:8]})"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Gallery:
    """Walks of known people. A gallery is not changed: `with_walk` and `without` return another one.

    Attributes:
        model: The model that made the embeddings.
        rule: How walks become embeddings.
        names: The person of each walk.
        embeddings: float32 [walks, channels] or [walks, parts, channels].
        num_frames: Number of silhouettes of each walk.
        frame_rates: Frames per second of each walk, None where it is not known.
        digests: Text of each walk that equal silhouettes share.
        sources: Where each walk came from.
        frame_rate: Frames per second of the gallery: that of the first walk whose frame rate is known. Frames of other
            walks are repeated or left out to reach it. None: not known yet.
        calibration: Thresholds for "unknown", or None.

    Raises:
        ValueError: The columns are not equally long, or an embedding is not finite.
    """

    model: GalleryModel
    rule: WindowRule = WindowRule()
    names: tuple[str, ...] = ()
    embeddings: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 1), np.float32))
    num_frames: tuple[int, ...] = ()
    frame_rates: tuple[float | None, ...] = ()
    digests: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    frame_rate: float | None = None
    calibration: Calibration | None = None

    def __post_init__(self):
        columns = ("names", "embeddings", "num_frames", "frame_rates", "digests", "sources")
        counts = {column: len(getattr(self, column)) for column in columns}
        if len(set(counts.values())) != 1:
            raise ValueError(f"The columns of a gallery must be equally long; got {counts}.")
        if self.embeddings.dtype != np.float32 or self.embeddings.ndim not in (2, 3):
            found = f"{self.embeddings.dtype} {list(self.embeddings.shape)}"
            raise ValueError(
                f"The embeddings must be float32 [walks, channels] or [walks, parts, channels]; got {found}."
            )

    def __str__(self) -> str:
        num_people, num_walks = len(self.people), len(self.names)
        return f"{num_people} {'person' if num_people == 1 else 'people'}, {num_walks} walk{'s' * (num_walks != 1)}"

    @functools.cached_property
    def people(self) -> dict[str, int]:
        """The names, sorted, with the number of walks of each."""
        names, counts = np.unique(np.asarray(self.names, str), return_counts=True)
        return dict(zip(names.tolist(), counts.tolist(), strict=True))

    @functools.cached_property
    def _search(self) -> WalkSearch:
        return WalkSearch(self.embeddings, distance=self.model.distance)

    def with_walk(self, walk: EmbeddedWalk, *, name: str) -> "Gallery":
        """Return this gallery with one more walk.

        Raises:
            ValueError: The name is not one, the walk is in the gallery already, or another model embedded it.
        """
        check_name(name)
        self.check_walk(walk)
        if walk.digest in self.digests:
            row = self.digests.index(walk.digest)
            raise ValueError(
                f"{walk.source}: this walk is in the gallery already, as one of {self.names[row]!r} from "
                f"{self.sources[row]}. Give another walk, or remove {self.names[row]!r} first."
            )
        added = walk.embedding[None]
        return dataclasses.replace(
            self,
            names=(*self.names, unicodedata.normalize("NFC", name)),
            embeddings=np.concatenate([self.embeddings, added]) if self.names else added,
            num_frames=(*self.num_frames, walk.num_frames),
            frame_rates=(*self.frame_rates, walk.frame_rate),
            digests=(*self.digests, walk.digest),
            sources=(*self.sources, walk.source),
            frame_rate=self.frame_rate or walk.frame_rate,
        )

    def without(self, name: str) -> "Gallery":
        """Return this gallery without the walks of a person.

        Raises:
            ValueError: There is no such person; the message has near names.
        """
        name = self.known_name(name)
        return self._take([row for row, each in enumerate(self.names) if each != name])

    def of_person(self, name: str) -> "Gallery":
        """Return the walks of one person; raise a ValueError with near names if nobody has this name."""
        name = self.known_name(name)
        return self._take([row for row, each in enumerate(self.names) if each == name])

    def _take(self, rows: list[int]) -> "Gallery":
        columns = ("names", "num_frames", "frame_rates", "digests", "sources")
        chosen = {column: tuple(getattr(self, column)[row] for row in rows) for column in columns}
        return dataclasses.replace(self, embeddings=self.embeddings[rows], **chosen)

    def with_calibration(self, calibration: Calibration) -> "Gallery":
        """Return this gallery with other thresholds."""
        return dataclasses.replace(self, calibration=calibration)

    def known_name(self, name: str, *, where: str = "the gallery") -> str:
        """Return the name as it is stored; raise a ValueError with near names if nobody has it."""
        check_text(name)
        name = unicodedata.normalize("NFC", name)
        check_names([name], known=self.people, what="person", where=where)
        return name

    def nearest(self, walks: Sequence[EmbeddedWalk], *, count: int) -> list[list[tuple[str, float]]]:
        """Find the nearest people. The distance to a person is that to the nearest of their walks.

        Args:
            walks: Walks embedded by the model and the rule of this gallery.
            count: How many people to return; all if there are fewer.

        Returns:
            For each walk a list of (name, distance), nearest first.

        Raises:
            ValueError: There is no walk, another model or another rule embedded one, the gallery is empty, or `count`
                is no whole number of at least 1.
        """
        check_whole(count, name="count", least=1)
        self.check_filled()
        if not len(walks):
            raise ValueError("There is no walk to compare with the gallery. Give a list of at least one.")
        for walk in walks:
            self.check_walk(walk)
        return self._search.nearest_people(
            np.stack([walk.embedding for walk in walks]), people=np.asarray(self.names, str), count=count
        )

    def check_filled(self) -> None:
        """Raise a ValueError if there is no walk in the gallery."""
        if not self.names:
            raise ValueError("The gallery is empty. `tf3dlocal enroll GALLERY NAME WALK...` adds walks.")

    def check_walk(self, walk: EmbeddedWalk) -> None:
        """Raise a ValueError if the embedding of a walk cannot be compared with this gallery."""
        if walk.model != self.model.fingerprint:
            raise ValueError(
                f"{walk.source} was embedded by another model than the gallery, by {self.model}: their distance means "
                "nothing. Embed it with the gallery's model."
            )
        if walk.rule is not None and walk.rule != self.rule:
            raise ValueError(
                f"{walk.source} was embedded in windows of {walk.rule.length} frames, step {walk.rule.step}, and the "
                f"gallery in windows of {self.rule.length}, step {self.rule.step}: their distance means nothing. Embed "
                "it again with the rule of the gallery."
            )
        if self.names and walk.embedding.shape != self.embeddings.shape[1:]:
            raise ValueError(
                f"{walk.source} has an embedding {list(walk.embedding.shape)}, and those of the gallery are "
                f"{list(self.embeddings.shape[1:])}, though both name one model: the gallery was changed. Enroll again."
            )


def check_text(name: str) -> None:
    """Raise a ValueError if a name is given as anything but a text, such as a number."""
    if not isinstance(name, str):
        raise ValueError(f"{name!r} is no name: it is no text. Give a text such as 'anna'.")


def check_name(name: str) -> None:
    """Raise a ValueError if a text is no name of a person.

    Example:
        >>> check_name("../anna")
        Traceback (most recent call last):
        ValueError: '../anna' is no name: it is a path. Give a name before the walks, such as anna.
    """
    check_text(name)
    if not name.strip():
        raise ValueError(f"{name!r} is no name: it is empty. Give a name before the walks, such as anna.")
    if "/" in name or "\\" in name or name in (".", ".."):
        raise ValueError(f"{name!r} is no name: it is a path. Give a name before the walks, such as anna.")
    if name != name.strip():
        raise ValueError(f"{name!r} is no name: it begins or ends with a space. Give {name.strip()!r}.")
    if printable(name) != name:
        raise ValueError(f"{name!r} is no name: it has characters that do not print.")
    if len(name) > MOST_CHARACTERS:
        raise ValueError(
            f"{name[:40]!r}... is no name: it has {len(name)} characters, and {MOST_CHARACTERS} are the limit."
        )
