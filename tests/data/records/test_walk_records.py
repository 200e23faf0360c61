"""The record of a walk: it comes back as it was, and damage is named."""

import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
import tensorflow as tf
from small_walks import some_walk

from tf3dlocal.data import Walk
from tf3dlocal.data.records.walk_records import decode_record, encode_frames, encode_record, parse_record
from tf3dlocal.io import UnreadableError


def test_a_walk_comes_back_from_its_record_to_the_grey_level():
    walk = some_walk(subject="Übung", condition="cl-02", view_degrees=162)
    back = decode_record(encode_record(walk))
    np.testing.assert_array_equal(back.silhouettes, walk.silhouettes)
    assert (back.subject, back.condition, back.view_degrees) == ("Übung", "cl-02", 162)


def test_the_graph_reads_what_python_reads():
    walk = some_walk(frames=7, size=24)
    parsed = tf.function(parse_record)(tf.constant(encode_record(walk)))
    np.testing.assert_array_equal(parsed["silhouettes"], walk.silhouettes)
    assert parsed["subject"].numpy() == b"001" and parsed["condition"].numpy() == b"nm-01"
    assert [int(parsed[name]) for name in ("num_frames", "size", "view_degrees")] == [7, 24, 90]


def test_a_film_strip_is_an_8_bit_grey_png_with_the_frames_below_one_another():
    walk = some_walk(frames=4)
    strip = cv2.imdecode(np.frombuffer(encode_frames(walk.silhouettes), np.uint8), cv2.IMREAD_UNCHANGED)
    assert strip.shape == (64, 16) and strip.dtype == np.uint8
    np.testing.assert_array_equal(strip[32:48], walk.silhouettes[2])


def test_encoding_a_film_strip_never_imports_tensorflow():
    code = (
        "import sys, numpy; from tf3dlocal.data.records.walk_records import encode_frames; "
        "encode_frames(numpy.zeros([2, 8, 8], numpy.uint8)); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "silhouettes",
    [
        np.zeros([0, 16, 16], np.uint8),
        np.zeros([3, 16, 12], np.uint8),
        np.zeros([3, 16, 16], np.float32),
        np.zeros([16, 16], np.uint8),
        np.zeros([1001, 1000, 1000], np.uint8),
    ],
)
def test_what_is_not_a_walk_is_refused_with_its_shape(silhouettes):
    with pytest.raises(ValueError, match="frames"):
        encode_frames(silhouettes)


@pytest.mark.bad_input
@pytest.mark.parametrize("position", [0.3, 0.6])
def test_a_flipped_bit_in_the_picture_is_found(position):
    record = bytearray(encode_record(some_walk(frames=20)))
    record[int(len(record) * position)] ^= 0x10
    with pytest.raises(UnreadableError, match="shard 3, walk 7 cannot be read: .*Prepare the data set again"):
        decode_record(bytes(record), source="shard 3, walk 7")


@pytest.mark.bad_input
def test_a_picture_that_claims_another_size_is_refused_before_it_is_decoded():
    walk = some_walk(frames=20)
    content = encode_record(walk)
    height = (20 * walk.silhouettes.shape[1]).to_bytes(4, "big")
    place = content.index(b"IHDR") + 8
    assert content[place : place + 4] == height
    with pytest.raises(UnreadableError, match="should have 16 x 320 pixels and has 16 x 4294967295"):
        decode_record(content[:place] + b"\xff" * 4 + content[place + 4 :])


@pytest.mark.bad_input
@pytest.mark.parametrize("record", [b"", b"nonsense", encode_record(some_walk())[:-40]])
def test_a_record_of_another_kind_is_refused(record):
    with pytest.raises(UnreadableError, match="The record cannot be read: .*Prepare the data set again"):
        decode_record(record)


@pytest.mark.slow
def test_a_record_has_the_same_bytes_in_every_process():
    """A protocol buffer writes a map in an order that each process draws, without `deterministic=True`."""
    program = (
        "import zlib, numpy as np; from tf3dlocal.data import Walk\n"
        "from tf3dlocal.data.records.walk_records import encode_record\n"
        "walk = Walk(np.ones([2, 64, 64], np.uint8), subject='001', condition='nm-01', view_degrees=90)\n"
        "print(zlib.crc32(encode_record(walk)))"
    )
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    walk = Walk(np.ones([2, 64, 64], np.uint8), subject="001", condition="nm-01", view_degrees=90)
    assert int(there) == zlib.crc32(encode_record(walk))
