"""Reading frames: what is accepted, what is refused, and with which reason."""

import struct

import cv2
import numpy as np
import pytest

from tf3dlocal.data import FrameFault, read_frame
from tf3dlocal.data.raw import frames
from tf3dlocal.data.raw.picture_size import picture_size


def png(picture, *options):
    return cv2.imencode(".png", picture, list(options))[1].tobytes()


@pytest.fixture
def body():
    frame = np.zeros((120, 160), np.uint8)
    frame[20:100, 60:90] = 255
    return frame


def test_a_grey_png_is_read_as_it_is(body):
    np.testing.assert_array_equal(read_frame(png(body)), body)


def test_a_one_bit_png_becomes_black_and_white(body):
    content = png(body, cv2.IMWRITE_PNG_BILEVEL, 1)
    assert content[24] == 1  # bits per pixel, in the PNG's header
    np.testing.assert_array_equal(read_frame(content), body)


def test_a_grey_picture_stored_as_colour_is_read_as_grey(body):
    np.testing.assert_array_equal(read_frame(png(np.stack([body] * 3, -1))), body)
    with_alpha = np.stack([body] * 3 + [np.full_like(body, 255)], -1)
    np.testing.assert_array_equal(read_frame(png(with_alpha)), body)


@pytest.mark.bad_input
def test_a_colour_picture_is_refused(body):
    assert read_frame(png(np.stack([body, body, body // 2], -1))) == FrameFault("colour image")


@pytest.mark.bad_input
def test_a_16_bit_picture_is_refused(body):
    assert read_frame(png(body.astype(np.uint16) * 257)) == FrameFault("16-bit image")


@pytest.mark.bad_input
def test_an_empty_file_is_named():
    assert read_frame(b"") == FrameFault("empty file")


@pytest.mark.bad_input
@pytest.mark.parametrize("length", [3, 8, 20, 33, 60, -30, -12, -1])
def test_a_png_that_ends_early_is_called_truncated_wherever_it_ends(body, length):
    assert read_frame(png(body)[:length]) == FrameFault("truncated PNG")


@pytest.mark.bad_input
def test_a_png_with_a_flipped_bit_is_called_damaged(body):
    content = bytearray(png(body))
    content[60] ^= 1
    assert read_frame(bytes(content)) == FrameFault("damaged PNG (wrong checksum)")


@pytest.mark.bad_input
def test_a_text_file_is_no_image():
    assert read_frame(b"Thumbs of nothing") == FrameFault("not a readable image")


def test_other_kinds_of_image_are_read_too(body):
    np.testing.assert_array_equal(read_frame(cv2.imencode(".bmp", body)[1].tobytes()), body)


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_a_file_with_several_pictures_is_refused_because_all_but_the_first_would_be_lost(kind, body):
    encode = {"png": cv2.imencodeanimation, "tiff": cv2.imencodemulti}[kind]
    if kind == "png":
        animation = cv2.Animation()
        animation.frames, animation.durations = [body, body[:, ::-1].copy()], np.array([100, 100])
        content = encode(".png", animation)[1].tobytes()
    else:
        content = encode(".tiff", [body, body])[1].tobytes()
    assert read_frame(content) == FrameFault("several pictures in one file")


def test_a_tiff_with_one_picture_is_read(body):
    np.testing.assert_array_equal(read_frame(cv2.imencode(".tiff", body)[1].tobytes()), body)


ENDINGS = [".png", ".jpg", ".tiff", ".bmp", ".webp", ".gif", ".pgm", ".ppm", ".pam", ".jp2", ".avif", ".ras"]


def encoded(ending, body):
    picture = body if ending in (".pgm", ".pam") else np.stack([body] * 3, -1)
    return cv2.imencode(ending, picture)[1].tobytes()


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_size_of_a_picture_is_read_from_its_header(ending, body):
    content = encoded(ending, body)
    assert picture_size(content) == (160, 120)
    assert not isinstance(frames.read_picture(content), FrameFault)


def tiff_of(kind, *, width, height):
    """A TIFF of one strip without pixels, as both kinds begin: with 32-bit and with 64-bit offsets."""
    if kind == "BigTIFF":
        return (
            b"II+\0"
            + struct.pack("<HHQQ", 8, 0, 16, 2)
            + struct.pack("<HHQQHHQQQ", 256, 4, 1, width, 257, 4, 1, height, 0)
        )
    return b"MM\0*" + struct.pack(">IH", 8, 2) + struct.pack(">HHIIHHIHHI", 256, 4, 1, width, 257, 3, 1, height, 0, 0)


@pytest.mark.parametrize("kind", ["TIFF", "BigTIFF"])
def test_the_size_of_a_tiff_is_read_in_both_byte_orders_and_in_both_kinds(kind):
    assert picture_size(tiff_of(kind, width=70000, height=300)) == (70000, 300)


@pytest.mark.parametrize("quality", [cv2.IMWRITE_JPEG_PROGRESSIVE, cv2.IMWRITE_JPEG_RST_INTERVAL])
def test_the_size_of_a_jpeg_is_read_past_other_segments(quality, body):
    content = cv2.imencode(".jpg", body, [quality, 1])[1].tobytes()
    exif = b"\xff\xe1" + struct.pack(">H", 12) + b"\xff\xc0\xff\xd9" * 2 + b"xx"
    assert picture_size(content[:2] + exif + b"\xff" + content[2:]) == (160, 120)


@pytest.mark.bad_input
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_picture_larger_than_any_camera_has_is_refused_before_it_is_decoded(ending, body, monkeypatch):
    content = encoded(ending, body)
    monkeypatch.setattr(frames, "MOST_PIXELS", 160 * 120 - 1)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    assert read_frame(content) == FrameFault("image of more than 67 million pixels")


@pytest.mark.bad_input
@pytest.mark.parametrize("ending", ENDINGS[1:])
def test_a_header_that_ends_early_is_no_readable_image(ending, body):
    content = encoded(ending, body)
    for length in range(4, 40):
        assert isinstance(read_frame(content[:length]), FrameFault)


@pytest.mark.bad_input
@pytest.mark.parametrize("content", [b"\xff\xd8\xff" + b"\xff\xd0" * 2**20, b"II+\0\x08\0\0\0" + b"\xff" * 64])
def test_a_header_without_an_end_is_no_readable_image(content):
    assert read_frame(content) == FrameFault("not a readable image")


@pytest.mark.bad_input
@pytest.mark.parametrize(("kind", "bits"), [(np.uint16, 16), (np.float32, 32), (np.float64, 64)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_tiff_of_more_than_8_bits_is_refused_before_it_is_decoded(kind, bits, channels, body, monkeypatch):
    content = cv2.imencode(".tiff", np.stack([body.astype(kind)] * channels, -1))[1].tobytes()
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    assert read_frame(content) == FrameFault(f"{bits}-bit image")
