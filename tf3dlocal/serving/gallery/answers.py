"""Answers: who a walk is, whether it is a certain person, and what makes the answer doubtful."""

import dataclasses
from collections.abc import Sequence

from tf3dlocal.serving.gallery.calibration import MOST_GROWTH
from tf3dlocal.serving.gallery.embedded_walk import EmbeddedWalk
from tf3dlocal.serving.gallery.gallery import Gallery

MOST_RATE_DIFFERENCE = 0.1  # of the gallery's frame rate


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """Who a walk is.

    Attributes:
        source: The walk.
        name: The person; None is "unknown": the nearest is farther than the threshold.
        nearest: (name, distance) of the nearest people, nearest first.
        threshold: Largest distance at which a person is named; None if the gallery is not calibrated.
        num_frames: Number of silhouettes of the walk.
        notes: What makes the answer doubtful, in sentences.
    """

    source: str
    name: str | None
    nearest: list[tuple[str, float]]
    threshold: float | None
    num_frames: int
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        name, distance = self.nearest[0]
        if self.threshold is None:
            return f"{name}, distance {distance:.3f} (no threshold is set)"
        if self.name is None:
            return f"unknown: the nearest is {name} at {distance:.3f}, above the threshold {self.threshold:.3f}"
        return f"{name}, distance {distance:.3f}, threshold {self.threshold:.3f}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a walk is one of a certain person.

    Attributes:
        source: The walk.
        name: The person.
        accepted: Whether the distance is at most the threshold; None if the gallery is not calibrated.
        distance: Distance to the nearest walk of the person.
        threshold: Largest distance that is accepted, or None.
        notes: What makes the answer doubtful, in sentences.
    """

    source: str
    name: str
    accepted: bool | None
    distance: float
    threshold: float | None
    notes: tuple[str, ...] = ()


def identify(gallery: Gallery, *, walks: Sequence[EmbeddedWalk], count: int = 3) -> list[Answer]:
    """Say who each walk is.

    Args:
        gallery: Known people.
        walks: Walks embedded by the model and the rule of the gallery; a single one is a list of one.
        count: How many of the nearest people to return.

    Raises:
        ValueError: As `Gallery.nearest`.
    """
    walks = [walks] if isinstance(walks, EmbeddedWalk) else list(walks)
    threshold = gallery.calibration.threshold if gallery.calibration else None
    answers = []
    for walk, nearest in zip(walks, gallery.nearest(walks, count=count), strict=True):
        name, distance = nearest[0]
        answers.append(
            Answer(
                source=walk.source,
                name=name if threshold is None or distance <= threshold else None,
                nearest=nearest,
                threshold=threshold,
                num_frames=walk.num_frames,
                notes=tuple(notes_on(gallery, walk=walk)),
            )
        )
    return answers


def verify(gallery: Gallery, *, name: str, walk: EmbeddedWalk) -> Verdict:
    """Say whether a walk is one of a certain person.

    Args:
        gallery: Known people.
        name: The person.
        walk: A walk embedded by the model and the rule of the gallery.

    Raises:
        ValueError: There is no such person, or as `Gallery.nearest`.
    """
    (((name, distance),),) = gallery.of_person(name).nearest([walk], count=1)
    threshold = gallery.calibration.verify_threshold if gallery.calibration else None
    return Verdict(
        source=walk.source,
        name=name,
        accepted=None if threshold is None else distance <= threshold,
        distance=distance,
        threshold=threshold,
        notes=tuple(notes_on(gallery, walk=walk)),
    )


def notes_on(gallery: Gallery, *, walk: EmbeddedWalk) -> list[str]:
    """Return what makes an answer about a walk doubtful: too short, another frame rate, an old calibration."""
    notes = []
    if walk.num_frames < gallery.rule.length:
        frames = f"{walk.num_frames} frame{'s' * (walk.num_frames != 1)}"
        notes.append(
            f"the walk has {frames}, and a window has {gallery.rule.length}: its frames are repeated. Longer walks are "
            "recognized better"
        )
    if walk.frame_rate and gallery.frame_rate:
        if abs(walk.frame_rate / gallery.frame_rate - 1) > MOST_RATE_DIFFERENCE:
            notes.append(
                f"the walk has {walk.frame_rate:g} frames per second, and the gallery {gallery.frame_rate:g}: "
                "frames are repeated or left out, and the distances grow"
            )
    elif gallery.frame_rate:
        notes.append(
            f"the frame rate of the walk is not known (--fps), and that of the gallery is {gallery.frame_rate:g}"
        )
    calibration = gallery.calibration
    if calibration and len(gallery.people) > MOST_GROWTH * calibration.num_enrolled:
        people = "1 enrolled person" if calibration.num_enrolled == 1 else f"{calibration.num_enrolled} enrolled people"
        notes.append(
            f"the threshold was calibrated for {people}, and the gallery has {len(gallery.people)}: FPIR is about "
            f"{len(gallery.people) / calibration.num_enrolled:.1f} times as large. Calibrate again, with more people"
        )
    return notes
