"""The one YAML reader: plain values, no surprises, and errors that name file, line and key."""

import pytest

from tf3dlocal.io import YamlError, read_yaml, read_yaml_file


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("045", "045"),
        ("036", "036"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2021-08-11", "2021-08-11"),
        ("NO", "NO"),
        ("on", "on"),
        ("yes", "yes"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("0", 0),
        ("-7", -7),
        ("45", 45),
        ("1e-4", 1e-4),
        ("1.5e3", 1500.0),
        ("-.5", -0.5),
        ("3.", 3.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ('"45"', "45"),
        ("'true'", "true"),
    ],
)
def test_a_plain_word_is_read_as_a_person_reads_it(text, expected):
    value = read_yaml(f"key: {text}").values["key"]
    assert value == expected and type(value) is type(expected)


def test_keys_are_texts():
    assert read_yaml("{045: left, 1: one, true: yes}").values == {"045": "left", "1": "one", "true": "yes"}


def test_an_empty_text_holds_nothing():
    assert read_yaml("# a comment only\n").values is None


def test_the_line_of_every_key_and_item_is_known():
    document = read_yaml("training:\n  steps: 10\nviews:\n  - 0\n  - 18\n", source="a.yaml")
    assert document.where("training.steps") == "a.yaml, line 2"
    assert document.where("views.1") == "a.yaml, line 5"
    assert document.where("training.speed") == "a.yaml, line 1"
    assert document.where("nowhere") == "a.yaml"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a:\n  b: 1\n  b: 2\n", ("line 3", "a.b", "given twice", "line 2")),
        ("a: 1\n'a': 2\n", ("line 2", "given twice")),
        ("x: !!python/object/apply:os.system [ls]", ("line 1", "tags", "python/object/apply")),
        ("x: !!str 5", ("line 1", "tags")),
        ("x: ! 5", ("line 1", "tags")),
        ("a: &a\n  - *a\n", ("line 1", "contains itself")),
        ("a: [1, 2", ("line 1", "not YAML")),
        ("a: 1\n\tb: 2\n", ("line 2", "not YAML")),
        ("a: b: c", ("line 1", "not YAML")),
        ("? [1, 2]\n: 3", ("line 1", "a key must be")),
        ("a: 1\n---\nb: 2\n", ("line 2", "not YAML")),
        ("a: *nobody", ("line 1", "not YAML")),
        ("a: \x00", ("not YAML",)),
        ("a: 1e999", ("line 1", "a: 1e999", "too large")),
        (f"a: {'9' * 5000}", ("line 1", "too many digits")),
        ("[" * 200 + "]" * 200, ("line 1", "levels")),
        ("{a: " * 5000 + "1" + "}" * 5000, ("levels",)),
        ("a: &a 1\nb: [" + ", ".join(["*a"] * 200) + "]", ("line 2", "aliases")),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line(text, named):
    with pytest.raises(YamlError) as error:
        read_yaml(text, source="my.yaml")
    message = str(error.value)
    assert message.startswith("my.yaml") and all(word in message for word in named), message
    assert len(message) < 500


def test_a_bomb_of_aliases_is_refused_before_it_unfolds():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(YamlError, match="values, aliases written out"):
        read_yaml("\n".join(lines))


def test_a_file_that_is_not_utf_8_is_named(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes("training: {steps: 10}".encode("utf-16"))
    with pytest.raises(YamlError, match=r"config\.yaml, line 1: .*UTF-16.*Save the file as UTF-8"):
        read_yaml_file(path)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes("training: {steps: 10}".encode("utf-8-sig"))
    assert read_yaml_file(path).values == {"training": {"steps": 10}}


def test_a_folder_or_a_huge_file_is_not_read(tmp_path):
    with pytest.raises(YamlError, match="not a regular file"):
        read_yaml_file(tmp_path)
    (tmp_path / "huge.yaml").write_text("#" * (2**20 + 1))
    with pytest.raises(YamlError, match="limit"):
        read_yaml_file(tmp_path / "huge.yaml")
