import numpy as np
import pytest

from tf3dlocal.evaluation import Protocol, ProtocolError, load_protocol, protocol_names
from tf3dlocal.evaluation.protocol import expand_subject_ids

CASIA_B_SUBJECTS = [f"{n:03d}" for n in range(1, 125)]
TOY = {"name": "toy", "test": "all", "gallery": ["a"], "probes": {"B": ["b"]}}


@pytest.fixture
def own_file(tmp_path):
    def write(text):
        path = tmp_path / "own.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("name, num_train, num_test", [("st", 24, 100), ("mt", 62, 62), ("lt", 74, 50)])
def test_casia_b_is_split_by_the_first_ids(name, num_train, num_test):
    split = load_protocol(f"casia-b-{name}").split(CASIA_B_SUBJECTS)
    assert split.train == tuple(CASIA_B_SUBJECTS[:num_train])
    assert split.test == tuple(CASIA_B_SUBJECTS[num_train:])
    assert len(split.test) == num_test and not split.missing_train and not split.missing_test


def test_casia_b_has_eleven_views_and_three_groups():
    protocol = load_protocol("casia-b-lt")
    assert protocol.views == tuple(range(0, 181, 18))
    assert protocol.gallery == ("nm-01", "nm-02", "nm-03", "nm-04")
    assert protocol.probes == {"NM": ("nm-05", "nm-06"), "BG": ("bg-01", "bg-02"), "CL": ("cl-01", "cl-02")}


def test_ou_mvlp_trains_on_odd_ids_and_tests_even_ones_and_the_last():
    split = load_protocol("ou-mvlp").split(f"{n:05d}" for n in range(1, 10308))
    assert (len(split.train), len(split.test)) == (5153, 5154)
    assert split.train[0] == "00001" and split.train[-1] == "10305"
    assert split.test[0] == "00002" and split.test[-2:] == ("10306", "10307")
    protocol = load_protocol("ou-mvlp")
    assert (protocol.gallery, protocol.probes) == (("01",), {"NM": ("00",)}) and len(protocol.views) == 14


def test_a_subset_of_the_subjects_keeps_the_published_split_and_names_the_missing_ones():
    split = load_protocol("casia-b-st").split(["023", "024", "025", "026"])
    assert split.train == ("023", "024") and split.test == ("025", "026")
    assert len(split.missing_train) == 22 and split.missing_test[0] == "027" and len(split.missing_test) == 98


def test_a_data_set_without_any_test_subject_is_an_error_that_names_both_sides():
    with pytest.raises(ProtocolError, match="casia-b-lt.*075.*001, 002"):
        load_protocol("casia-b-lt").split(["001", "002"])


def test_subject_005_can_be_excluded():
    split = load_protocol("casia-b-lt", exclude=["005"]).split(CASIA_B_SUBJECTS)
    assert len(split.train) == 73 and "005" not in split.train and len(split.test) == 50


def test_first_n_and_the_rest_are_taken_from_the_subjects_present():
    protocol = Protocol(**{**TOY, "train": {"first": 2}, "test": "rest"})
    split = protocol.split(["d", "a", "c", "b", "a"])
    assert split.train == ("a", "b") and split.test == ("c", "d")
    with pytest.raises(ProtocolError, match="first 2 subjects, but the data set has 1"):
        protocol.split(["a"])


def test_a_protocol_for_held_out_subjects_keeps_the_rest():
    protocol = load_protocol("casia-b-st").for_subjects(["001", "002"])
    assert protocol.split(CASIA_B_SUBJECTS).test == ("001", "002")
    assert protocol.split(CASIA_B_SUBJECTS).train == ()
    assert protocol.gallery == load_protocol("casia-b-st").gallery


def test_ids_and_views_need_no_quotes_in_a_file(own_file):
    protocol = load_protocol(
        own_file(
            "name: own\ntrain: [001..010]\ntest: [011, 100, 110..112]\n"
            "gallery: [01]\nprobes: {NO: [00]}\nviews: [000, 036, 090]\n"
        )
    )
    assert protocol.test == ("011", "100", "110", "111", "112")
    assert protocol.views == (0, 36, 90)
    assert protocol.gallery == ("01",) and protocol.probes == {"NO": ("00",)}


@pytest.mark.parametrize(
    "change, message",
    [
        ("galery: [a]", "line 5: there is no key 'galery'. Did you mean 'gallery'"),
        ("identical_views: maybe", "line 5: identical_views"),
        ("views: [0, left]", "line 5: views"),
        ("train: {first: 0}", "line 5: train"),
        ("test: everyone", "line 2: test"),
        ("gallery: [a]\ngallery: [b]", "line 4, gallery: the key is given twice, first in line 3"),
        ("view_groups: {side: [90, 270], back: [90]}", "two groups"),
        ("gallery: []", "gallery"),
    ],
)
def test_a_wrong_key_or_value_is_an_error_that_names_file_line_and_key(own_file, change, message):
    lines = {"name": "name: own", "test": "test: all", "gallery": "gallery: [a]", "probes": "probes: {B: [b]}"}
    lines[change.split(":")[0]] = change
    with pytest.raises(ProtocolError, match=f"(?s)own.yaml.*{message}"):
        load_protocol(own_file("\n".join(lines.values())))


def test_a_subject_in_train_and_test_is_refused():
    with pytest.raises(ValueError, match="both in train and in test: 003"):
        Protocol(**{**TOY, "train": ["001..003"], "test": ["003..005"]})


def test_an_unknown_protocol_is_an_error_with_the_known_names():
    with pytest.raises(ProtocolError, match="casia-b-xl.*casia-b-lt, casia-b-mt, casia-b-st, ou-mvlp"):
        load_protocol("casia-b-xl")


@pytest.mark.parametrize("text", ["", "- a\n", "name: [", "\tname: x"])
def test_a_file_without_a_protocol_is_an_error_that_names_it(own_file, text):
    with pytest.raises(ProtocolError, match="own.yaml"):
        load_protocol(own_file(text))


def test_every_shipped_protocol_has_a_title_and_a_source():
    for name in protocol_names():
        protocol = load_protocol(name)
        assert protocol.name == name and protocol.title and protocol.source


def test_views_in_one_group_have_one_name_and_others_outside_the_protocol_have_none():
    protocol = Protocol(**TOY, views=[0, 90, 270], view_groups={"side": [90, 270]})
    assert protocol.view_labels(np.array([270, 90, 0, 18])).tolist() == ["side", "side", 0, None]
    assert protocol.ordered_view_labels([0]) == (0, "side")


def test_ranges_of_ids_are_expanded():
    assert expand_subject_ids(["08..10 step 2", "p1", "9..11"]) == ["08", "10", "p1", "9", "11"]


@pytest.mark.parametrize("text", ["010..9", "3..1", "a..c", "001..024 by 2"])
def test_a_malformed_range_is_refused(text):
    with pytest.raises(ValueError, match=text[:3]):
        expand_subject_ids([text])
