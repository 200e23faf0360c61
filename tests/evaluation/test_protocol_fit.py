"""Whether the names of a protocol match something in the data set: a name that matches nothing is no protocol."""

import numpy as np
import pytest

from tf3dlocal.evaluation import Protocol, ProtocolError, cross_view, evaluate, evaluate_gait_energy, load_protocol

SUBJECTS = ["001", "002", "003", "004", "005"]
CONDITIONS = ["nm-01", "nm-02", "cl-01"]
VIEWS = [0, 90]


def toy(**changes):
    return Protocol(**{"name": "toy", "test": "all", "gallery": ["nm-01"], "probes": {"NM": ["nm-02"]}, **changes})


def check(protocol, subjects=SUBJECTS, conditions=CONDITIONS, views=VIEWS):
    protocol.check(subjects=subjects, conditions=conditions, view_degrees=views)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exclude": [5]}, "'toy', exclude: there is no subject '5'. Did you mean '005'?"),
        ({"exclude": ["005", "nobody"]}, "exclude: there is no subject 'nobody'. Known names: '001'"),
        ({"exclude": ["008..009"]}, "exclude: there is no subject '008..009'"),
        ({"train": [1, 2], "test": "rest"}, r"train: there is no subject '1' \(did you mean '001'\?\), '2'"),
        ({"train": ["1..3"], "test": "rest"}, r"train: there is no subject '1' \(did you mean '001'"),
        ({"train": ["010..020"], "test": "rest"}, "train: there is no subject '010..020'"),
        ({"train": ["001..003", "030..040"], "test": "rest"}, "train: there is no subject '030..040'"),
        ({"train": ["001", "nobody"], "test": "rest"}, "train: there is no subject 'nobody'"),
        ({"test": ["004", "0005"]}, "test: there is no subject '0005'. Did you mean '005'?"),
        ({"test": ["nobody"]}, "test: there is no subject 'nobody'"),
        ({"train": [5], "test": ["001..004"], "exclude": [5]}, "exclude: there is no subject '5'. Did you mean '005'"),
        ({"gallery": ["nm-01", "nm-7"]}, "gallery: there is no condition 'nm-7'"),
        ({"gallery": ["NM"]}, "gallery: there is no condition 'NM'. Did you mean 'nm'"),
        ({"gallery": ["nm-1"]}, "gallery: there is no condition 'nm-1'. Did you mean 'nm-01'"),
        ({"gallery": ["02"]}, "gallery: there is no condition '02'"),
        ({"probes": {"NM": ["nm-02"], "BG": ["bg"]}}, "probes.BG: there is no condition 'bg'"),
        ({"probes": {"NM": ["nm-02", "nm_02"]}}, "probes.NM: there is no condition 'nm_02'. Did you mean 'nm-02'"),
        ({"views": [0, 91]}, "views: there is no view '91'"),
        ({"views": [0, 90, 900]}, "views: there is no view '900'. Did you mean '90'"),
        ({"view_groups": {"side": [90, 270]}}, "view_groups.side: there is no view '270'"),
    ],
)
def test_a_name_that_matches_nothing_is_an_error_with_near_names(change, message):
    with pytest.raises(ProtocolError, match=message):
        check(toy(**change))


@pytest.mark.bad_input
def test_all_wrong_names_of_a_protocol_are_listed_at_once():
    wrong = toy(test=["001", "x"], exclude=[5], gallery=["g"], probes={"NM": ["p"]}, views=[7])
    with pytest.raises(ProtocolError) as raised:
        check(wrong)
    text = str(raised.value)
    for words in ("test: there is no subject 'x'", "exclude:", "gallery:", "probes.NM:", "views:", "Correct these"):
        assert words in text


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"train": ["001..003"], "test": ["004..009"]},  # a range may have gaps
        {
            "train": ["001..004", "003..010"],
            "test": "rest",
            "exclude": ["010"],
        },  # known, although this data set lacks it
        {"train": ["001..004"], "test": "rest", "exclude": ["004"]},
        {"train": ["001..005"], "test": "all", "exclude": ["004..010"]},
        {"gallery": ["nm"], "probes": {"CL": ["cl"]}},
        {"views": [90]},
    ],
)
def test_names_that_match_pass(change):
    check(toy(**change))


@pytest.mark.parametrize("name", ["casia-b-st", "casia-b-mt", "casia-b-lt"])
def test_a_published_protocol_may_name_what_a_part_of_its_data_set_lacks(name):
    protocol = load_protocol(name, exclude=["005"])
    check(protocol, subjects=["001", "110", "111"], conditions=["nm-01", "nm-05"], views=[0, 18])
    changed = protocol.model_copy(update={"name": "mine", "test": "rest"})  # its other keys are the published ones
    check(changed, subjects=["001", "110", "111"], conditions=["nm-01", "nm-05"], views=[0, 18])


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"subjects": [str(n) for n in range(1, 125)]}, r"there is no subject '025' \(did you mean '25'"),
        ({"subjects": ["110"], "conditions": ["NM-01", "NM-05"]}, "gallery: there is no condition 'nm-01'. Did you me"),
        ({"subjects": ["110"], "conditions": ["nm1", "nm5"]}, "gallery: there is no condition 'nm-01'. Did you mean"),
    ],
)
def test_a_published_protocol_on_names_in_another_notation_is_an_error(settings, message):
    with pytest.raises(ProtocolError, match=message):
        check(load_protocol("casia-b-st"), **settings)


