"""What a model refuses for certain, found before a walk is sent: it would fail the other walks of its batch, too."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tf3dlocal.serving.client.png_files import png_facts
from tf3dlocal.serving.client.served_model import ServedModel

MOST_FRAMES = 2048  # of a walk, unless the model card says otherwise
MOST_PICTURE_BYTES = 2**22  # of a mask as a PNG file; one of 1920 x 1080 pixels has some ten thousand


def checked_walk(
    walk: Any, *, name: str, size: tuple[int, int], served: ServedModel, longest: int = MOST_FRAMES
) -> tuple[tuple, Any]:
    """Check a walk, and return it as it is sent.

    Args:
        walk: uint8 [frames, height, width], aligned or not, or a list of the bytes of PNG files.
        name: What errors call it.
        size: Height and width of the model's silhouettes.
        served: The model.
        longest: Most frames of a walk that the model computes.

    Returns:
        (what walks of one request have in common: the signature, and the length where it must be equal; the walk:
        uint8 [frames, height, width] with 0..255, or a list of bytes).

    Raises:
        ValueError: The model does not take the walk.
    """
    if not isinstance(walk, list):
        walk = _checked_array(walk, name=name, size=size, takes_png="png" in served.signatures)
        if walk.shape[1:] == size:
            if "variable" not in served.signatures:  # version 0.1 has no limit
                return ("serving_default", len(walk)), walk
            _check_length(name, len(walk), longest)
            return ("variable",), walk
    _check_length(name, len(walk), longest - 1)  # the empty text with which a walk begins counts
    files = _encoded(walk, name=name) if isinstance(walk, np.ndarray) else _checked_files(walk, name=name)
    return ("png",), files


def _checked_array(walk: np.ndarray, *, name: str, size: tuple[int, int], takes_png: bool) -> np.ndarray:
    """Return an array that the model takes; masks of 0 and 1 as 0 and 255."""
    expected = f"uint8 [frames >= 1, {size[0]}, {size[1]}] (aligned)"
    if takes_png:
        expected += ", or uint8 [frames >= 1, any height, any width] (masks, aligned by the model)"
    if walk.dtype != np.uint8 or walk.ndim != 3 or not walk.size:
        raise ValueError(f"{name} is {walk.dtype} {list(walk.shape)}, and the model takes {expected}.")
    if walk.shape[1:] != size and not takes_png:
        raise ValueError(
            f"{name} is uint8 {list(walk.shape)}, and the model takes {expected}. It has no signature 'png', which "
            "would align masks of another size."
        )
    brightest = walk.max()
    if not brightest:
        raise ValueError(_black(name, len(walk)))
    has_body = walk.max(axis=(1, 2)) > walk.min(axis=(1, 2))
    if walk.shape[1:] == size and has_body.any() and not has_body[-1]:
        num_empty = int(np.argmax(has_body[::-1]))
        raise ValueError(
            f"{name} ends with frames without a body, as padding makes them, and they change its embedding: the last "
            f"{num_empty} of its {len(walk)} frames. Leave them out; `Client` pads walks itself."
        )
    return walk * np.uint8(255) if brightest == 1 else walk


def _check_length(name: str, num_frames: int, most: int) -> None:
    if num_frames > most:
        raise ValueError(
            f"{name} has {num_frames:,} frames, and at most {most:,} are computed: send a part of it, or its windows "
            "as several walks."
        )


def _black(name: str, num_frames: int) -> str:
    return f"No frame of {name} shows a person: all {num_frames} are black. Leave the walk out."


def _checked_files(files: Sequence[bytes], *, name: str) -> list[bytes]:
    """Return PNG files that can be read; an empty text is no frame."""
    is_black = True
    for number, content in enumerate(files):
        if not content:
            continue
        try:
            if len(content) > MOST_PICTURE_BYTES:
                raise ValueError(
                    f"of {len(content):,} bytes, and a mask of a person needs at most {MOST_PICTURE_BYTES:,}"
                )
            is_black &= png_facts(content).is_black
        except ValueError as error:
            raise ValueError(
                f"{name}: frame {number} is {error}. Send whole PNG files of masks, or leave it out."
            ) from None
    if is_black:
        raise ValueError(_black(name, len(files)))
    return list(files)


def _encoded(masks: np.ndarray, *, name: str) -> list[bytes]:
    """Return masks as PNG files."""
    import cv2

    files = [cv2.imencode(".png", mask)[1].tobytes() for mask in masks]
    if (most := max(map(len, files))) > MOST_PICTURE_BYTES:
        raise ValueError(f"{name} has a frame that needs {most} bytes as a PNG file, so it is no mask of a person.")
    return files
