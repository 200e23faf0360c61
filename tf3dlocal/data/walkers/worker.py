"""One process of `write_walkers`: reads its job as JSON from standard input, says a line for each sequence drawn."""

from __future__ import annotations

import json
import pathlib
import signal
import sys

import cv2

from tf3dlocal.data.walkers.write import write_subject


def main() -> None:
    """Draws the subjects of one job.

    The job is ``{"out": folder, "numbers": [subject numbers], "settings": as write_walkers keeps them}``.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a half-drawn subject is cleared away
    cv2.setNumThreads(0)
    job = json.load(sys.stdin)
    for number in job["numbers"]:
        write_subject(pathlib.Path(job["out"]), number, job["settings"], lambda: print(flush=True))


if __name__ == "__main__":
    main()
