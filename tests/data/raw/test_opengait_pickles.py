"""OpenGait's pickles: silhouettes are taken as they are, and what is not silhouettes is refused."""

import json
import pickle
import sys

import numpy as np
import pytest
from raw_trees import Call, casia_files, silhouettes, write_tree, zip_bytes

from tf3dlocal.data import (
    ImplausibleSilhouettesError,
    PreparationError,
    RawDataError,
    open_raw,
    open_walks,
    prepare,
    read_opengait_pickle,
)
from tf3dlocal.data.preparation import parallel_alignment
from tf3dlocal.data.raw.files import LARGEST_FILE
from tf3dlocal.data.raw.known_data_sets import CASIA_B


def tree(subjects=("001", "002"), conditions=("nm-01", "cl-02"), views=(0, 90), **shape):
    """{(subject, condition, view): array}, no two alike."""
    places = [(s, c, v) for s in subjects for c in conditions for v in views]
    return {place: silhouettes(number, **shape) for number, place in enumerate(places)}


def write_pickles(root, arrays, protocol=4):
    """The arrays as OpenGait writes them: id/type/view/view.pkl."""
    files = {f"{s}/{c}/{v:03d}/{v:03d}.pkl": pickle.dumps(a, protocol) for (s, c, v), a in arrays.items()}
    return write_tree(root, files)


def prepared(folder, arrays, **settings):
    root = write_pickles(folder / "pkl", arrays)
    report = prepare(root, out=folder / "out", workers=1, progress=False, **settings)
    return report, open_walks(folder / "out")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "array",
    [
        silhouettes() / 255,
        silhouettes() > 127,
        silhouettes().astype(np.int32),
        (silhouettes() > 127).astype(np.uint8),
        (silhouettes() > 127).astype(np.uint8) * 5,
    ],
    ids=["fractions", "truth values", "int32", "0 and 1", "0 and 5"],
)
def test_masks_of_other_numbers_are_scaled(tmp_path, array):
    (tmp_path / "000.pkl").write_bytes(pickle.dumps(array))
    read = read_opengait_pickle(tmp_path / "000.pkl")
    assert read.dtype == np.uint8 and np.array_equal(read > 127, silhouettes() > 127) and read.max() == 255
    places = {("001", "nm-01", 0): array}
    report, walks = prepared(tmp_path, places)
    assert np.array_equal(walks.read(0).silhouettes, read) and report.num_frames == 4
    assert sum(report.changed.values()) == (4 if set(np.unique(array)) < {0, 1, 5} and array.dtype != float else 0)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("array", "words"),
    [
        (silhouettes() % 12, "too dark .no value is above 11.. .*Labels of body parts are not read"),
        (255 - silhouettes(), "inverted .*--invert"),
        (silhouettes() * np.float32("nan"), "numbers that are not finite"),
        (silhouettes().astype(np.int64) * 2, "numbers outside 0 .. 255"),
        (-silhouettes().astype(np.int16), "numbers outside 0 .. 255"),
    ],
    ids=["labels", "inverted", "not finite", "too large", "negative"],
)
def test_arrays_that_are_no_silhouettes_are_refused_and_left_out(tmp_path, array, words):
    (tmp_path / "000.pkl").write_bytes(pickle.dumps(array))
    with pytest.raises(ImplausibleSilhouettesError, match=f"000.pkl: 4 of 4 frames are no silhouettes: .*{words}"):
        read_opengait_pickle(tmp_path / "000.pkl")
    report, walks = prepared(tmp_path, {("001", "nm-01", 0): array, ("001", "nm-01", 90): silhouettes()})
    assert len(walks) == 1 and report.left_out[0]["sequence"] == "001/nm-01/000"
    assert report.losses()[-1] == (1, "walk left out: no silhouettes: 001/nm-01/000")


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("array", "words"),
    [
        (silhouettes()[0], r"uint8 \[64, 64\]. Silhouettes are \[frames, height, width\]"),
        (np.zeros((4, 17, 3), np.float32)[..., None], r"float32 \[4, 17, 3, 1\]. .*Poses and colours"),
        (silhouettes(width=50), r"uint8 \[4, 64, 50\]. Frames must be square, or 11/16 as wide as high \(64 x 44"),
        (np.zeros((4, 17, 3), np.uint8), r"uint8 \[4, 17, 3\]. Frames must be square"),
    ],
)
def test_what_is_not_silhouettes_is_refused_with_file_type_shape_and_solution(tmp_path, array, words):
    (tmp_path / "000.pkl").write_bytes(pickle.dumps(array))
    with pytest.raises(RawDataError, match=f"000.pkl holds {words}"):
        read_opengait_pickle(tmp_path / "000.pkl")


