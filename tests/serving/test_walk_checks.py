"""The client finds what the model would refuse, names the walk by its place, and sends nothing."""

import struct
import zlib

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.serving import CARD_NAME, Client, read_walk_folder
from tf3dlocal.serving.client import draw_walk
from tf3dlocal.serving.client.errors import model_sentence
from tf3dlocal.serving.client.png_files import png_facts
from tf3dlocal.serving.client.walk_checks import MOST_FRAMES
from tf3dlocal.serving.graph_checks import after, require, sentence_of
from tf3dlocal.serving.signatures import MOST_FRAMES as MOST_OF_THE_MODEL

ALIGNED = draw_walk(4, size=(16, 12))
MASKS = np.pad(draw_walk(4, size=(60, 50)), ((0, 0), (5, 5), (9, 9)))


def files_of(masks):
    return [cv2.imencode(".png", mask)[1].tobytes() for mask in masks]


def padded(walk, count):
    return np.concatenate([walk, np.zeros((count, *walk.shape[1:]), np.uint8)])


def png(*chunks):
    made = b"\x89PNG\r\n\x1a\n"
    for kind, data in chunks:
        made += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return made


def header(height, width, bits=8, colour=0):
    return b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)


GOOD = files_of(MASKS)
BROKEN = {
    "cut off": (GOOD[1][:-20], "a PNG file that breaks off"),
    "one byte changed": (GOOD[1][:60] + bytes([GOOD[1][60] ^ 1]) + GOOD[1][61:], "a PNG file with a wrong checksum"),
    "data of another size": (
        png(header(9, 9), (b"IDAT", zlib.compress(bytes(50))), (b"IEND", b"")),
        "less or more data than its size needs",
    ),
    "no data in zlib's format": (png(header(9, 9), (b"IDAT", b"data"), (b"IEND", b"")), "whose data are damaged"),
    "an unknown filter": (
        png(header(2, 2), (b"IDAT", zlib.compress(b"\x09ab\x00cd")), (b"IEND", b"")),
        "whose data are damaged",
    ),
    "no data": (png(header(9, 9), (b"IEND", b"")), "a chunk too few"),
    "bytes after the end": (GOOD[1] + b"x", "bytes after its end"),
    "16 bits": (png(header(1, 1, 16), (b"IDAT", zlib.compress(bytes(3))), (b"IEND", b"")), "16 bits"),
    "JPEG": (cv2.imencode(".jpg", MASKS[0])[1].tobytes(), "no PNG file"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros_like(ALIGNED), r"No frame of walks\[2\] shows a person: all 4 are black"),
        (np.zeros_like(MASKS), r"No frame of walks\[2\] shows a person: all 4 are black"),
        (files_of(np.zeros_like(MASKS)), r"No frame of walks\[2\] shows a person: all 4 are black"),
        ([b"", b""], r"No frame of walks\[2\] shows a person"),
        (padded(ALIGNED, 3), r"walks\[2\] ends with frames without a body.* the last 3 of its 7 frames"),
        (np.tile(ALIGNED, (600, 1, 1)), r"walks\[2\] has 2,400 frames, and at most 2,048 are computed"),
        (GOOD * 512, r"walks\[2\] has 2,048 frames, and at most 2,047 are computed"),
        *(([GOOD[0], content], rf"walks\[2\]: frame 1 is .*{told}") for content, told in BROKEN.values()),
    ],
)
def test_one_walk_that_the_model_refuses_is_named_by_its_place_and_nothing_is_sent(server, bad, message):
    asked = []
    server.fault = asked.append
    with pytest.raises(ValueError, match=message):
        Client(server.rest, name="tiny", walks_per_request=1).embed([ALIGNED, MASKS, bad, ALIGNED])
    assert not [what for what in asked if "predict" in what]


