"""Reading one image file of a silhouette, and naming what is wrong with it."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import cv2
import numpy as np

from tf3dlocal.data.raw.picture_size import TIFF_BITS, picture_size, tiff_page

SEVERAL = "several pictures in one file"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_PIXELS = 2**26  # of a picture, by its header: more than any camera has


@dataclass(frozen=True)
class FrameFault:
    """Why a frame cannot be used, in a few words that a report can count.

    Attributes:
        reason: Such as "truncated PNG".
    """

    reason: str


def read_frame(content: bytes) -> np.ndarray | FrameFault:
    """Decode the grey picture or the mask in one image file.

    Pictures of one bit become 0 and 255. Colour pictures are accepted where their three channels are equal (a grey
    picture stored as colour) and refused otherwise: the colour of the body is unknown. A mask in the alpha channel is
    read. 16-bit pictures are refused because their range is unknown, and files with several pictures because all but
    the first would be lost. OpenCV fills in what a truncated PNG lacks, so
    the chunks and checksums of a PNG are checked first. Whether the picture is a silhouette is not checked here: see
    `plausible_silhouettes`.

    Args:
        content: The bytes of a PNG, or of another image that OpenCV and `picture_size` read.

    Returns:
        uint8 [height, width], or the `FrameFault` that says why not.

    Example:
        >>> read_frame(b"")
        FrameFault(reason='empty file')
    """
    from tf3dlocal.data.plausibility import grey_mask  # which imports this module

    picture = read_picture(content)
    return picture if isinstance(picture, FrameFault) else grey_mask(picture)[0]


def read_picture(content: bytes) -> np.ndarray | FrameFault:
    """Decode one image file, with its colours and its alpha channel.

    Args:
        content: The bytes of the file.

    Returns:
        uint8 [height, width] or [height, width, 3 or 4], or the `FrameFault` that says why not.
    """
    if not content:
        return FrameFault("empty file")
    flags = cv2.IMREAD_UNCHANGED
    if content.startswith(PNG_SIGNATURE):
        fault = _png_fault(content)
        if fault:
            return FrameFault(fault)
        bit_depth, colour_type = content[24:26]
        if bit_depth == 16:
            return FrameFault("16-bit image")
        # OpenCV scales grey PNGs of 1, 2 and 4 bits to 0..255.
        flags = cv2.IMREAD_GRAYSCALE if colour_type == 0 else cv2.IMREAD_UNCHANGED
    elif PNG_SIGNATURE.startswith(content[:8]):
        return FrameFault("truncated PNG")
    elif page := tiff_page(content):
        numbers, following = page
        if following:
            return FrameFault(SEVERAL)
        if numbers.get(TIFF_BITS, 1) > 8:
            return FrameFault(f"{numbers[TIFF_BITS]}-bit image")
    size = picture_size(content)
    if size is None:  # nothing is decoded before its size is known
        return FrameFault("not a readable image")
    if size[0] * size[1] > MOST_PIXELS:
        return FrameFault("image of more than 67 million pixels")
    try:
        frame = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except (cv2.error, MemoryError):
        frame = None
    if frame is None:
        return FrameFault("not a readable image")
    if frame.dtype != np.uint8:
        return FrameFault("16-bit image" if frame.dtype == np.uint16 else f"{frame.dtype} image")
    return frame


def _png_fault(content: bytes) -> str | None:
    """Return what is wrong with the chunks of a PNG, or None.

    It must begin with IHDR and end with IEND, and every checksum must match.
    """
    position, end = 8, len(content)
    while position + 12 <= end:
        length, kind = struct.unpack_from(">I4s", content, position)
        after = position + 12 + length
        if after > end:
            return "truncated PNG"
        if zlib.crc32(content[position + 4 : after - 4]) != struct.unpack_from(">I", content, after - 4)[0]:
            return "damaged PNG (wrong checksum)"
        if position == 8 and (kind != b"IHDR" or length != 13):
            return "damaged PNG (no header)"
        if kind == b"acTL":
            return SEVERAL
        if kind == b"IEND":
            return None
        position = after
    return "truncated PNG"
