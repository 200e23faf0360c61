"""Thresholds for "unknown" and for "is it this person?", from walks of people who need not be in the gallery.

People of a data set are split at random into enrolled people and strangers, many times. The threshold of an
identification is the largest at which at most the wanted share of the strangers' searches returns anybody (FPIR). The
threshold of a verification is the largest at which at most the same share of comparisons with another person is
accepted (FMR). Both come with a bootstrap interval over the people.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from tf3dlocal.evaluation import identification_threshold, pairwise_distances, verification
from tf3dlocal.io import is_share, progress_bar
from tf3dlocal.serving.exported_model import ExportedModel
from tf3dlocal.serving.gallery.windows import WindowRule, at_frame_rate, embed_in_windows

LEAST_FPIR = 1e-9  # 1 / FPIR searches of strangers are needed: more than anybody has
MOST_GROWTH = 1.2  # of the number of people, before an answer says that the calibration is old


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration:
    """Thresholds and what they were calibrated on.

    Attributes:
        fpir: The wanted rate.
        threshold: Largest distance at which an identification names a person.
        threshold_low: Lower bound of its 95 % bootstrap interval over people; None where there is none.
        threshold_high: Upper bound.
        fnir: Share of the searches of enrolled people that are not answered with them, at this threshold; None where
            there are too few searches.
        verify_threshold: Largest distance at which a verification accepts, at the same rate of false matches.
        fnmr: Share of the comparisons of a person with themselves that are refused, at that threshold.
        num_people: People of the data set.
        num_enrolled: People who were enrolled in each split: FPIR grows with this number.
        walks_per_person: Walks of each of them in the simulated gallery.
        num_searches: Searches of strangers, each counted once.
        data: Name of the data set.
        data_fingerprint: Checksum of the walks that were used.
        seed: Of the splits.
        made: Date and time.
        notices: What limits the numbers.
    """

    fpir: float
    threshold: float
    threshold_low: float | None
    threshold_high: float | None
    fnir: float | None
    verify_threshold: float
    fnmr: float | None
    num_people: int
    num_enrolled: int
    walks_per_person: int
    num_searches: int
    data: str
    data_fingerprint: str
    seed: int
    made: str
    notices: tuple[str, ...] = ()

    def __str__(self) -> str:
        bounds = "" if self.threshold_low is None else f" [{self.threshold_low:.3f}, {self.threshold_high:.3f}]"
        walks = f"{self.walks_per_person} walk{'s' * (self.walks_per_person != 1)}"
        return (
            f"threshold {self.threshold:.3f}{bounds} at FPIR {self.fpir:g}, from {self.num_people} people of "
            f"{self.data}, {self.num_enrolled} of them enrolled with {walks} each"
        )


def embed_data_set(
    walks: Any,
    *,
    embedder: ExportedModel,
    rule: WindowRule,
    frame_rate: float | None = None,
    wanted_rate: float | None = None,
    progress: bool = True,
) -> np.ndarray:
    """Embed the walks of a prepared data set by the rule of a gallery.

    Args:
        walks: A `tf3dlocal.data.WalkDataset`.
        embedder: The model.
        rule: Windows.
        frame_rate: Frames per second of the walks, if known.
        wanted_rate: Frames per second of the gallery, if known. Frames are repeated or left out to reach it.
        progress: Show a progress bar.

    Returns:
        float32 [walks, ...].

    Raises:
        ValueError: The silhouettes are smaller than the model's.
    """
    embeddings, margin = [], (walks.size - embedder.width) // 2
    if walks.size != embedder.height or margin < 0:
        raise ValueError(
            f"The walks of {walks.name} have {walks.size} x {walks.size} pixels, and the model takes "
            f"{embedder.height} x {embedder.width}. Prepare the data set again with --size {embedder.height}."
        )
    with progress_bar("embedding walks", total=len(walks), shown=progress) as advance:
        for number in range(len(walks)):
            source = f"walk {number} of {walks.name}"
            silhouettes = walks.read(number).silhouettes[:, :, margin : margin + embedder.width]
            rows = None
            if frame_rate and wanted_rate:
                rows = at_frame_rate(len(silhouettes), frame_rate=frame_rate, wanted=wanted_rate)
            embeddings.append(
                embed_in_windows(embedder.embed, silhouettes=silhouettes, rule=rule, rows=rows, source=source)
            )
            advance()
    return np.stack(embeddings)


def thresholds_of(
    embeddings: np.ndarray,
    *,
    subjects: np.ndarray,
    distance: str,
    fpir: float = 0.01,
    num_enrolled: int | None = None,
    walks_per_person: int = 1,
    seed: int = 0,
) -> dict[str, Any]:
    """Compute the thresholds from embeddings of people.

    Args:
        embeddings: float32 [walks, ...].
        subjects: str [walks].
        distance: "part_mean" or "flattened".
        fpir: Wanted rate of strangers' searches that return anybody, between 0 and 1.
        num_enrolled: Number of people in the gallery that is simulated. Default, and at most: half of the people.
        walks_per_person: Walks of each of them in it; at most half of what a person has.
        seed: Of the choice of walks, of the splits and of the bootstrap.

    Returns:
        The numbers of a `Calibration`, without what names the data.

    Raises:
        ValueError: As `check_searches`, or there is no threshold at this FPIR.
    """
    people, per_person = check_searches(subjects, fpir=fpir, walks_per_person=walks_per_person)
    rng = np.random.default_rng(seed)
    known, searched = [], []
    for person in people:
        rows = rng.permutation(np.flatnonzero(subjects == person))
        known.append(rows[:per_person])
        searched.append(rows[per_person:])
    searched = np.concatenate(searched)
    distances = np.stack(  # to the nearest walk of each person
        [pairwise_distances(embeddings[searched], embeddings[rows], distance=distance).min(axis=1) for rows in known],
        axis=1,
    )
    enrolled = min(num_enrolled or len(people), len(people) // 2)
    named = {"probe_subjects": subjects[searched], "gallery_subjects": people}
    found = identification_threshold(distances, **named, fpir=fpir, num_enrolled=enrolled, seed=seed)
    checked = verification(distances, **named, fars=(fpir,), num_resamples=0, seed=seed)
    if found.threshold is None or checked.threshold_at_far[fpir] is None:
        raise ValueError(
            f"There is no threshold at FPIR {fpir:g}: at the smallest distance there are more false answers already. "
            "Give a larger FPIR, or a data set with more people."
        )
    return {
        "fpir": float(fpir),
        "threshold": found.threshold,
        "threshold_low": found.low,
        "threshold_high": found.high,
        "fnir": _number(found.fnir),
        "verify_threshold": checked.threshold_at_far[fpir],
        "fnmr": _number(1 - checked.tar_at_far[fpir].value),
        "num_people": len(people),
        "num_enrolled": enrolled,
        "walks_per_person": per_person,
        "num_searches": len(searched),
        "seed": seed,
        "notices": tuple(found.notices),
    }


def check_searches(subjects: np.ndarray, *, fpir: float, walks_per_person: int = 1) -> tuple[np.ndarray, int]:
    """Check, by the labels alone, that a data set can show a wanted FPIR.

    Args:
        subjects: str [walks].
        fpir: As for `thresholds_of`.
        walks_per_person: As for `thresholds_of`.

    Returns:
        The people with two walks or more, and how many walks of each are in the simulated gallery.

    Raises:
        ValueError: FPIR is out of its range, there are fewer than four people with two walks, or fewer than 1 / FPIR
            searches of strangers.
    """
    check_fpir(fpir)
    names, counts = np.unique(subjects, return_counts=True)
    people, counts = names[counts >= 2], counts[counts >= 2]
    if len(people) < 4:
        raise ValueError(
            f"A calibration needs at least four people with two walks each, and better 100: some are enrolled and the "
            f"others are strangers. There {'is' if len(people) == 1 else 'are'} {len(people)}. Give a data set with "
            "more people."
        )
    per_person = max(1, min(walks_per_person, int(counts.min()) // 2))
    num_searches, num_needed = int((counts - per_person).sum()), math.ceil(1 / fpir - 1e-9)
    if num_searches < num_needed:
        raise ValueError(
            f"There is no threshold at FPIR {fpir:g} from {num_searches} searches of strangers: it needs at least "
            f"{num_needed}. Give a larger FPIR, or a data set with more people."
        )
    return people, per_person


def check_fpir(fpir: float) -> None:
    """Raise a ValueError unless a rate is between 0 and 1, and large enough that people can be found to measure it."""
    if not is_share(fpir) or fpir < LEAST_FPIR:
        raise ValueError(
            f"FPIR is {fpir!r}. Give a share between 0 and 1, such as 0.01: 1 of 100 strangers is named. The smallest "
            f"is {LEAST_FPIR:g}."
        )


def _number(value: float) -> float | None:
    """Return None for NaN, which a gallery file does not hold."""
    return None if np.isnan(value) else float(value)
