"""What became of a video: the passes, and every frame and figure that was left out, counted by its reason."""

from __future__ import annotations

import collections
import dataclasses
from dataclasses import dataclass, field
from typing import Any

from tf3dlocal.data.video.quality import (
    AREA,
    AT_BORDER,
    BLOCK,
    DROPPED_PASS,
    FEW_FRAMES,
    HEIGHT,
    HOLLOW,
    LOW,
    OTHER_SHAPE,
    SEVERAL,
    STILL,
    Judgement,
    Pass,
    Refusal,
)

MOST_LISTED = 1000  # runs that are no pass; further ones are counted only, so that an endless stream stays small

# What to change where nothing is left: reasons, or their beginnings, to a sentence.
UNREADABLE = "unreadable: "  # begin of the reason why a frame was not read; such frames are not in `num_frames`
NETWORK = "Use a segmentation network (--segmenter), or clothes that differ from the background."
ALONE = "Record one person at a time."
ADVICE = {
    LOW: "Give a smaller --min-height than {min_height}, or record from nearer.",
    AT_BORDER: "Record the whole body, with room above the head and below the feet. No option changes this.",
    SEVERAL: ALONE,
    "people touch": ALONE,
    FEW_FRAMES.partition("{")[0]: "Give a smaller --min-frames than {min_frames}, or record a longer walk.",
    STILL: "Record a walk across the picture, towards the camera or away from it. No option changes this.",
    "the light changed": "Fix the camera and its exposure, or use a segmentation network (--segmenter).",
    "the background is being learned": "Record for longer: give a larger --seconds.",
    UNREADABLE: "Record or copy the video again, or convert it to MP4 with H.264.",
} | dict.fromkeys((HOLLOW, BLOCK, HEIGHT, AREA, OTHER_SHAPE), NETWORK)


@dataclass(kw_only=True)
class VideoReport:
    """Result of `extract_silhouettes`, also written as report.json.

    A *figure* is one region in one frame that may be a person. `num_figures` is the number of frames of all passes plus
    the sum of `dropped_figures`.

    Attributes:
        video: What was read.
        frames_per_second: Its frame rate.
        rate_is_known: Whether the video or the user says the rate; otherwise it is assumed.
        is_live: Whether it is a camera.
        settings: Arguments of the call.
        num_frames: Frames that were read.
        size: Height and width of the analysed frames in pixels.
        num_figures: Regions that were followed, in all frames.
        passes: For each pass its folder, first and last frame, the number of frames and those missing between them,
            its frame rate, direction and the median height in pixels.
        dropped_frames: Whole frames that were not used, by reason.
        dropped_figures: Figures that were not used, by reason.
        dropped_runs: Runs of frames that are no pass: first and last frame, number of frames, reason.
        num_dropped_runs: Their number by reason; also of those that are not listed.
        notes: What else was noticed, in sentences.
        stopped: Why reading ended: "end of the video", "seconds", "interrupt" or "error: " and its message.
    """

    video: str
    frames_per_second: float
    rate_is_known: bool
    is_live: bool
    settings: dict[str, Any]
    num_frames: int = 0
    size: tuple[int, int] = (0, 0)
    num_figures: int = 0
    passes: list[dict[str, Any]] = field(default_factory=list)
    dropped_frames: collections.Counter[str] = field(default_factory=collections.Counter)
    dropped_figures: collections.Counter[str] = field(default_factory=collections.Counter)
    dropped_runs: list[dict[str, Any]] = field(default_factory=list)
    num_dropped_runs: collections.Counter[str] = field(default_factory=collections.Counter)
    notes: list[str] = field(default_factory=list)
    stopped: str = "end of the video"

    def add_pass(self, folder: str, *, one: Pass) -> None:
        """Take a pass that was written to a folder."""
        numbers = [sight.number for sight in one.sights]
        span = one.sights[-1].seconds - one.sights[0].seconds
        missing = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
        heights = sorted(sight.box.height for sight in one.sights)
        self.passes.append(
            {
                "folder": folder,
                "track": one.track,
                "first_frame": numbers[0],
                "last_frame": numbers[-1],
                "num_frames": len(numbers),
                "missing_frames": missing,
                "seconds": round(one.sights[0].seconds, 3),
                "frames_per_second": round((numbers[-1] - numbers[0]) / span, 3),
                "direction": one.direction,
                "height": heights[len(heights) // 2],
            }
        )

    def add_losses(self, judgement: Judgement) -> None:
        """Take what the gate refused of one track."""
        self.dropped_figures.update(judgement.dropped)
        for refusal in judgement.refusals:
            self._add_run(refusal)

    def _add_run(self, refusal: Refusal) -> None:
        self.num_dropped_runs[refusal.reason] += 1
        if len(self.dropped_runs) < MOST_LISTED:
            track, first, last, count, reason = refusal
            self.dropped_runs.append(
                {"track": track, "first_frame": first, "last_frame": last, "num_frames": count, "reason": reason}
            )

    def as_dict(self) -> dict[str, Any]:
        """Return all fields as JSON holds them."""
        values = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        # dataclasses.asdict would make counts of (reason, count) pairs
        return {
            name: dict(value.most_common()) if isinstance(value, collections.Counter) else value
            for name, value in values.items()
        }

    def summary(self) -> list[str]:
        """Return the report in lines for a person."""
        kept = sum(each["num_frames"] for each in self.passes)
        rate = f"{self.frames_per_second:g} frames per second{'' if self.rate_is_known else ' (assumed)'}"
        frames, passes = _counted(self.num_frames, "frame", "frames"), _counted(len(self.passes), "pass", "passes")
        lines = [f"{frames} at {rate}; {passes} with {_counted(kept, 'silhouette', 'silhouettes')}."]
        for title, counts in (
            ("Runs of frames that are no pass", self.num_dropped_runs),
            ("Figures dropped", self.dropped_figures),
            ("Frames dropped", self.dropped_frames),
        ):
            if counts:
                lines.append(f"{title}:")
                lines += [f"  {count:7d} {reason}" for reason, count in counts.most_common()]
        return [*lines, *self.notes, *([] if self.passes else [self._advice()])]

    def _advice(self) -> str:
        """Return the most frequent reason why there is no pass, and what to change."""
        what, counts, total = "figures", self.dropped_figures, self.num_figures
        unreadable = sum(count for reason, count in self.dropped_frames.items() if reason.startswith(UNREADABLE))
        num_frames, min_frames = self.num_frames + unreadable, self.settings["min_frames"]
        if num_frames < min_frames:
            found = _counted(num_frames, "frame", "frames")
            return f"No pass: {found} in all, and a pass has at least {min_frames}. Give a longer video."
        if 2 * sum(self.dropped_frames.values()) > num_frames:
            what, counts, total = "frames", self.dropped_frames, num_frames
        if not counts:
            return f"No pass: nothing as high as a person moved. {ADVICE[LOW].format_map(self.settings)}"
        ((reason, count),) = counts.most_common(1)
        cause = reason.removeprefix(DROPPED_PASS)
        advice = next((text for begin, text in ADVICE.items() if cause.startswith(begin)), "")
        return f"No pass: {count} of {total} {what} were dropped, reason: {reason}. {advice.format_map(self.settings)}"


def _counted(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
