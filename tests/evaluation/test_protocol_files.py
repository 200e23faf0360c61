"""Files that are no protocol: one sentence with file, line and key, and never a traceback, a hang or a full memory."""

import os

import pytest

from tf3dlocal.evaluation import (
    Protocol,
    ProtocolError,
    load_protocol,
    protocol_names,
    protocol_reference,
    protocol_template,
)

GOOD = {"name": "name: own", "test": "test: all", "gallery": "gallery: [a]", "probes": "probes: {B: [b]}"}
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"- a\n",
        b"own",
        b"name: [",
        b"\tname: x",
        b"\xff\xfen\x00a\x00m\x00e\x00",
        b"name: \xe9t\xe9",
        b"name: \x00",
        b"name: !!python/object/apply:os.system [true]",
        b"[" * 100_000,
        BOMB.encode(),
        b"name: x\n" * 3,
        b"a: &a [*a]",
        os.urandom(64),
        b"x" * (2**20 + 1),
    ],
    ids=range(15),
)
def test_a_damaged_file_is_one_short_message_that_names_it(tmp_path, content):
    path = tmp_path / "own.yaml"
    path.write_bytes(content)
    with pytest.raises(ProtocolError, match="own.yaml") as raised:
        load_protocol(path)
    assert len(str(raised.value)) < 2000


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("name: ''", "line 1: name is ''"),
        ('name: "a\\nb"', "line 1: name is"),
        ("name: [a]", "line 1: name is"),
        ("test: everyone", "line 2: test is 'everyone'. Write: list of ids"),
        ("test: []", "must name at least one"),
        ("test: [1.5]", r"line 2: test is \[1.5\]"),
        ("test: [true]", r"line 2: test is \[True\]"),
        ("test: [[001]]", "line 2: test is"),
        ("test: {first: 3}", "line 2: test is"),
        ("gallery: nm", "line 3: gallery is 'nm'. Write: list of conditions"),
        ("gallery: ['']", "line 3: gallery is"),
        ("gallery: [null]", "line 3: gallery is"),
        ("gallery: []", "gallery is empty"),
        ("probes: [a]", r"line 4: probes is \['a'\]"),
        ("probes: {}", "probes needs at least one group"),
        ("probes: {B: []}", "probes needs at least one group"),
        ("probes: {B: b}", "line 4: probes is"),
        ("train: {first: 0}", "line 5: train is"),
        ("train: {first: -3}", "line 5: train is"),
        ("train: {first: 2.5}", "line 5: train is"),
        ("train: {frist: 3}", "line 5: train is .*{first: 20}"),
        ("train: 20", "line 5: train is 20"),
        ("train: [1..99999999999]", "has 99,999,999,999 ids, and 1,000,000 are the limit"),
        (f"train: [1..{'9' * 5000}]", "is not a range"),
        ("train: [3..1]", "descending"),
        ("views: [left]", "line 5: views is"),
        ("views: [90.5]", "line 5: views is"),
        ("views: [true]", "a view is a number of degrees"),
        ("views: []", "must name at least one"),
        ("views: 90", "line 5: views is 90"),
        ("view_groups: {side: 90}", "line 5: view_groups is"),
        ("view_groups: {side: [90], back: [90]}", "two groups"),
        ("identical_views: maybe", "line 5: identical_views is 'maybe'. Write: exclude or include"),
        ("probes_without_gallery: skip", "line 5: probes_without_gallery is 'skip'"),
        ("leave_one_out: maybe", "line 5: leave_one_out is 'maybe'. Write: true or false"),
        ("galery: [a]", "line 5: there is no key 'galery'. Did you mean 'gallery'"),
        ("exclude: 005", "line 5: exclude is '005'"),
    ],
)
def test_a_wrong_value_is_named_with_what_may_be_written(tmp_path, change, message):
    path = tmp_path / "own.yaml"
    path.write_text("\n".join({**GOOD, change.split(":")[0]: change}.values()), encoding="utf-8")
    with pytest.raises(ProtocolError, match=f"own.yaml.*(?s:.*){message}") as raised:
        load_protocol(path)
    assert len(str(raised.value)) < 6000


