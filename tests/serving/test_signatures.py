"""Every signature gives each walk the answer that it has alone, and refuses what would be answered wrongly."""

import re

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.data import ImplausibleSilhouettesError, align_silhouette, cut_sides, plausible_silhouettes
from tf3dlocal.models import MODELS
from tf3dlocal.serving import ExportedModel, export
from tf3dlocal.serving.graph_alignment import align_walks
from tf3dlocal.serving.graph_checks import sentence_of
from tf3dlocal.serving.signatures import FRAMES_AT_ONCE, MOST_FRAMES, Signatures

HEIGHT, WIDTH = 16, 12
SMALL = {"input_shape": (None, HEIGHT, WIDTH, 1), "channels": (4, 5, 6), "embedding_channels": 6, "seed": 1}
PRESETS = [
    *(("three_d_local", preset, {"num_strips": 4}) for preset in ("paper", "release", "recommended")),
    *(("gaitset", preset, {"bins": (1, 2)}) for preset in ("paper", "opengait")),
    *(
        ("gaitpart", preset, {"strips": (1, 2, 4), "num_strips": 2, "embedding_channels": 6})
        for preset in ("paper", "opengait", "release")
    ),
    ("gln", None, {"bins": (1, 2), "lateral_channels": 5}),
    ("mt3d", "paper", {"num_strips": 4}),
]


@pytest.fixture(scope="module")
def model():
    """A small model to which the order and the number of the frames matter."""
    keras.utils.set_random_seed(3)
    silhouettes = keras.Input((None, HEIGHT, WIDTH, 1), name="silhouettes")
    x = keras.layers.Conv3D(4, 3, padding="same", activation="relu")(silhouettes)
    x = keras.layers.GlobalAveragePooling3D()(x)
    return keras.Model(silhouettes, {"embedding": keras.layers.Dense(5)(x)}, name="stand_in")


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    return export(model, folder=tmp_path_factory.mktemp("exported") / "gait")


@pytest.fixture(scope="module")
def signatures(folder):
    loaded = tf.saved_model.load(folder)

    def call(name, **inputs):
        return loaded.signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})[
            "embedding"
        ].numpy()

    return call


def draw_walks(batch, frames, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (batch, frames, HEIGHT, WIDTH), dtype=np.uint8)


def draw_masks(frames, height=90, width=120, value=255):
    masks = np.zeros((1, frames, height, width), np.uint8)
    for number, mask in enumerate(masks[0]):
        cv2.ellipse(mask, (40 + 3 * number, 45), (12 + number % 5, 30), 0, 0, 360, value, -1)
    return masks


def as_png(masks):
    return [[cv2.imencode(".png", mask)[1].tobytes() for mask in walk] for walk in masks]


def aligned(masks):
    found = [align_silhouette(mask, size=HEIGHT) for mask in masks]
    margin = (HEIGHT - WIDTH) // 2
    return np.stack([each for each in found if each is not None])[None, :, :, margin : margin + WIDTH]


def refusal(call, name, **inputs):
    with pytest.raises(tf.errors.InvalidArgumentError) as refused:
        call(name, **inputs)
    return sentence_of(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "preset", "arguments"), PRESETS)
def test_padded_walks_have_the_answers_of_the_walks_alone_in_every_model(name, preset, arguments):
    preset = {} if preset is None else {"preset": preset}
    model = MODELS[name](**preset, **SMALL | arguments)
    functions = Signatures(model, height=HEIGHT, width=WIDTH)
    lengths = [9, 4, 12, 9]
    walks = draw_walks(4, 12)
    for walk, length in zip(walks, lengths, strict=True):
        walk[length:] = walk[0, 0, 0]  # the padding of TF Serving
    found = functions.variable(tf.constant(walks), tf.constant(lengths))["embedding"].numpy()
    for number, length in enumerate(lengths):
        alone = functions.embed(walks[number : number + 1, :length] / np.float32(255))
        np.testing.assert_allclose(found[number], alone.numpy()[0], atol=1e-5)


