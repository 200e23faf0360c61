"""The folder of one pass: a PNG for each frame, named by its number in the video."""

from __future__ import annotations

import pathlib

import cv2
import numpy as np

from tf3dlocal.data.video.quality import Pass
from tf3dlocal.io import new_folder

MARGIN = 8  # black pixels around the highest and widest silhouette


def write_pass(folder: pathlib.Path, *, one: Pass) -> None:
    """Write the silhouettes of a pass, white on black, all at one size and scale; the folder is whole or absent.

    Height and width are odd, so that no reader takes the pictures for aligned silhouettes, which have even sizes.

    Args:
        folder: The folder to make.
        one: The pass.
    """
    boxes = np.array([sight.box for sight in one.sights])
    width, height = ((int(length) + 2 * MARGIN) | 1 for length in boxes[:, 2:].max(axis=0))
    with new_folder(folder) as temporary:
        for sight in one.sights:
            picture = np.zeros((height, width), np.uint8)
            left, top = (width - sight.box.width) // 2, height - MARGIN - sight.box.height
            picture[top : top + sight.box.height, left : left + sight.box.width] = sight.mask()
            (temporary / f"{sight.number:06d}.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
