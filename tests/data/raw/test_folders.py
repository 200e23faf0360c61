"""Folder trees: a layout in a YAML file, OU-MVLP's layout, and stray files."""

import os

import pytest
from raw_trees import casia_files, frame_files, png, raw_frame, raw_sequences, tars_of_subjects, write_tree, zip_bytes

from tf3dlocal.data import PathPattern, RawDataError, open_raw
from tf3dlocal.data.raw.layout_file import read_layout_file

FRAME = png(raw_frame())


def described(folder, text, files):
    folder.mkdir(exist_ok=True)
    (folder / "mine.yaml").write_text(text)
    write_tree(folder / "raw", dict.fromkeys(files, FRAME))
    return open_raw(folder / "raw", layout=folder / "mine.yaml")


def sequences(source):
    return [s for part in source.parts for s in part.sequences([])]


def test_a_layout_file_may_name_the_views(tmp_path):
    text = 'name: corridor\npattern: "{subject}/{condition}_{view}/{frame}.png"\nviews: {left: 270, right: 90}\n'
    source = described(tmp_path, text, ["anna/coat_left/1.png", "anna/coat_right/1.png", "bo/none_left/1.png"])
    assert source.name == "corridor" and source.pattern.layout == "mine.yaml"
    assert [s.name for s in sequences(source)] == ["anna/coat/090", "anna/coat/270", "bo/none/270"]


def test_a_layout_file_may_give_condition_and_view_once_for_all(tmp_path):
    text = 'pattern: "{subject}/{frame}.png"\ncondition: nm-01\nview: 90\n'
    assert [s.name for s in sequences(described(tmp_path, text, ["anna/1.png"]))] == ["anna/nm-01/090"]


def test_all_fields_may_be_in_the_file_name(tmp_path):
    text = 'pattern: "{subject}-{condition}-{view}-{frame}.png"\n'
    source = described(tmp_path, text, ["anna-nm-90-1.png", "anna-nm-90-2.png", "bo-nm-90-1.png", "note.txt"])
    assert [(s.name, len(s.files)) for s in sequences(source)] == [("anna/nm/090", 2), ("bo/nm/090", 1)]
    strays = []
    list(source.parts[0].sequences(strays))
    assert [path.rsplit("/")[-1] for path in strays] == ["note.txt"]


def test_a_layout_file_serves_a_zip_as_well(tmp_path):
    (tmp_path / "mine.yaml").write_text('pattern: "walks/{subject}/*/{condition}/{view}/{frame}.png"\n')
    (tmp_path / "a.zip").write_bytes(zip_bytes({"walks/anna/monday/nm/90/1.png": FRAME}))
    assert [s.name for s in raw_sequences(tmp_path / "a.zip", layout=tmp_path / "mine.yaml")] == ["anna/nm/090"]


def test_a_field_that_occurs_twice_must_have_the_same_text():
    pattern = PathPattern("mine", pattern="{subject}/{subject}-{condition}-{view}-{frame}.png")
    assert pattern.match("a/a-nm-18-1.png") == ("a", "nm", 18)
    assert pattern.match("a/b-nm-18-1.png") is None


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('pattern: "{subject}/{frame}.png"', r"lacks the field \{condition\}"),
        ('pattern: "{person}/{frame}.png"', "unknown field 'person'"),
        ('pattern: "{subject}/{condition}/{view}/x.png"', r"lacks the field \{frame\}"),
        ('patern: "{subject}/{frame}.png"', r"patern: Extra inputs.*Known keys: pattern, name, views, condition, view"),
        ('pattern: "{subject}/{condition}/{view}/{frame}.png"\nviews: {left: west}', "views.left"),
        ("- 1", "expected keys and values"),
        ("pattern: [", "mine.yaml, line 1.*not YAML"),
        ('pattern: "{subject}/{condition}/{view}/{frame}.png"\npattern: x', "line 2, pattern: the key is given twice"),
        ('pattern: !!python/object:os.system "x"', "line 1: tags such as"),
        ("pattern: 5", "pattern: Input should be a valid string"),
        ('pattern: "{subject}/{condition}/{frame}.png"\nview: left', "view: Input should be a valid integer"),
    ],
)
def test_a_wrong_layout_file_is_an_error_that_names_the_key(tmp_path, text, words):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(RawDataError, match=f"(?s){words}"):
        read_layout_file(tmp_path / "mine.yaml")