@pytest.mark.parametrize("padding", ["zeros", "first value", "noise"])
@pytest.mark.slow
def test_what_stands_in_padded_frames_has_no_effect(signatures, padding):
    walks, lengths = draw_walks(3, 10), np.array([10, 3, 7], np.int32)
    noise = draw_walks(3, 10, seed=1)
    for number, length in enumerate(lengths):
        value = {"zeros": 0, "first value": walks[number].flat[0], "noise": noise[number, length:]}[padding]
        walks[number, length:] = value
    found = signatures("variable", silhouettes=walks, num_frames=lengths)
    for number, length in enumerate(lengths):
        alone = signatures("serving_default", silhouettes=walks[number : number + 1, :length])
        np.testing.assert_allclose(found[number], alone[0], atol=1e-6)


def test_blocks_of_bounded_memory_change_no_answer_and_no_order(signatures, model):
    frames = FRAMES_AT_ONCE // 2 - 10
    walks = draw_walks(5, frames)
    expected = model(walks[..., None] / np.float32(255), training=False)["embedding"]
    np.testing.assert_allclose(signatures("serving_default", silhouettes=walks), expected, atol=1e-5)
    np.testing.assert_allclose(signatures("float", silhouettes=walks / np.float32(255)), expected, atol=1e-5)
    lengths = np.full(5, frames, np.int32)
    np.testing.assert_allclose(signatures("variable", silhouettes=walks, num_frames=lengths), expected, atol=1e-5)


@pytest.mark.parametrize("value", [255, 1, 7])
def test_masks_of_any_size_have_the_answer_of_prepared_silhouettes(signatures, value):
    masks = draw_masks(8, value=value)
    expected = signatures("serving_default", silhouettes=aligned(draw_masks(8)[0]))
    np.testing.assert_allclose(signatures("raw", masks=masks), expected, atol=1e-4)
    np.testing.assert_allclose(signatures("png", frames_bytes=as_png(masks)), expected, atol=1e-4)


@pytest.mark.parametrize("without", ["black", "white", "grey", "few pixels"])
def test_frames_without_a_person_are_left_out_and_not_averaged_in(signatures, without):
    masks = draw_masks(9)
    expected = signatures("serving_default", silhouettes=aligned(masks[0, [0, 1, 3, 4, 6, 7]]))
    for number in (2, 5, 8):
        masks[0, number] = {"white": 255, "grey": 130}.get(without, 0)
        if without == "few pixels":
            masks[0, number, 30:36, 40:46] = 255
    np.testing.assert_allclose(signatures("raw", masks=masks), expected, atol=1e-4)
    np.testing.assert_allclose(signatures("png", frames_bytes=as_png(masks)), expected, atol=1e-4)


def test_walks_of_pictures_may_differ_in_length_and_in_the_size_of_their_pictures(signatures):
    long, short = as_png(draw_masks(8))[0], as_png(draw_masks(5, 120, 200))[0]
    alone = [signatures("png", frames_bytes=[walk])[0] for walk in (long, short)]
    for padding in (b"", short[0]):  # of a client, and of TF Serving
        found = signatures("png", frames_bytes=[long, short + [padding] * 3])
        np.testing.assert_allclose(found, alone, atol=1e-6)


def test_a_walk_of_one_picture_throughout_stays_as_it_is(signatures):
    masks = np.repeat(draw_masks(1), 6, axis=1)
    expected = signatures("raw", masks=masks)
    np.testing.assert_allclose(signatures("png", frames_bytes=as_png(masks)), expected, atol=1e-6)


def test_the_only_walk_of_a_batch_keeps_a_last_picture_that_equals_its_first(signatures):
    masks = draw_masks(6)
    masks[0, 5] = masks[0, 0]
    expected = signatures("raw", masks=masks)
    np.testing.assert_allclose(signatures("png", frames_bytes=as_png(masks)), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["serving_default", "variable"])
