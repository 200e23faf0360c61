"""Pictures that are no silhouettes are refused by every reader, and masks of another kind are read as such."""

import cv2
import numpy as np
import pytest
from raw_trees import casia_files, frame_files, png, raw_frame, write_tree, zip_bytes

from tf3dlocal.data import (
    ImplausibleSilhouettesError,
    RawDataError,
    align_silhouette,
    open_walks,
    plausible_silhouettes,
    prepare,
    read_frame,
)

WALK = np.stack([raw_frame(index) for index in range(4)])  # uint8 [4, 60, 80]
PHOTOGRAPH = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (60, 80)).astype(np.uint8), (5, 5), 0)
COLOURS = np.stack([PHOTOGRAPH, PHOTOGRAPH // 2, 255 - PHOTOGRAPH], -1)


def with_alpha(colours, alpha):
    return np.concatenate([np.broadcast_to(colours, (*alpha.shape, 3)), alpha[..., np.newaxis]], -1).astype(np.uint8)


def noise(share, scale=1, size=(240, 320)):
    """Four frames of white and black cells of `scale` pixels: uint8 [4, height, width]."""
    cells = np.random.default_rng(0).random((4, size[0] // scale, size[1] // scale)) < share
    return np.kron(cells, np.ones((1, scale, scale), np.uint8)).astype(np.uint8) * np.uint8(255)


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (WALK, ""),
        (WALK // 255, "masks of 0 and 1, scaled to 0 and 255"),
        (WALK // 51, "masks of 0 and 5, scaled to 0 and 255"),
        (WALK // 2, "masks of 0 and 127, scaled to 0 and 255"),
        (WALK > 0, "masks of 0 and 1, scaled to 0 and 255"),
        (WALK.astype(np.int64), ""),
        (WALK / 255, ""),
        (WALK[..., np.newaxis], ""),
        (np.stack([WALK] * 3, -1), ""),
        (with_alpha(255, WALK), "masks read from the alpha channel"),
        (with_alpha(0, WALK // 255), "masks read from the alpha channel"),
        (with_alpha(COLOURS, WALK), "masks read from the alpha channel"),
        (with_alpha(WALK[..., np.newaxis], np.full_like(WALK, 255)), ""),
        (with_alpha(WALK[..., np.newaxis], WALK), ""),
    ],
)
def test_masks_of_every_kind_come_back_white_on_black_and_are_counted(frames, said):
    masks, counts = plausible_silhouettes(frames, source="a walk")
    np.testing.assert_array_equal(masks, WALK)
    assert masks.dtype == np.uint8 and all(count == 4 for count in counts.values()) and said in {*counts, ""}


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (255 - WALK, "inverted .white background.. If the body is black on white, give --invert"),
        (1 - WALK // 255, "inverted"),
        (np.full_like(WALK, 255), "filled by the body. The body must stand free"),
        (np.stack([PHOTOGRAPH] * 4), "not two-valued. Make silhouettes first: a person segmentation network or"),
        (np.stack([COLOURS] * 4), "colour image. Make silhouettes first"),
        (WALK // 255 * np.arange(80, dtype=np.uint8) % 9, "too dark .no value is above 8.. .*Labels of body parts"),
        (WALK // 255 * 11 + (WALK > 0) * np.eye(60, 80, dtype=np.uint8) * 244, "not two-valued"),
        (WALK + np.uint8(1) * (WALK == 0) * 16, "not two-valued"),
        (WALK // 255 + np.uint8(1), "too dark .no value is above 2"),
        (WALK * np.float32("nan"), "an array with numbers that are not finite"),
        (WALK.astype(np.int64) - 9, "an array with numbers outside 0 .. 255"),
        (WALK.astype(complex), "an array of type complex128, not a picture"),
        (WALK[:, 0], r"an array \[80\], not a picture"),
        (np.stack([WALK] * 2, -1), r"an array \[60, 80, 2\], not a picture"),
        (noise(0.02), "noise .many specks, and no body.. Segment the video again: a silhouette is one piece"),
        (noise(0.1) // 255, "noise"),
        (noise(0.5), "noise"),
        (noise(0.7), "noise"),
        (noise(0.3, scale=2), "noise"),
        (noise(0.5, scale=4), "noise"),
        (with_alpha(255, noise(0.3)), "noise"),
        (with_alpha(WALK[..., np.newaxis], WALK[::-1]), "two masks that differ, in colour and in the alpha channel"),
    ],
)
def test_what_is_no_silhouette_is_refused_with_the_reason_and_the_solution(frames, words):
    with pytest.raises(ImplausibleSilhouettesError, match=f"^a walk: 4 of 4 frames are no silhouettes: {words}"):
        plausible_silhouettes(frames, source="a walk")


def test_inverted_silhouettes_are_inverted_where_it_is_asked():
    masks, counts = plausible_silhouettes(255 - WALK, source="a walk", invert=True)
    np.testing.assert_array_equal(masks, WALK)
    assert counts == {"frames inverted as asked": 4}
    with pytest.raises(ImplausibleSilhouettesError, match="inverted although they were inverted as asked. Leave"):
        plausible_silhouettes(WALK, source="a walk", invert=True)


@pytest.mark.parametrize(("bad", "reason"), [(255 - WALK[0], "inverted (white background)"), (PHOTOGRAPH, None)])
def test_a_few_bad_frames_of_a_walk_are_black_and_counted(bad, reason):
    frames = WALK.copy()
    frames[2] = bad
    masks, counts = plausible_silhouettes(frames, source="a walk")
    assert not masks[2].any() and np.array_equal(masks[[0, 1, 3]], WALK[[0, 1, 3]])
    assert counts == {f"frames left out: {reason or 'not two-valued'}": 1}


@pytest.mark.bad_input
@pytest.mark.parametrize("size", [(64, 64), (64, 44), (128, 88), (1080, 1920)])
@pytest.mark.parametrize("invert", [False, True])
def test_noise_is_found_in_frames_of_any_size_and_among_silhouettes(size, invert):
    shown = (lambda frames: 255 - frames) if invert else (lambda frames: frames)
    with pytest.raises(ImplausibleSilhouettesError, match="4 of 4 frames are no silhouettes: noise"):
        plausible_silhouettes(shown(noise(0.3, size=size)), source="a walk", invert=invert)
    frames = [*shown(WALK), shown(noise(0.3, size=size))[0]]
    masks, counts = plausible_silhouettes(frames, source="a walk", invert=invert)
    assert not masks[4].any() and counts["frames left out: noise (many specks, and no body)"] == 1


def test_a_silhouette_with_specks_and_holes_is_plausible():
    rng = np.random.default_rng(0)
    frames = np.stack([cv2.resize(frame, (320, 240), interpolation=cv2.INTER_NEAREST) for frame in WALK])
    frames[rng.random(frames.shape) < 0.01] ^= 255
    assert plausible_silhouettes(frames, source="a walk")[1] == {}


SEVERAL = "frames with several separate figures: a walk should show one person"


def test_frames_with_several_people_are_counted_by_every_reader(tmp_path):
    pair = np.concatenate([WALK, WALK], 2)
    three = np.concatenate([WALK, WALK, WALK], 2)
    for frames in (pair, pair // 255, three, 255 - pair):
        _, counts = plausible_silhouettes(frames, source="a walk", invert=bool(frames[0, 0, 0]))
        assert counts[SEVERAL] == 4
    files = {f"001/nm-01/090/{number}.png": png(frame) for number, frame in enumerate(pair)}
    report = prepare(write_tree(tmp_path / "raw", files), out=tmp_path / "p", workers=1, progress=False)
    assert report.changed == {SEVERAL: 4} and (4, SEVERAL) in report.losses() and report.num_frames == 4
    assert f"4 {SEVERAL}." in (tmp_path / "p" / "report.md").read_text()


def test_a_broken_silhouette_is_one_figure():
    halves, legs = WALK.copy(), WALK.copy()
    halves[:, 28:31] = 0
    legs[:, 38:] = 0
    legs[:, 39:55, 18:22] = legs[:, 39:55, 32:36] = 255
    for frames in (halves, legs):
        assert plausible_silhouettes(frames, source="a walk")[1] == {}


def test_frames_of_several_sizes_and_black_ones_are_fine():
    frames = [raw_frame(0), raw_frame(1, 70, 90), np.zeros((60, 80), np.uint8)]
    masks, counts = plausible_silhouettes(frames, source="a walk")
    assert [mask.shape for mask in masks] == [(60, 80), (70, 90), (60, 80)] and counts == {}


def test_soft_edges_of_resized_and_compressed_silhouettes_are_plausible():
    aligned = np.stack([align_silhouette(frame) for frame in WALK])
    assert len(np.unique(aligned)) > 20
    coarse = [cv2.resize(cv2.resize(f, (24, 24), interpolation=cv2.INTER_AREA), (64, 64)) for f in aligned]
    jpegs = [cv2.imdecode(cv2.imencode(".jpg", f, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 0) for f in WALK]
    for frames in (aligned, coarse, jpegs):
        assert plausible_silhouettes(frames, source="a walk")[1] == {}


def test_a_png_with_a_mask_in_its_alpha_channel_is_read():
    picture = cv2.imencode(".png", with_alpha(COLOURS, WALK[0]))[1].tobytes()
    np.testing.assert_array_equal(read_frame(picture), WALK[0])


KINDS = {
    "0 and 1": lambda frame: png(frame // 255),
    "0 and 5": lambda frame: png(frame // 51),
    "alpha": lambda frame: cv2.imencode(".png", with_alpha(COLOURS, frame))[1].tobytes(),
    "inverted": lambda frame: png(255 - frame),
    "inverted 0 and 1": lambda frame: png(1 - frame // 255),
}


def converted(convert, files):
    return {
        name: convert(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED))
        for name, content in files.items()
    }


@pytest.mark.parametrize("container", ["tree", "zip"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_mask_is_prepared_like_white_on_black_and_counted(tmp_path, kind, container):
    files = casia_files(("001",), ("nm-01",))
    write_tree(tmp_path / "plain", files)
    odd = converted(KINDS[kind], files)
    raw = write_tree(tmp_path / "odd", odd if container == "tree" else {"a.zip": zip_bytes(odd)})
    settings = {"workers": 1, "progress": False, "name": "same"}
    prepare(tmp_path / "plain", out=tmp_path / "a", **settings)
    report = prepare(raw, out=tmp_path / "b", invert="inverted" in kind, **settings)
    shard = "walks-00000-of-00001.tfrecord"
    assert (tmp_path / "a" / shard).read_bytes() == (tmp_path / "b" / shard).read_bytes()
    assert set(report.changed.values()) == {6} and report.num_frames == 6
    assert f"6 {next(iter(report.changed))}" in (tmp_path / "b" / "report.md").read_text()
    assert (6, next(iter(report.changed))) in report.losses()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("convert", "words"),
    [
        (lambda frame: png(255 - frame), "inverted .white background. .12.*give --invert"),
        (lambda frame: png(PHOTOGRAPH), "not two-valued .12.*Make silhouettes first"),
        (lambda frame: png(COLOURS), "colour image .12.*Make silhouettes first"),
        (lambda frame: png(frame // 255 * np.arange(80, dtype=np.uint8) % 9), "too dark .12.*Labels of body parts"),
        (lambda frame: png(np.full_like(frame, 255)), "filled by the body .12"),
    ],
    ids=["inverted", "photograph", "colour", "labels", "white"],
)
def test_raw_data_without_silhouettes_are_refused_with_the_way_to_make_some(tmp_path, convert, words):
    raw = write_tree(tmp_path / "raw", converted(convert, casia_files(("001",))))
    with pytest.raises(RawDataError, match=f"no usable walk in 4 sequences. Dropped frames: {words}"):
        prepare(raw, out=tmp_path / "out", workers=1, progress=False)


@pytest.mark.bad_input
def test_a_walk_of_no_silhouettes_is_left_out_and_named_and_the_others_are_prepared(tmp_path):
    files = casia_files(("001",)) | converted(lambda frame: png(255 - frame), frame_files("001", "nm-01", 90))
    raw = write_tree(tmp_path / "raw", files)
    report = prepare(raw, out=tmp_path / "out", workers=1, progress=False)
    assert len(open_walks(tmp_path / "out")) == 3 and report.drop_reasons == {"inverted (white background)": 3}
    assert (1, "walk left out: no silhouettes: 001/nm-01/090") in report.losses()
    text = (tmp_path / "out" / "report.md").read_text()
    assert "001/nm-01/090: 3 of 3 frames are no silhouettes: inverted" in text


@pytest.mark.shared
@pytest.mark.parametrize("aligned", [False, True])
def test_real_people_and_rendered_ones_are_plausible(shared, aligned):
    import zipfile

    with zipfile.ZipFile(shared / "data" / "kth" / "silhouettes.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".png")][::20]
        people = [read_frame(archive.read(name)) for name in names]
    rendered = []
    for data_set in ("walkers124", "disguised124"):
        with np.load(shared / "data" / data_set / "001.npz") as walks:
            bits = [np.unpackbits(walks[name])[: 36 * 4096] for name in list(walks)[::20]]
            rendered += [each.reshape(36, 64, 64) * 255 for each in bits]
    for frames in (people, *rendered):
        if aligned:
            frames = [align_silhouette(frame, size=128) for frame in frames]
        assert plausible_silhouettes(frames, source="real")[1] == {}
