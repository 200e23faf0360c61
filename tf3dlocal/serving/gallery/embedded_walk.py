"""One walk as a gallery knows it: its embedding, and what the answer has to say about it."""

import dataclasses
import hashlib
import numbers

import numpy as np

from tf3dlocal.io.types import PathLike
from tf3dlocal.serving.exported_model import ExportedModel
from tf3dlocal.serving.gallery.windows import WindowRule, at_frame_rate, embed_in_windows
from tf3dlocal.serving.walk_folder import read_walk_folder

SLOWEST, FASTEST = 1.0, 1000.0  # frames per second of a camera
MOST_RATIO = 8.0  # of the frame rates of a walk and of a gallery


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class EmbeddedWalk:
    """Embedding of one walk by the rule of a gallery.

    Attributes:
        source: Where the walk came from, such as its folder.
        embedding: float32 [channels] or [parts, channels].
        num_frames: Number of silhouettes.
        frame_rate: Frames per second; None where it is not known.
        digest: Text that two walks share only if their silhouettes are equal.
        model: Fingerprint of the model.
        rule: Windows by which it was embedded; None where they are not known.
        left_out: (file, reason) of the frames that could not be used.
        changes: What was done to frames, in words, to their number.
    """

    source: str
    embedding: np.ndarray
    num_frames: int
    frame_rate: float | None
    digest: str
    model: str
    rule: WindowRule | None = None
    left_out: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    changes: dict[str, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def of_silhouettes(
        cls,
        silhouettes: np.ndarray,
        *,
        embedder: ExportedModel,
        rule: WindowRule,
        source: str = "array",
        frame_rate: float | None = None,
        wanted_rate: float | None = None,
    ) -> "EmbeddedWalk":
        """Embed aligned silhouettes.

        Args:
            silhouettes: uint8 [frames, height, width] of the model's size, 0..255.
            embedder: The model.
            rule: Windows of the gallery.
            source: Name of the walk for messages.
            frame_rate: Frames per second of the walk, if known.
            wanted_rate: Frames per second of the gallery, if known. Frames are repeated or left out to reach it.

        Raises:
            ValueError: Another type or size, no frame, a frame without a body, or a frame rate outside 1 to 1000.
        """
        silhouettes = np.asarray(silhouettes)
        expected = (embedder.height, embedder.width)
        if silhouettes.dtype != np.uint8 or silhouettes.ndim != 3 or silhouettes.shape[1:] != expected:
            raise ValueError(
                f"{source}: a walk is uint8 [frames, {embedder.height}, {embedder.width}] with values 0..255; got "
                f"{silhouettes.dtype} {list(silhouettes.shape)}. Align silhouettes with `read_walk_folder`, or with "
                "`tf3dlocal.data.align_silhouette`."
            )
        if len(silhouettes) == 0:
            raise ValueError(f"{source}: the walk has no frame.")
        check_frame_rate(frame_rate, wanted=wanted_rate)
        _check_bodies(silhouettes, source=source)
        rows = None
        if frame_rate and wanted_rate:
            rows = at_frame_rate(len(silhouettes), frame_rate=frame_rate, wanted=wanted_rate)
        return cls(
            source=source,
            embedding=embed_in_windows(embedder.embed, silhouettes=silhouettes, rule=rule, rows=rows, source=source),
            num_frames=len(silhouettes),
            frame_rate=None if frame_rate is None else float(frame_rate),
            digest=hashlib.sha256(silhouettes.tobytes()).hexdigest()[:32],
            model=embedder.fingerprint,
            rule=rule,
        )

    @classmethod
    def of_folder(
        cls,
        folder: PathLike,
        *,
        embedder: ExportedModel,
        rule: WindowRule,
        frames: str = "auto",
        invert: bool = False,
        frame_rate: float | None = None,
        wanted_rate: float | None = None,
    ) -> "EmbeddedWalk":
        """Embed a folder with the pictures of one walk.

        Args:
            folder: As for `read_walk_folder`, like `frames` and `invert`.
            embedder: As for `of_silhouettes`, like the other arguments.
            rule: Windows.
            frames: "raw", "aligned" or "auto".
            invert: Whether the bodies are black on white.
            frame_rate: Frames per second of the walk.
            wanted_rate: Frames per second of the gallery.

        Raises:
            FileNotFoundError: As `read_walk_folder`.
            ValueError: As `read_walk_folder` and `of_silhouettes`.
        """
        check_frame_rate(frame_rate, wanted=wanted_rate)
        walk = read_walk_folder(folder, height=embedder.height, width=embedder.width, frames=frames, invert=invert)
        embedded = cls.of_silhouettes(
            walk.silhouettes,
            embedder=embedder,
            rule=rule,
            source=str(folder),
            frame_rate=frame_rate,
            wanted_rate=wanted_rate,
        )
        return dataclasses.replace(embedded, left_out=walk.left_out, changes=walk.changes)


def _check_bodies(silhouettes: np.ndarray, *, source: str) -> None:
    """Refuse frames without a body, which `read_walk_folder` leaves out: they would be taken as a part of the walk."""
    empty = np.flatnonzero(~silhouettes.any(axis=(1, 2)))
    if len(empty) == len(silhouettes):
        raise ValueError(f"{source}: the walk has no body: all of its {len(silhouettes)} frames are black.")
    if len(empty):
        raise ValueError(
            f"{source}: {len(empty)} of the {len(silhouettes)} frames of the walk have no body, the first of them at "
            f"index {empty[0]}. Leave them out: silhouettes[silhouettes.any(axis=(1, 2))]."
        )


def check_frame_rate(frame_rate: float | None, *, wanted: float | None = None) -> None:
    """Raise a ValueError if frames per second are given that no camera has, or that are far from those of the gallery.

    Args:
        frame_rate: Of the walk, if known.
        wanted: Of the gallery, if known.
    """
    for rate in (frame_rate, wanted):
        is_number = isinstance(rate, numbers.Real) and not isinstance(rate, bool)
        if rate is not None and not (is_number and SLOWEST <= rate <= FASTEST):
            raise ValueError(f"The frame rate is {rate!r}. Give frames per second between 1 and 1000, such as 25.")
    if frame_rate and wanted and max(frame_rate / wanted, wanted / frame_rate) > MOST_RATIO:
        raise ValueError(
            f"The walk has {frame_rate:g} frames per second, and the gallery {wanted:g}: more than {MOST_RATIO:g} "
            "times as many or as few cannot be repeated or left out. Give the right rate, or make another gallery."
        )