@pytest.mark.bad_input
def test_a_file_too_large_for_a_walk_is_not_even_opened(tmp_path):
    path = tmp_path / "pkl" / "001" / "nm-01" / "000" / "000.pkl"
    write_pickles(tmp_path / "pkl", tree(("001",)))
    with open(path, "r+b") as file:
        file.truncate(LARGEST_FILE + 1)  # sparse
    with pytest.raises(RawDataError, match="000.pkl cannot be read: 67108865 bytes: too large"):
        read_opengait_pickle(path)
    with pytest.raises(RawDataError, match="000.pkl cannot be read: 67108865 bytes: too large"):
        prepare(tmp_path / "pkl", out=tmp_path / "out", workers=1, progress=False)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("layout", ["auto", "opengait"])
def test_prepared_walks_equal_the_arrays_in_the_pickles(tmp_path, protocol, layout):
    arrays = tree()
    root = write_pickles(tmp_path / "CASIA-B-pkl", arrays, protocol)
    report = prepare(root, out=tmp_path / "out", layout=layout, workers=1, progress=False)
    walks = open_walks(tmp_path / "out")
    assert report.layout == "opengait" and walks.name == "CASIA-B-pkl" and len(walks) == len(arrays) == 8
    for number in range(len(walks)):
        walk = walks.read(number)
        assert np.array_equal(walk.silhouettes, arrays[walk.subject, walk.condition, walk.view_degrees])
    assert report.num_frames == report.num_raw_frames == 32 and report.losses() == []
    text = (tmp_path / "out" / "report.md").read_text()
    assert "32 frames were aligned already and taken as they are" in text and "sides" not in text


def test_the_names_of_ou_mvlp_are_recognised_and_a_folder_above_the_tree_does_no_harm(tmp_path):
    arrays = tree(("00001", "10307"), ("00", "01"), (0, 270))
    write_pickles(tmp_path / "data" / "OUMVLP-pkl", arrays)
    prepare(tmp_path / "data", out=tmp_path / "out", workers=1, progress=False)
    assert open_walks(tmp_path / "out").subject_names == ["00001", "10307"]


@pytest.mark.parametrize(("size", "width"), [(64, 44), (128, 88)])
def test_frames_without_their_sides_get_them_back_as_zeros_and_the_report_says_so(tmp_path, size, width):
    arrays = tree(("001",), num_frames=2, height=size, width=width)
    report, walks = prepared(tmp_path, arrays, size=size)
    side = (size - width) // 2
    read = walks.read(0).silhouettes
    assert np.array_equal(read[:, :, side:-side], arrays["001", "cl-02", 0])
    assert not read[:, :, :side].any() and not read[:, :, -side:].any()
    assert report.num_came_cut == report.num_came_aligned == 8
    assert "8 of them lacked their sides, which are zeros now" in (tmp_path / "out" / "report.md").read_text()


def test_the_networks_see_the_same_of_walks_with_and_without_sides(tmp_path):
    from tf3dlocal.data import cut_sides

    whole = tree(("001",))
    cut = {place: array[:, :, 10:54] for place, array in whole.items()}
    for name, arrays in (("whole", whole), ("cut", cut)):
        prepared(tmp_path / name, arrays)
    first, second = (open_walks(tmp_path / name / "out").read(0).silhouettes for name in ("whole", "cut"))
    assert np.array_equal(np.asarray(cut_sides(first)), np.asarray(cut_sides(second)))