@pytest.mark.bad_input
@pytest.mark.parametrize("key", GOOD)
def test_a_missing_key_is_named(tmp_path, key):
    (tmp_path / "own.yaml").write_text("\n".join(line for name, line in GOOD.items() if name != key))
    with pytest.raises(ProtocolError, match=f"own.yaml: {key} is missing. Write: "):
        load_protocol(tmp_path / "own.yaml")


@pytest.mark.bad_input
@pytest.mark.parametrize("wrong", ["", ".", "/", "casia", "a\0b", "x" * 5000, "~nobody-here/x.yaml", "casia-b-st.yaml"])
def test_a_name_that_is_no_protocol_is_an_error_with_the_known_ones(wrong):
    with pytest.raises(ProtocolError, match="There is no protocol .*casia-b-lt, casia-b-mt, casia-b-st, ou-mvlp") as r:
        load_protocol(wrong)
    assert len(str(r.value)) < 600


@pytest.mark.bad_input
@pytest.mark.parametrize("wrong", [None, 5, ["casia-b-st"], {"name": "x"}, b"casia-b-st"])
def test_a_protocol_of_another_type_is_named(wrong):
    with pytest.raises(ProtocolError, match=f"not a {type(wrong).__name__}"):
        load_protocol(wrong)


@pytest.mark.bad_input
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_and_devices_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    for name in ("pipe.yaml", "zero.yaml"):
        with pytest.raises(ProtocolError, match=f"{name} cannot be read: it is not a regular file"):
            load_protocol(tmp_path / name)


def test_a_path_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "own.yaml").write_text("\n".join(GOOD.values()))
    assert load_protocol("~/own.yaml").name == "own"


def test_the_template_is_a_valid_protocol_with_all_keys_and_its_defaults(tmp_path):
    (tmp_path / "new.yaml").write_text(protocol_template(), encoding="utf-8")
    protocol = load_protocol(tmp_path / "new.yaml")
    fields = Protocol.model_fields
    lines = protocol_template().splitlines()
    assert all(any(line.startswith(f"{name}:") for line in lines) for name in fields)
    assert all(len(line) <= 120 for line in lines)
    optional = [name for name, field in fields.items() if not field.is_required() and name != "train"]
    assert {name: getattr(protocol, name) for name in optional} == {name: fields[name].default for name in optional}
    split = protocol.split(f"{n:03d}" for n in range(30))
    assert (len(split.train), len(split.test)) == (20, 10)


def test_the_reference_has_a_row_for_each_key_and_says_what_is_required():
    rows = protocol_reference().splitlines()
    assert len(rows) == 2 + len(Protocol.model_fields)
    for row, (name, field) in zip(rows[2:], Protocol.model_fields.items(), strict=True):
        assert row.startswith(f"| `{name}` |") and field.description in row and row.count("|") == 5
        assert ("| required |" in row) == field.is_required()


def test_every_shipped_protocol_is_one_of_the_published_ones():
    from tf3dlocal.evaluation.protocol.loading import is_published

    assert all(is_published(load_protocol(name), key=key) for name in protocol_names() for key in ("train", "views"))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("gallery", "probes", "words"),
    [
        (["nm-01", "nm-01"], {"BG": ["bg"]}, "gallery names nm-01 twice. Write each condition once."),
        (["nm-01"], {"BG": ["bg", "cl", "bg"]}, "probes.BG names bg twice"),
        (["nm-01", "nm-02"], {"NM": ["nm-02", "nm-05"]}, "nm-02 is in gallery and in probes.NM.*leave_one_out: true"),
    ],
)
def test_a_condition_that_is_named_twice_is_refused(gallery, probes, words):
    with pytest.raises(ValueError, match=words):
        Protocol(name="p", test="all", gallery=gallery, probes=probes)
