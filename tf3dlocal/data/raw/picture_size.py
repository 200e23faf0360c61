"""Width and height of an image file, from its header: a small file can hold a picture that fills the memory."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

Size = tuple[int, int]  # width, height

TIFF_ORDERS = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}  # the last two: BigTIFF, of 64-bit offsets
TIFF_BITS = 258  # of one channel
TIFF_WIDTH, TIFF_HEIGHT, TIFF_TILE_WIDTH, TIFF_TILE_HEIGHT = 256, 257, 322, 323
TIFF_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # types of entries that hold a size, and how they are unpacked
PNM_HEADER = re.compile(rb"P[1-6](?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})\s")
PAM_SIDES = re.compile(rb"^(WIDTH|HEIGHT)\s+(\d{1,9})\s", re.MULTILINE)
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers that begin a frame, and hold its size
JPEG_ALONE = frozenset([0x01, *range(0xD0, 0xD9)])  # markers without a length
MOST_SEGMENTS = 4096  # of a JPEG in front of its size; a colour profile may have 255
HEADER_BYTES = 2**16  # in which the boxes with the sizes of JPEG 2000 and AVIF lie


def picture_size(content: bytes) -> Size | None:
    """Return width and height that the header of an image file gives, without decoding it.

    Args:
        content: The bytes of a PNG, JPEG, TIFF, BMP, WebP, GIF, PNM, JPEG 2000, AVIF or Sun raster file.

    Returns:
        Pixels; None if it is another file, or if its header is damaged.

    Example:
        >>> import cv2, numpy as np
        >>> picture_size(cv2.imencode(".jpg", np.zeros((20, 30), np.uint8))[1].tobytes())
        (30, 20)
    """
    for begin, read in READERS:
        if begin.match(content):
            try:
                size = read(content)
            except (struct.error, IndexError, ValueError, KeyError):  # the header ends early, or holds nonsense
                return None
            return size if size and min(size) > 0 else None
    return None


def tiff_page(content: bytes) -> tuple[dict[int, int], int] | None:
    """Return the numbers in the header of a TIFF's first page, and the offset of the second page.

    Args:
        content: The bytes of the file.

    Returns:
        Numbers by their tags, of several the first; the offset is 0 if there is no second page. None: it is no TIFF, or
        it is damaged.
    """
    order = TIFF_ORDERS.get(content[:4])
    if order is None:
        return None
    is_big = b"+" in content[:4]
    offset, count, entry = ("Q", "Q", "HHQ8s") if is_big else ("I", "H", "HHI4s")
    try:
        (first,) = struct.unpack_from(order + offset, content, 8 if is_big else 4)
        (num_entries,) = struct.unpack_from(order + count, content, first)
        start, length = first + struct.calcsize(order + count), struct.calcsize(order + entry)
        (following,) = struct.unpack_from(order + offset, content, start + length * num_entries)
        numbers = {}
        for number in range(num_entries):
            place = start + length * number
            tag, kind, times, value = struct.unpack_from(order + entry, content, place)
            if kind in TIFF_NUMBERS:
                form, place = order + TIFF_NUMBERS[kind], place + length - len(value)
                if times * struct.calcsize(form) > len(value):  # several numbers, which lie elsewhere
                    (place,) = struct.unpack_from(order + offset, content, place)
                (numbers[tag],) = struct.unpack_from(form, content, place)
    except (struct.error, OverflowError):
        return None
    return numbers, following


def _png(content: bytes) -> Size:
    return struct.unpack_from(">II", content, 16)


def _jpeg(content: bytes) -> Size | None:
    position = 2
    for _ in range(MOST_SEGMENTS):
        position = content.index(b"\xff", position)
        marker = content[position + 1]
        if marker in JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", content, position + 5)
            return width, height
        if marker == 0xDA:  # the pixels begin
            return None
        if marker in (0x00, 0xFF):  # no marker, and a byte to fill up
            position += 1
        else:
            position += 2 if marker in JPEG_ALONE else 2 + struct.unpack_from(">H", content, position + 2)[0]
    return None


def _tiff(content: bytes) -> Size | None:
    page = tiff_page(content)
    if page is None:
        return None
    numbers, _ = page
    # A decoder holds a whole tile, which may be larger than the picture.
    width = max(numbers[TIFF_WIDTH], numbers.get(TIFF_TILE_WIDTH, 0))
    return width, max(numbers[TIFF_HEIGHT], numbers.get(TIFF_TILE_HEIGHT, 0))


def _bmp(content: bytes) -> Size:
    (header_bytes,) = struct.unpack_from("<I", content, 14)
    width, height = struct.unpack_from("<HH" if header_bytes == 12 else "<ii", content, 18)
    return width, abs(height)  # a negative height: the rows are stored from the top


def _webp(content: bytes) -> Size | None:
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") for at in (24, 27))
        return width + 1, height + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", content, 26)
    return width & 0x3FFF, height & 0x3FFF


def _gif(content: bytes) -> Size:
    return struct.unpack_from("<HH", content, 6)


def _pnm(content: bytes) -> Size | None:
    found = PNM_HEADER.match(content[:HEADER_BYTES])
    return (int(found[1]), int(found[2])) if found else None


def _pam(content: bytes) -> Size:
    header = content[:HEADER_BYTES].partition(b"ENDHDR")[0]
    sides = {name: int(number) for name, number in PAM_SIDES.findall(header)}
    return sides[b"WIDTH"], sides[b"HEIGHT"]


def _jpeg_2000(content: bytes) -> Size:
    begin = content.index(b"\xff\x4f\xff\x51", 0, HEADER_BYTES)
    right, bottom, left, top = struct.unpack_from(">IIII", content, begin + 8)
    return right - left, bottom - top


def _avif(content: bytes) -> Size:
    places = re.finditer(b"ispe", content[:HEADER_BYTES])
    return max(
        (struct.unpack_from(">II", content, place.end() + 4) for place in places), key=lambda size: size[0] * size[1]
    )


def _sun_raster(content: bytes) -> Size:
    return struct.unpack_from(">II", content, 4)


READERS: list[tuple[re.Pattern[bytes], Callable[[bytes], Size | None]]] = [
    (re.compile(pattern, re.DOTALL), read)
    for pattern, read in (
        (rb"\x89PNG\r\n\x1a\n", _png),
        (rb"\xff\xd8\xff", _jpeg),
        (rb"II[*+]\0|MM\0[*+]", _tiff),
        (rb"BM", _bmp),
        (rb"RIFF....WEBP", _webp),
        (rb"GIF8", _gif),
        (rb"P[1-6]\s", _pnm),
        (rb"P7\s", _pam),
        (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", _jpeg_2000),
        (rb"....ftyp", _avif),
        (rb"\x59\xa6\x6a\x95", _sun_raster),
    )
]