def test_128_pixels_are_prepared_with_that_size_and_refused_with_another(tmp_path):
    arrays = tree(("001",), ("nm-01",), (90,), height=128, width=128)
    with pytest.raises(RawDataError, match=r"090.pkl\[0\]: the frames are aligned to 128 x 128 .*Give --size 128"):
        prepared(tmp_path, arrays)
    _, walks = prepared(tmp_path, arrays, size=128)
    assert walks.size == 128 and np.array_equal(walks.read(0).silhouettes, arrays["001", "nm-01", 90])


def test_black_frames_are_dropped_and_counted_and_a_walk_of_nothing_else_is_left_out(tmp_path):
    arrays = tree(("001",), ("nm-01",), (0, 18, 36))
    arrays["001", "nm-01", 0][2] = 0
    arrays["001", "nm-01", 18][:] = 0
    arrays["001", "nm-01", 36] = arrays["001", "nm-01", 36][:0]
    report, walks = prepared(tmp_path, arrays)
    assert np.array_equal(walks.read(0).silhouettes, arrays["001", "nm-01", 0][[0, 1, 3]]) and len(walks) == 1
    assert report.dropped_frames[0] == {
        "sequence": "001/nm-01/000",
        "reason": "all black",
        "frames": ["001/nm-01/000/000.pkl[2]"],
    }
    assert report.drop_reasons == {"all black": 5}
    assert [(entry["sequence"], entry["why"]) for entry in report.left_out] == [
        ("001/nm-01/018", "0 usable of 4 frames; at least 1 needed"),
        ("001/nm-01/036", "0 usable of 0 frames; at least 1 needed"),
    ]


def test_a_frame_with_little_on_it_is_kept_since_it_is_not_measured_by_the_pixel_sum(tmp_path):
    arrays = tree(("001",), ("nm-01",), (0,))
    arrays["001", "nm-01", 0][1] = 0
    arrays["001", "nm-01", 0][1, 30, 30] = 255
    report, _ = prepared(tmp_path, arrays)
    assert report.num_frames == 4


def test_files_that_are_no_pickles_are_listed_and_not_read(tmp_path):
    root = write_pickles(tmp_path / "pkl", tree())
    strays = ["pretreatment.log", ".DS_Store", "001/.DS_Store", "001/nm-01/000/._000.pkl", "001/nm-01/000/a.json"]
    strays += ["001/nm-01/seq0/seq0.pkl", "002/nm-01/00/00.pkl"]
    write_tree(root, dict.fromkeys(strays, b"?"))
    report = prepare(root, out=tmp_path / "out", workers=1, progress=False)
    found = [path.removeprefix(f"{root}/").partition(" (")[0] for path in report.strays]
    folders = ["001/nm-01/seq0/", "002/nm-01/00/"]
    assert found == sorted([*strays[:5], *folders]) and report.num_walks == 8
    assert "Stray files, not used: 7" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.bad_input
def test_several_pickles_of_one_walk_are_refused_with_the_line_that_chooses_one(tmp_path):
    arrays = tree(("001",))
    files = {}
    for (s, c, v), array in arrays.items():
        files[f"{s}/{c}/{v:03d}/0-sils.pkl"] = pickle.dumps(array)
        files[f"{s}/{c}/{v:03d}/1-rgbs.pkl"] = pickle.dumps(array)
    root = write_tree(tmp_path / "pkl", files)
    line = '"{subject}/{condition}/{view}/{frame}-sils.pkl"'
    with pytest.raises(RawDataError, match="001/nm-01/000 has 2 pickles .0-sils.pkl, 1-rgbs.pkl.*only one") as caught:
        prepare(root, out=tmp_path / "out", workers=1, progress=False)
    assert line in str(caught.value)
    (tmp_path / "sils.yaml").write_text(f"pattern: {line}\n")
    report = prepare(root, out=tmp_path / "out", layout=tmp_path / "sils.yaml", workers=1, progress=False)
    assert report.num_walks == 4 and len(report.strays) == 4 and report.num_came_aligned == 16
    assert np.array_equal(open_walks(tmp_path / "out").read(0).silhouettes, arrays["001", "cl-02", 0])


