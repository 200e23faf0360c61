"""Alignment: against plain loops, against OpenCV to the grey level, and on bodies that one can check by eye."""

import cv2
import numpy as np
import pytest
from references.alignment_loops import align, resize_cubic

from tf3dlocal.data import align_silhouette, cut_sides, silhouette_width


def blob(seed, height=120, width=160):
    """A smooth random body, 0 and 255, as segmentation leaves it."""
    rng = np.random.default_rng(seed)
    frame = np.zeros((height, width), np.uint8)
    x, y = rng.integers(40, width - 40), rng.integers(30, height - 30)
    cv2.ellipse(frame, (int(x), int(y)), (int(rng.integers(8, 20)), 28), float(rng.integers(-20, 20)), 0, 360, 255, -1)
    cv2.line(frame, (int(x), int(y)), (int(x + rng.integers(-30, 30)), height - 5), 255, 5)
    frame[rng.random((height, width)) < 0.002] = 255
    return frame


def with_ipp():
    return hasattr(cv2, "ipp") and cv2.ipp.useIPP()


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("seed", range(3))
def test_alignment_equals_the_plain_loops_to_the_grey_level(seed, size):
    frame = blob(seed)
    difference = np.abs(align_silhouette(frame, size=size).astype(int) - align(frame, size))
    if with_ipp():
        assert difference.max() == 0
    assert difference.max() <= 1


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("size", [64, 128])
def test_alignment_equals_the_published_steps_around_opencv_s_cubic_resize(seed, size):
    def resize(picture, height, width):
        return cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)

    frame = blob(seed)
    np.testing.assert_array_equal(align_silhouette(frame, size=size), align(frame, size, resize=resize))


@pytest.mark.skipif(not hasattr(cv2, "ipp"), reason="needs OpenCV's switch for IPP")
def test_without_ipp_opencv_rounds_the_weights_and_stays_within_one_grey_level():
    frame = blob(1)[20:110]
    before = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        rounded = cv2.resize(frame, (113, 64), interpolation=cv2.INTER_CUBIC).astype(int)
    finally:
        cv2.ipp.setUseIPP(before)
    assert np.mean(rounded != resize_cubic(frame, 64, 113, steps=2048)) < 0.002
    assert np.abs(rounded - resize_cubic(frame, 64, 113)).max() <= 1


def test_a_body_fills_the_height_and_its_mass_is_centred():
    frame = np.zeros((240, 320), np.uint8)
    frame[50:200, 20:60] = 255
    aligned = align_silhouette(frame)
    assert aligned.shape == (64, 64) and aligned.dtype == np.uint8
    assert (aligned[:, 30:34] == 255).all() and not aligned[:, :20].any() and not aligned[:, 45:].any()


def test_the_same_body_elsewhere_in_the_frame_gives_the_same_picture():
    # 128 rows become 64: a shift by an even number of pixels shifts the resized picture by whole pixels.
    frames = np.zeros((2, 240, 320), np.uint8)
    body = blob(3, height=128, width=120)
    body[0, 60] = body[-1, 60] = 255
    frames[0, 10:138, 20:140], frames[1, 90:218, 120:240] = body, body
    np.testing.assert_array_equal(align_silhouette(frames[0]), align_silhouette(frames[1]))


@pytest.mark.parametrize("column", [0, 280])
def test_a_body_at_the_edge_of_the_frame_is_centred_with_black_next_to_it(column):
    frame = np.zeros((240, 320), np.uint8)
    frame[40:200, column : column + 40] = 255
    aligned = align_silhouette(frame)
    assert (aligned[:, 31:33] == 255).all()
    np.testing.assert_array_equal(
        aligned, align(frame, resize=lambda p, h, w: cv2.resize(p, (w, h), interpolation=cv2.INTER_CUBIC))
    )


def test_a_frame_of_exactly_the_least_pixel_sum_is_dropped_and_one_more_is_kept():
    frame = np.zeros((240, 320), np.uint8)
    frame[100:140, 100] = 250
    assert align_silhouette(frame) is None  # 40 * 250 = 10,000
    frame[100, 100] = 251
    assert align_silhouette(frame) is not None
    assert align_silhouette(frame, minimum_pixel_sum=20_000) is None


def test_an_all_black_frame_holds_no_body():
    assert align_silhouette(np.zeros((240, 320), np.uint8), minimum_pixel_sum=0) is None


def test_a_frame_far_taller_than_wide_holds_no_body():
    assert align_silhouette(np.full((240, 2), 255, np.uint8)) is None


def test_one_bright_row_is_stretched_and_not_refused():
    frame = np.zeros((240, 320), np.uint8)
    frame[7] = 255
    assert align_silhouette(frame).shape == (64, 64)


@pytest.mark.bad_input
@pytest.mark.parametrize("frame", [np.zeros((4, 4)), np.zeros((4, 4, 3), np.uint8)], ids=["float", "colour"])
def test_a_frame_of_another_type_is_an_error_that_says_so(frame):
    with pytest.raises(ValueError, match="uint8 \\[height, width\\]"):
        align_silhouette(frame)


@pytest.mark.bad_input
def test_an_odd_size_is_an_error():
    with pytest.raises(ValueError, match="even"):
        align_silhouette(blob(0), size=63)


def test_a_view_into_a_larger_picture_is_aligned_like_a_copy():
    picture = np.stack([blob(0), blob(1)], axis=-1)
    np.testing.assert_array_equal(align_silhouette(picture[..., 1]), align_silhouette(blob(1)))


def test_the_network_sees_44_of_64_columns_and_88_of_128():
    picture = np.broadcast_to(np.arange(64), [3, 64, 64])
    np.testing.assert_array_equal(cut_sides(picture)[0, 0], np.arange(10, 54))
    assert cut_sides(np.zeros([2, 3, 128, 128])).shape == (2, 3, 128, 88)


def test_the_width_of_a_size_is_the_width_of_cut_silhouettes():
    for size in (*range(2, 260, 2), 512):
        assert cut_sides(np.zeros([size, size])).shape == (size, silhouette_width(size))
