"""PNG files, checked with the standard library, so that a broken one is found before it is sent."""

import dataclasses
import struct
import zlib

import numpy as np

BEGIN, END = b"\x89PNG\r\n\x1a\n", b"IEND"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of PNG's colour types
MOST_PIXELS, MOST_BITS = 2**26, 8  # as the signature `png` reads them


@dataclasses.dataclass(frozen=True, kw_only=True)
class PngFacts:
    """What is known of a whole PNG file without its pixels.

    Attributes:
        height: In pixels.
        width: In pixels.
        is_black: Whether it is certain that every pixel is black; False for pictures with a palette or alpha.
    """

    height: int
    width: int
    is_black: bool


def png_facts(content: bytes) -> PngFacts:
    """Read a PNG file to its end: all chunks with their checksums, and all of its data.

    Args:
        content: Bytes of the file.

    Raises:
        ValueError: It is no PNG file, broken, or of a kind that the signature `png` refuses; the message says what it
            is, as in "a PNG file that breaks off".
    """
    header, data = _chunks(content)
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if not 0 < width * height <= MOST_PIXELS or bits > MOST_BITS or colour not in CHANNELS:
        raise ValueError(f"a PNG file of {height} x {width} pixels and {bits} bits, and at most 8 bits are read")
    row_bytes = 1 + (width * bits * CHANNELS[colour] + 7) // 8  # a row begins with the number of its filter
    try:
        decoder = zlib.decompressobj()
        rows = decoder.decompress(data, 2 * height * row_bytes + 2**10)
    except zlib.error:
        raise ValueError("a PNG file whose data are damaged") from None
    if not decoder.eof or (not interlaced and len(rows) != height * row_bytes):
        raise ValueError("a PNG file with less or more data than its size needs")
    if interlaced or colour not in (0, 2):
        return PngFacts(height=height, width=width, is_black=False)
    found = np.frombuffer(rows, np.uint8).reshape(height, row_bytes)
    if found[:, 0].max() > 4:
        raise ValueError("a PNG file whose data are damaged")
    return PngFacts(height=height, width=width, is_black=not found[:, 1:].any())  # each filter keeps zeros


def _chunks(content: bytes) -> tuple[bytes, bytes]:
    """Return the header and the compressed data."""
    if not content.startswith(BEGIN):
        raise ValueError("no PNG file")
    place, header, data = len(BEGIN), b"", []
    while place + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        chunk, checksum = content[place + 8 : place + 8 + length], content[place + 8 + length : place + 12 + length]
        if len(checksum) != 4:
            break
        if struct.pack(">I", zlib.crc32(kind + chunk)) != checksum:
            raise ValueError("a PNG file with a wrong checksum")
        place += 12 + length
        if kind == b"IHDR":
            header = chunk
        elif kind == b"IDAT":
            data.append(chunk)
        elif kind == END:
            if len(header) != 13 or not data or place != len(content):
                raise ValueError("a PNG file with a chunk too few, or bytes after its end")
            return header, b"".join(data)
    raise ValueError("a PNG file that breaks off")