def test_silhouettes_of_0_and_1_are_taken_as_those_of_0_and_255(signatures, name):
    walks = np.where(draw_walks(2, 5) > 127, 255, 0).astype(np.uint8)
    numbers = {"num_frames": [5, 4]} if name == "variable" else {}
    expected = signatures(name, silhouettes=walks, **numbers)
    mixed = np.stack([walks[0] // 255, walks[1]])
    np.testing.assert_allclose(signatures(name, silhouettes=mixed, **numbers), expected, atol=1e-6)


def test_an_empty_batch_has_an_empty_answer(signatures):
    batches = {
        "serving_default": {"silhouettes": draw_walks(0, 3)},
        "float": {"silhouettes": draw_walks(0, 3).astype(np.float32)},
        "variable": {"silhouettes": draw_walks(0, 3), "num_frames": np.zeros(0, np.int32)},
        "raw": {"masks": draw_masks(3)[:0]},
        "png": {"frames_bytes": np.zeros((0, 3), object)},
    }
    for name, inputs in batches.items():
        assert signatures(name, **inputs).shape == (0, 5), name


@pytest.mark.parametrize("kind", ["colour", "alpha", "grey and alpha"])
def test_masks_are_found_where_prepare_finds_them(signatures, kind):
    masks = draw_masks(4)
    grey = np.repeat(masks[..., None], 3, axis=-1)
    photo = np.random.default_rng(0).integers(0, 256, grey.shape, dtype=np.uint8)
    with_alpha = np.concatenate([photo if kind == "alpha" else np.full_like(grey, 90), masks[..., None]], axis=-1)
    pictures = grey if kind == "colour" else with_alpha
    expected = signatures("raw", masks=masks)
    np.testing.assert_allclose(signatures("png", frames_bytes=as_png(pictures)), expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hard", "soft", "touching the border"])
def test_alignment_in_the_graph_equals_prepare_within_one_grey_level(kind):
    rng = np.random.default_rng(5)
    for _ in range(12):
        height, width = (int(number) for number in rng.integers(60, 500, 2))
        masks = np.zeros((4, height, width), np.uint8)
        for mask in masks:
            centre = (int(rng.integers(width)) if kind != "hard" else width // 2, height // 2)
            axes = (int(rng.integers(5, width // 5)), int(rng.integers(15, height // 2 - 5)))
            cv2.ellipse(mask, centre, axes, float(rng.uniform(-20, 20)), 0, 360, 255, -1)
        if kind == "soft":
            masks = np.stack([cv2.GaussianBlur(mask, (5, 5), 0) for mask in masks])
        found, is_usable = align_in_the_graph(masks)
        expected = [align_silhouette(mask) for mask in masks]
        assert is_usable.numpy()[0].tolist() == [each is not None for each in expected]
        expected = cut_sides(np.stack([each for each in expected if each is not None]))
        difference = np.abs(found.numpy()[0][is_usable.numpy()[0]].astype(int) - expected)
        assert difference.max(initial=0) <= 1


@tf.function(input_signature=[tf.TensorSpec([None] * 3, tf.uint8)])
def align_in_the_graph(masks):
    return align_walks(masks, lambda mask: (mask, False), tf.stack([1, tf.shape(masks)[0]]), size=(64, 44))


VALUES_OF_THE_BODY = {
    "0 and 1": [1, 1, 1, 1],
    "0 and 1 among 0 and 255": [255, 1, 255, 255],
    "0 and 255 among 0 and 1": [1, 255, 1, 1],
    "one frame of 0 and 100": [255, 255, 100, 255],
    "one frame of 0 and 240": [255, 255, 240, 255],
    "240 throughout": [240, 240, 240, 240],
    "labels": [1, 2, 3, 1],
    "grey values": [50, 90, 120, 200],
    "an empty frame": [255, 0, 255, 255],
}


@pytest.mark.bad_input
@pytest.mark.parametrize("values", VALUES_OF_THE_BODY.values(), ids=VALUES_OF_THE_BODY)
def test_the_value_of_the_body_is_decided_for_a_whole_walk_as_prepare_does(values):
    masks = draw_masks(4)[0] // 255 * np.array(values, np.uint8)[:, None, None]
    try:
        taken, _ = plausible_silhouettes(masks, source="walk")
    except ImplausibleSilhouettesError:
        with pytest.raises(tf.errors.InvalidArgumentError, match="are no silhouettes"):
            align_in_the_graph(masks)
        return
    expected = [align_silhouette(mask) for mask in taken]
    found, is_usable = align_in_the_graph(masks)
    assert is_usable.numpy()[0].tolist() == [each is not None for each in expected]
    for ours, theirs in zip(found.numpy()[0].astype(int), expected, strict=True):
        assert theirs is None or np.abs(ours - cut_sides(theirs[None])[0]).max() <= 1


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "inputs", "told"),
    [
        ("serving_default", {"silhouettes": draw_walks(2, 3)[..., :8]}, r"\[2,3,16,8\] is not compatible .*16,12\]"),
        ("serving_default", {"silhouettes": draw_walks(2, 0)}, r"at least one frame; got \[2 0 16 12\]"),
        ("float", {"silhouettes": np.full((1, 2, HEIGHT, WIDTH), 2, np.float32)}, "numbers of 0 .* Divide 0..255"),
        ("float", {"silhouettes": np.full((1, 2, HEIGHT, WIDTH), np.nan, np.float32)}, "outside or NaN"),
        ("variable", {"silhouettes": draw_walks(2, 3), "num_frames": [3, 0]}, "num_frames of walk 1 is 0, .* 1 to 3,"),
        ("variable", {"silhouettes": draw_walks(2, 3), "num_frames": [4, 1]}, "num_frames of walk 0 is 4, .* 1 to 3,"),
        ("variable", {"silhouettes": draw_walks(1, 0), "num_frames": [0]}, r"at least one frame; got \[1 0 16 12\]"),
        ("variable", {"silhouettes": draw_walks(2, 3), "num_frames": [3]}, "2 walks and 1 numbers in num_frames"),
        ("raw", {"masks": np.zeros((1, 3, 40, 40), np.uint8)}, "No frame of walk 0 shows a person"),
        ("raw", {"masks": 255 - draw_masks(3)}, "3 of the 3 frames of walk 0 are no silhouettes"),
        ("raw", {"masks": draw_walks(1, 3)}, "3 of the 3 frames of walk 0 are no silhouettes"),
        ("raw", {"masks": draw_walks(1, 3) % 9}, "3 of the 3 frames of walk 0 are no silhouettes"),
        ("raw", {"masks": np.zeros((1, 0, 40, 40), np.uint8)}, "at least one frame and one pixel"),
        ("png", {"frames_bytes": [[b"GIF89a"]]}, "A picture of 6 bytes is not a whole PNG"),
        ("png", {"frames_bytes": [[as_png(draw_masks(1))[0][0][:-9]]]}, "is not a whole PNG"),
        ("png", {"frames_bytes": [[b""]]}, "No frame of walk 0 shows a person"),
    ],
)
def test_wrong_input_is_one_sentence(signatures, name, inputs, told):
    assert re.search(told, refusal(signatures, name, **inputs))


@pytest.mark.bad_input
def test_a_png_that_claims_a_huge_size_is_refused_before_it_is_decoded(signatures):
    content = bytearray(as_png(draw_masks(1))[0][0])
    content[16:24] = b"\x00\x00\xff\xff" * 2
    assert "PNG of 65535 x 65535 pixels" in refusal(signatures, "png", frames_bytes=[[bytes(content)]])


@pytest.mark.bad_input
@pytest.mark.parametrize("value", [0, 255, 17])
def test_a_walk_that_was_padded_without_num_frames_is_refused_and_not_answered_wrongly(folder, signatures, value):
    walks = draw_walks(3, 10)
    walks[1, 6:] = value
    told = "Walk 1 ends with frames without a body"
    assert told in refusal(signatures, "serving_default", silhouettes=walks)
    assert told in refusal(signatures, "float", silhouettes=walks / np.float32(255))
    assert told in refusal(signatures, "variable", silhouettes=walks, num_frames=[10, 10, 10])
    walks[1, 0] = 0  # the first frame of a walk may be empty as well, and is then what TF Serving pads with
    assert told in refusal(signatures, "serving_default", silhouettes=walks)
    with pytest.raises(ValueError, match=told):
        ExportedModel(folder).embed(walks)


@pytest.mark.bad_input
def test_masks_that_would_fill_the_memory_are_refused_with_the_limit(model, monkeypatch):
    monkeypatch.setattr("tf3dlocal.serving.signatures.MOST_PIXELS", 3 * 90 * 120 - 1)
    with pytest.raises(tf.errors.InvalidArgumentError) as refused:
        Signatures(model, height=HEIGHT, width=WIDTH).raw(tf.constant(draw_masks(3)))
    assert "32400 pixels together, and at most 32399" in sentence_of(refused.value)


@pytest.mark.bad_input
def test_a_walk_of_ten_thousand_frames_is_refused_with_the_limit(signatures):
    told = f"10000 frames, and at most {MOST_FRAMES} are computed"
    assert told in refusal(signatures, "serving_default", silhouettes=np.zeros((1, 10_000, HEIGHT, WIDTH), np.uint8))
    assert told in refusal(signatures, "raw", masks=np.zeros((1, 10_000, 4, 4), np.uint8))
    assert told in refusal(signatures, "png", frames_bytes=[[b""] * 10_000])


def test_a_model_that_no_aligned_silhouette_fits_has_no_signature_that_aligns(tmp_path):
    silhouettes = keras.Input((None, 15, 20, 1))
    pooled = keras.layers.GlobalAveragePooling3D()(silhouettes)
    loaded = tf.saved_model.load(export(keras.Model(silhouettes, {"embedding": pooled}), folder=tmp_path))
    assert set(loaded.signatures) == {"serving_default", "float", "variable"}


@pytest.mark.bad_input
def test_the_checks_hold_in_a_graph_session_as_tf_serving_has_one(folder):
    """It compares no shape of what it is fed with the signature, and its optimizer sees the whole graph."""
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        found = tf.compat.v1.saved_model.load(session, ["serve"], str(folder)).signature_def

        def call(name, **inputs):
            tensors = {session.graph.get_tensor_by_name(found[name].inputs[key].name): inputs[key] for key in inputs}
            output = session.graph.get_tensor_by_name(found[name].outputs["embedding"].name)
            fed = {tensor._as_tf_output(): np.asarray(value) for tensor, value in tensors.items()}
            return session._call_tf_sessionrun(None, fed, [output._as_tf_output()], [], None)[0]

        walks, padded = draw_walks(2, 5), draw_walks(2, 5)
        padded[1, 3:] = padded[1, 0, 0, 0]
        lengths = np.array([5, 3], np.int32)
        alone = call("serving_default", silhouettes=padded[1:, :3])
        np.testing.assert_allclose(call("variable", silhouettes=padded, num_frames=lengths)[1], alone[0], atol=1e-6)
        for name, inputs, told in (
            ("serving_default", {"silhouettes": walks[..., :8]}, "is not compatible with expected shape [?,?,16,12]"),
            ("serving_default", {"silhouettes": walks[:, :0]}, "at least one frame"),
            ("serving_default", {"silhouettes": padded}, "Walk 1 ends with frames without a body"),
            ("float", {"silhouettes": np.full(walks.shape, np.nan, np.float32)}, "outside or NaN"),
            ("variable", {"silhouettes": walks, "num_frames": lengths + 1}, "num_frames of walk 0 is 6"),
            ("raw", {"masks": np.zeros((1, 2, 9, 9), np.uint8)}, "No frame of walk 0 shows a person"),
        ):
            assert told in refusal(call, name, **inputs)