@pytest.mark.bad_input
@pytest.mark.parametrize("exclude", [[5], "5", 5, ["0005"], ["nobody"], ["001..003", "500"]])
def test_who_is_excluded_in_addition_must_exist_too(exclude):
    with pytest.raises(ProtocolError, match="exclude: there is no subject"):
        load_protocol("casia-b-lt", exclude=exclude).split([f"{n:03d}" for n in range(1, 125)])


@pytest.mark.bad_input
@pytest.mark.parametrize("exclude", [["3..1"], ["a..b"]])
def test_a_range_of_excluded_subjects_is_read_as_in_a_file(exclude):
    with pytest.raises(ProtocolError, match="exclude: .*range"):
        load_protocol("casia-b-lt", exclude=exclude)


def test_a_protocol_for_given_subjects_is_not_checked_against_their_walks_alone():
    few = load_protocol("casia-b-st").for_subjects(["001"])
    check(few.model_copy(update={"views": (45,), "gallery": ("x",)}), subjects=["001"])


def test_an_excluded_subject_moves_nobody_from_train_to_test():
    protocol = toy(train={"first": 2}, test="rest")
    without = protocol.model_copy(update={"exclude": ("002",)})
    assert protocol.split(SUBJECTS).train == ("001", "002") and without.split(SUBJECTS).train == ("001",)
    assert protocol.split(SUBJECTS).test == without.split(SUBJECTS).test == ("003", "004", "005")


@pytest.mark.parametrize(("first", "num_tested"), [(1, 3), (2, 2), (3, 1)])
def test_network_and_gait_energy_images_test_the_same_people(small_walks, first, num_tested):
    protocol = toy(train={"first": first}, test="rest", gallery=["nm-01"], probes={"NM": ["nm-05"]})

    def pixels(silhouettes):
        return np.mean(silhouettes, axis=(1, 4)).reshape(len(silhouettes), -1)

    network = evaluate(pixels, walks=small_walks, protocol=protocol, width=44, progress=False)
    baseline = evaluate_gait_energy(small_walks, protocol=protocol, progress=False)
    assert network.split == baseline.split and len(network.split.test) == num_tested
    assert network.num_probes.tolist() == baseline.num_probes.tolist()
    assert (network.method, baseline.method) == ("this run", "gait energy images")


@pytest.mark.bad_input
def test_every_evaluation_checks_the_names_before_it_embeds(small_walks):
    def never(*arguments, **more):
        raise AssertionError("was called")

    protocol = toy(exclude=[3], gallery=["nm-01"], probes={"NM": ["nm-05"]})
    for test in (
        lambda: evaluate(never, walks=small_walks, protocol=protocol, progress=False),
        lambda: evaluate_gait_energy(small_walks, protocol=protocol, progress=False),
        lambda: cross_view(
            np.zeros((len(small_walks), 1)),
            subjects=small_walks.subjects,
            conditions=small_walks.conditions,
            view_degrees=small_walks.view_degrees,
            protocol=protocol,
        ),
    ):
        with pytest.raises(ProtocolError, match="exclude: there is no subject '3'. Did you mean '003'"):
            test()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("distance", "cosine"),
        ("max_rank", 0),
        ("max_rank", -1),
        ("max_rank", 1.5),
        ("max_rank", True),
        ("max_rank", 10**9),
        ("probes_without_gallery", "skip"),
        ("batch_size", 0),
    ],
)
def test_a_wrong_setting_is_named_before_anything_is_embedded(small_walks, setting, value):
    def never(*arguments, **more):
        raise AssertionError("was called")

    protocol = toy(gallery=["nm-01"], probes={"NM": ["nm-05"]})
    with pytest.raises(ValueError, match=f"{setting} is {value!r}"):
        evaluate(never, walks=small_walks, protocol=protocol, progress=False, **{setting: value})


def test_a_model_that_was_trained_on_test_subjects_is_noticed(small_walks):
    protocol = toy(gallery=["nm-01"], probes={"NM": ["nm-05"]})

    def pixels(silhouettes):
        return np.mean(silhouettes, axis=(1, 4)).reshape(len(silhouettes), -1)

    settings = {"walks": small_walks, "protocol": protocol, "progress": False}
    result = evaluate(pixels, **settings, trained_subjects=["001", "002", "900"], method="mine", seed=3, step=200)
    assert any("trained on 2 of the 4 test subjects: 001, 002." in notice for notice in result.notices)
    assert (result.method, result.details["seed"], result.details["step"]) == ("mine", 3, 200)
    assert not any("trained on" in notice for notice in evaluate(pixels, **settings).notices)