def test_masks_of_0_and_1_get_the_answer_of_0_and_255(server):
    client = Client(server.rest, name="tiny")
    walks = [ALIGNED, MASKS, files_of(MASKS)]
    found = client.embed([ALIGNED // 255, MASKS // 255, files_of(MASKS // 255)])
    np.testing.assert_allclose(found, client.embed(walks), rtol=0, atol=1e-6)


def test_a_list_of_png_files_is_a_walk_and_black_frames_at_the_end_of_masks_are_left_out(server):
    client = Client(server.rest, name="tiny")
    found = client.embed([MASKS, files_of(MASKS), padded(MASKS, 2), [*files_of(MASKS), b""]])
    np.testing.assert_allclose(found, np.repeat(found[:1], 4, axis=0), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", BROKEN)
def test_a_folder_with_a_broken_picture_is_read_as_embed_reads_it(server, local_answer, tmp_path, name):
    content, _ = BROKEN[name]
    for i, file in enumerate([GOOD[0], content, *GOOD[2:]]):
        (tmp_path / f"{i}.png").write_bytes(file)
    read = read_walk_folder(tmp_path, height=16, width=12).silhouettes
    found = Client(server.rest, name="tiny").embed([tmp_path])
    np.testing.assert_allclose(found, local_answer([read]), rtol=0, atol=1e-6)


@pytest.mark.bad_input
def test_a_folder_of_black_pictures_is_refused_as_embed_refuses_it(server, tmp_path):
    for i, file in enumerate(files_of(np.zeros_like(MASKS))):
        (tmp_path / f"{i}.png").write_bytes(file)
    with pytest.raises(ValueError, match="None of the 4 pictures in .* is usable: no body in it"):
        Client(server.rest, name="tiny").embed([tmp_path])


@pytest.mark.bad_input
def test_the_limit_of_the_model_card_counts(server, tiny_export, tmp_path):
    assert MOST_FRAMES == MOST_OF_THE_MODEL
    card = (tiny_export / "2" / CARD_NAME).read_text()
    (tmp_path / CARD_NAME).write_text(card.replace('"most_frames": 2048', '"most_frames": 3'))
    with pytest.raises(ValueError, match=r"walks\[0\] has 4 frames, and at most 3"):
        Client(server.rest, name="tiny", export=tmp_path).embed([ALIGNED])


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3), (9, 7, 4)])
@pytest.mark.parametrize("values", ["zeros", "random", "one"])
def test_a_whole_png_of_any_kind_is_read_to_its_end(shape, values):
    picture = np.zeros(shape, np.uint8)
    if values == "random":
        picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    elif values == "one":
        picture[-1, -1] = 1
    facts = png_facts(cv2.imencode(".png", picture)[1].tobytes())
    assert (facts.height, facts.width) == (9, 7)
    assert facts.is_black == (values == "zeros" and shape[-1] != 4)


def test_a_picture_of_one_bit_or_with_a_palette_is_read_to_its_end():
    bits = [cv2.IMWRITE_PNG_BILEVEL, 1]
    assert not png_facts(cv2.imencode(".png", MASKS[0], bits)[1].tobytes()).is_black
    palette = png(header(1, 2, 8, 3), (b"PLTE", bytes(6)), (b"IDAT", zlib.compress(bytes(3))), (b"IEND", b""))
    assert not png_facts(palette).is_black


def test_the_sentence_of_a_message_is_found_as_the_graph_has_it_without_the_row():
    @tf.function(autograph=False)
    def refuse(x):
        told = "Walk {} and frame 2 of walk {} have [no] frame; got {}."
        return after([require(tf.reduce_all(x > 0), told, (x[0], x[1], x))], x)

    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        refuse(tf.constant([0, 3]))
    sentence = "Walk 0 and frame 2 of walk 3 have [no] frame; got [0 3]."
    assert sentence_of(caught.value) == sentence
    without_rows = "A walk and frame 2 of a walk have [no] frame; got [0 3]."
    assert model_sentence(caught.value.message) == model_sentence(f"assertion failed: [{sentence}]") == without_rows
    assert model_sentence("Servable not found: walk 3") == "Servable not found: walk 3"