def test_views_with_names_are_read_with_a_layout_file(tmp_path):
    write_tree(tmp_path / "pkl", {"0001/camid0/seq0/seq0.pkl": pickle.dumps(silhouettes())})
    with pytest.raises(RawDataError, match=r"opengait: \{subject\}/\{condition\}/\{view\}/\{frame\}.pkl"):
        prepare(tmp_path / "pkl", out=tmp_path / "out", progress=False)
    (tmp_path / "mine.yaml").write_text('pattern: "{subject}/{condition}/{view}/{frame}.pkl"\nviews: {seq0: 0}\n')
    prepare(tmp_path / "pkl", out=tmp_path / "out", layout=tmp_path / "mine.yaml", workers=1, progress=False)
    assert open_walks(tmp_path / "out").read(0).name == "0001/camid0/000"


def test_a_zip_of_the_tree_needs_no_unpacking(tmp_path):
    arrays = tree()
    files = {f"CASIA-B-pkl/{s}/{c}/{v:03d}/{v:03d}.pkl": pickle.dumps(a) for (s, c, v), a in arrays.items()}
    (tmp_path / "a.zip").write_bytes(zip_bytes(files))
    prepare(tmp_path / "a.zip", out=tmp_path / "out", workers=1, progress=False)
    assert np.array_equal(open_walks(tmp_path / "out").read(0).silhouettes, arrays["001", "cl-02", 0])


def test_listing_a_tree_opens_no_pickle(tmp_path):
    root = write_pickles(tmp_path / "pkl", tree())
    opened = []
    sys.addaudithook(lambda event, arguments: opened.append(arguments[0]) if event == "open" else None)
    source = open_raw(root)
    prints = [part.fingerprint() for part in source.parts]
    assert len(prints) == 2 and not [path for path in opened if str(path).endswith(".pkl")]
    next(source.parts[0].sequences([])).frames().__next__()
    assert [path for path in opened if str(path).endswith(".pkl")] == [f"{root}/001/cl-02/000/000.pkl"]


def test_a_complete_casia_b_is_compared_with_its_structure(tmp_path):
    arrays = tree(("001", "005"), CASIA_B.conditions, CASIA_B.views, num_frames=1)
    arrays = {place: a for place, a in arrays.items() if place not in CASIA_B.known_gaps | {("001", "bg-02", 36)}}
    report, _ = prepared(tmp_path, arrays)
    assert report.structure.startswith("CASIA-B") and len(report.known_gaps) == 10
    assert report.missing == ["001/bg-02/036"] and len(report.missing_subjects) == 122


def test_raw_frames_next_to_pickles_are_preferred(tmp_path):
    root = write_pickles(write_tree(tmp_path / "raw", casia_files()), tree())
    assert prepare(root, out=tmp_path / "out", workers=1, progress=False).layout == "casia-b"


@pytest.mark.bad_input
def test_a_hostile_pickle_in_a_tree_is_named_and_not_run_and_all_other_subjects_are_kept(tmp_path):
    root = write_pickles(tmp_path / "pkl", tree(("001", "002", "003")))
    bad, sign = root / "002" / "nm-01" / "090" / "090.pkl", tmp_path / "it ran"
    bad.write_bytes(pickle.dumps(Call(exec, f"open({str(sign)!r}, 'w').close()")))
    with pytest.raises(RawDataError, match=r"(?s)002/nm-01/090/090.pkl calls builtins.exec.*other 2 parts.*kept"):
        prepare(root, out=tmp_path / "out", workers=1, progress=False)
    assert not sign.exists() and not (tmp_path / "out" / "dataset.json").exists()
    bad.unlink()
    report = prepare(root, out=tmp_path / "out", workers=1, progress=False)
    assert report.num_walks == 11 and report.missing == ["002/nm-01/090"] and not sign.exists()


