"""One process of `write_walkers`: reads its job as JSON from standard input, says a line for each sequence drawn."""

from __future__ import annotations

import json
import pathlib
import signal
import sys

import cv2

from tf3dlocal.data.walkers.share_out import DISK_TROUBLE
from tf3dlocal.data.walkers.write import write_subject


def main() -> int:
    """Draws the subjects of one job and returns the exit status.

    The job is ``{"out": folder, "numbers": [subject numbers], "settings": as write_subject takes them}``. If the parent
    dies, the next line said fails and the process ends.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a half-drawn subject is cleared away
    cv2.setNumThreads(0)
    job = json.load(sys.stdin)
    try:
        for number in job["numbers"]:
            write_subject(pathlib.Path(job["out"]), number, job["settings"], lambda: print(flush=True))
    except BrokenPipeError:
        raise
    except OSError as error:
        print(error, file=sys.stderr)
        return DISK_TROUBLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