def test_a_number_with_leading_zeros_is_never_read_as_octal(tmp_path):
    text = 'pattern: "{subject}/{condition}/{frame}.png"\nview: 045\n'
    assert [s.name for s in sequences(described(tmp_path, text, ["anna/nm/1.png"]))] == ["anna/nm/045"]  # not 037
    text = 'pattern: "{subject}/{condition}/{view}/{frame}.png"\nviews: {045: 036}\n'
    source = described(tmp_path / "b", text, ["anna/nm/045/1.png", "anna/nm/45/1.png", "anna/nm/37/1.png"])
    assert [s.name for s in sequences(source)] == ["anna/nm/036"]  # 045 is a text, 036 degrees are not 30


def test_ou_mvlp_is_recognised_and_grouped_by_subject(tmp_path):
    names = [
        f"Silhouette_{view}-{index}/{subject}/{frame:04d}.png"
        for view in ("000", "270")
        for index in ("00", "01")
        for subject in ("00001", "00002")
        for frame in (1, 2)
    ]
    source = open_raw(write_tree(tmp_path / "raw", dict.fromkeys(names, FRAME)))
    assert source.pattern.layout == "ou-mvlp" and [part.name for part in source.parts] == ["00001", "00002"]
    assert [s.name for s in sequences(source)][:4] == ["00001/00/000", "00001/00/270", "00001/01/000", "00001/01/270"]


def test_frames_come_in_natural_order(tmp_path):
    files = {f"001/nm-01/090/frame{index}.png": FRAME for index in (10, 2, 1, 100)}
    sequence = raw_sequences(write_tree(tmp_path / "raw", files))[0]
    assert [path.rsplit("/")[-1] for path in sequence.files] == [
        "frame1.png",
        "frame2.png",
        "frame10.png",
        "frame100.png",
    ]


def test_stray_files_are_listed_at_every_level_and_not_read(tmp_path):
    root = write_tree(tmp_path / "raw", casia_files())
    strays = ["readme.txt", "001/notes.txt", "001/nm-01/x.db", "001/nm-01/000/Thumbs.db", "backup/a.png"]
    write_tree(root, dict.fromkeys(strays, b"?"))
    (root / "002/nm-01/090/more").mkdir()
    source = open_raw(root)
    found = list(source.strays)
    assert len([s for part in source.parts for s in part.sequences(found)]) == 8
    relative = sorted(path.removeprefix(f"{root}/") for path in found)
    assert relative == [
        "001/nm-01/000/Thumbs.db",
        "001/nm-01/x.db",
        "001/notes.txt",
        "002/nm-01/090/more/ (a folder among frames)",
        "backup/ (a folder that is not {subject} = \\d{3})",
        "readme.txt",
    ]


@pytest.mark.bad_input
def test_a_folder_without_silhouettes_is_an_error_that_shows_what_was_seen_and_sought(tmp_path):
    write_tree(tmp_path / "raw", {"anna/walk1/0001.jpg": FRAME})
    with pytest.raises(RawDataError, match=r"(?s)no silhouettes found.*casia-b.*anna/walk1/0001.jpg.*YAML") as caught:
        open_raw(tmp_path / "raw")
    assert "ou-mvlp" in str(caught.value)


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", ["tree", "tars", "zip"])
@pytest.mark.parametrize(
    ("wanted", "words"),
    [(["9"], "no subject '9'. Did you mean '009'"), ("xyz", "no subject 'xyz'. Known names: '001', '009'")],
)
def test_wanted_subjects_that_are_absent_are_an_error_that_names_near_ones(tmp_path, kind, wanted, words):
    files = frame_files("001") | frame_files("009")
    raw = write_tree(tmp_path / "raw", {"tree": files, "tars": tars_of_subjects(files)}.get(kind, {}))
    if kind == "zip":
        raw = tmp_path / "raw.zip"
        raw.write_bytes(zip_bytes(files))
    with pytest.raises(RawDataError, match=f"subjects: there is {words}"):
        open_raw(raw, subjects=wanted)