@pytest.mark.bad_input
def test_all_bad_files_of_a_subject_are_reported_at_once_or_counted(tmp_path):
    arrays = tree(("001", "002"))
    root = write_pickles(tmp_path / "pkl", arrays)
    for path in (root / "002").rglob("*.pkl"):
        path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(RawDataError) as caught:
        prepare(root, out=tmp_path / "out", workers=1, progress=False)
    assert str(caught.value).count("cannot be read: ") == 3
    assert "1 more walks of part 002 cannot be read either" in str(caught.value)


@pytest.mark.bad_input
def test_where_nothing_can_be_read_the_rest_of_a_large_tree_is_not_tried(tmp_path, monkeypatch):
    monkeypatch.setattr(parallel_alignment, "HOPELESS", 2)
    arrays = tree(tuple(f"{number:03d}" for number in range(1, 8)), num_frames=1)
    with pytest.raises(RawDataError, match="5 further parts were not tried, since none of this call") as caught:
        prepared(tmp_path, arrays, size=128)
    assert str(caught.value).count("Give --size 64") == 6 and "aligned and kept" not in str(caught.value)


def test_an_interrupted_call_is_resumed(tmp_path, monkeypatch, capsys):
    root = write_pickles(tmp_path / "pkl", tree(("001", "002", "003")))
    write, written = parallel_alignment.write_part, []

    def interrupted(part, **settings):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(part.name)
        return write(part, **settings)

    monkeypatch.setattr(parallel_alignment, "write_part", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare(root, out=tmp_path / "out", workers=1, progress=False)
    monkeypatch.undo()
    prepare(root, out=tmp_path / "out", workers=1)
    assert "Resuming: 2 of 3 parts are aligned already." in capsys.readouterr().err
    prepare(root, out=tmp_path / "undisturbed", workers=2, progress=False)
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


def test_a_pickle_that_was_written_again_is_noticed(tmp_path):
    arrays = tree()
    root = write_pickles(tmp_path / "pkl", arrays)
    prepare(root, out=tmp_path / "out", workers=1, progress=False)
    assert prepare(root, out=tmp_path / "out", workers=1, progress=False).reused
    (root / "001/cl-02/000/000.pkl").write_bytes(pickle.dumps(silhouettes(99, 5)))
    with pytest.raises(PreparationError, match="the raw files have changed"):
        prepare(root, out=tmp_path / "out", workers=1, progress=False)
    prepare(root, out=tmp_path / "out", workers=1, progress=False, overwrite=True)
    assert np.array_equal(open_walks(tmp_path / "out").read(0).silhouettes, silhouettes(99, 5))


def test_the_command_line_prepares_a_tree_and_names_what_it_refuses(tmp_path, capsys):
    from tf3dlocal.cli import main

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        return ended.value.code or 0

    arrays = tree()
    root = write_pickles(tmp_path / "pkl", arrays)
    call_it = ("prepare", root, tmp_path / "out", "--workers", 1)
    bad = root / "002" / "nm-01" / "000" / "000.pkl"
    bad.write_bytes(pickle.dumps(Call(print, "it ran")))
    assert call(*call_it) != 0
    printed = capsys.readouterr()
    words = " ".join((printed.out + printed.err).split())
    assert "calls builtins.print" in words and "it ran" not in words and "Traceback" not in words
    bad.write_bytes(pickle.dumps(arrays["002", "nm-01", 0]))
    assert call(*call_it, "--layout", "opengait", "--json", tmp_path / "report.json") == 0
    assert json.loads((tmp_path / "report.json").read_text())["num_came_aligned"] == 32
    assert len(open_walks(tmp_path / "out")) == 8
