"""The ranges of the numbers that a call is given."""

from __future__ import annotations

import numbers
from typing import Any

SLOWEST, FASTEST = 1.0, 1000.0  # frames per second; headers of damaged videos say 0 or 90,000
SHORTEST, LONGEST = 0.001, 366 * 24 * 3600.0  # seconds of work
MOST_FRAMES = 900  # of one track: the next frame begins another, so that memory is bounded
MOST_SIDE = 65_535  # pixels, of the picture formats

# Argument: (its option, lowest, highest, unit); whole numbers where both bounds are.
RANGES: dict[str, tuple[str, float, float, str]] = {
    "view_degrees": ("--view", 0, 360, " degrees"),
    "frames_per_second": ("--fps", SLOWEST, FASTEST, " frames per second"),
    "seconds": ("--seconds", SHORTEST, LONGEST, " (a year)"),
    "min_height": ("--min-height", 16, MOST_SIDE, " pixels"),
    "min_frames": ("--min-frames", 2, MOST_FRAMES, " frames, the most that are followed in a row"),
    "longest_side": ("--longest-side", 64, MOST_SIDE, " pixels"),
}


def check_numbers(**given: Any) -> None:
    """Check the numbers that a call is given; None is always fine.

    Args:
        **given: Keys of `RANGES` and their values.

    Raises:
        ValueError: One is out of range, no number, or not a whole one where that is needed.

    Example:
        >>> check_numbers(seconds=None, min_height=64)
        >>> check_numbers(view_degrees=400)
        Traceback (most recent call last):
        ValueError: view_degrees (--view) must be a whole number from 0 to 360 degrees, got 400.
    """
    for name, value in given.items():
        option, low, high, unit = RANGES[name]
        is_whole = isinstance(low, int)
        kind = numbers.Integral if is_whole else numbers.Real
        if value is None or (isinstance(value, kind) and low <= value <= high):
            continue
        what = "whole number" if is_whole else "number"
        raise ValueError(f"{name} ({option}) must be a {what} from {low:g} to {high:,.10g}{unit}, got {value!r}.")