@pytest.mark.bad_input
@pytest.mark.parametrize(("layout", "words"), [("casiab", "Unknown layout 'casiab'"), ("no.yaml", "does not exist")])
def test_an_unknown_layout_is_an_error(tmp_path, layout, words):
    with pytest.raises(RawDataError, match=words):
        open_raw(write_tree(tmp_path / "raw", frame_files()), layout=layout)


@pytest.mark.bad_input
def test_a_path_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(RawDataError, match="does not exist"):
        open_raw(tmp_path / "nowhere")


@pytest.mark.bad_input
def test_a_file_that_is_no_archive_is_an_error(tmp_path):
    (tmp_path / "raw.rar").write_bytes(b"?")
    with pytest.raises(RawDataError, match="neither a folder nor"):
        open_raw(tmp_path / "raw.rar")


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "line",
    [
        "view: -90",
        "view: 361",
        "views: {left: -1}",
        'condition: ""',
        'condition: "a\\nb"',
        "condition: a/b",
        'name: "\\e[2J"',
    ],
)
def test_a_layout_file_gives_names_and_views_that_a_data_set_can_hold(tmp_path, line):
    (tmp_path / "mine.yaml").write_text(f'pattern: "{{subject}}/{{condition}}/{{view}}/{{frame}}.png"\n{line}\n')
    with pytest.raises(RawDataError, match=f"mine.yaml: {line.partition(':')[0]}.*(Input should be|printable)"):
        read_layout_file(tmp_path / "mine.yaml")


PASSES = 'pattern: "{subject}/{condition}/{view}/{frame}.png"\n'


def test_all_trees_in_a_folder_are_read_and_folders_without_one_are_named(tmp_path):
    files = [
        "hall/walks/anna/nm-01/90/1.png",
        "hall/notes/readme.txt",
        "street/ben/nm-01/90/1.png",
        "yard/walks/anna/cl-01/90/1.png",
        "yard/walks/carl/nm-01/left/1.png",
        "broken/walks/dora/nm-01/1.png",
    ]
    source = described(tmp_path, PASSES, files)
    strays = list(source.strays)
    names = sorted(walk.name for part in source.parts for walk in part.sequences(strays))
    assert names == ["anna/cl-01/090", "anna/nm-01/090", "ben/nm-01/090"]
    named = [stray.removeprefix(f"{tmp_path}/raw/") for stray in strays]
    without = "(a folder without a tree of this layout)"
    assert named[:2] == [f"broken/ {without}", f"hall/notes/ {without}"]
    assert len(named) == 3 and named[2].startswith("yard/walks/carl/nm-01/left/")


def test_a_walk_in_two_trees_is_kept_once_and_reported(tmp_path):
    from tf3dlocal.data import prepare

    (tmp_path / "mine.yaml").write_text(PASSES)
    walk = {f"anna/nm-01/90/{number}.png": FRAME for number in range(3)}
    write_tree(tmp_path / "raw", {f"{tree}/{path}": frame for tree in "ab" for path, frame in walk.items()})
    report = prepare(
        tmp_path / "raw", out=tmp_path / "out", layout=tmp_path / "mine.yaml", workers=1, min_frames=1, progress=False
    )
    assert report.name == "raw" and report.num_walks == 1 and len(report.duplicates) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every folder")
def test_a_folder_that_may_not_be_read_is_named(tmp_path):
    write_tree(tmp_path / "raw", {"a/anna/nm-01/90/1.png": FRAME, "b/ben/nm-01/90/1.png": FRAME})
    (tmp_path / "mine.yaml").write_text(PASSES)
    (tmp_path / "raw" / "b").chmod(0)
    try:
        source = open_raw(tmp_path / "raw", layout=tmp_path / "mine.yaml")
    finally:
        (tmp_path / "raw" / "b").chmod(0o700)
    assert len(source.parts) == 1 and source.strays == [f"{tmp_path}/raw/b/ (a folder that you may not read)"]
