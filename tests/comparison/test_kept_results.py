"""Results that are kept: damaged ones are computed again, and rows of different tests stand in no table together."""

import copy
import json

import pytest
from coarse_model import write_configs

from tf3dlocal.comparison import kept_results
from tf3dlocal.comparison.comparison import COUNTED, TESTED, check_same_tests
from tf3dlocal.evaluation import load_protocol

RESULT = {
    "facts": dict.fromkeys(COUNTED, "4"),
    **dict.fromkeys(TESTED, [1, 2]),
    "rank1": {"NM": {"by_probe_view": [50.0, None], "mean": 50.0}},
}


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Results of a baseline that is computed in no time; `computed` counts how often."""
    computed = []
    monkeypatch.setattr(kept_results, "evaluate_gait_energy", lambda *arguments, **more: computed.append(1))
    monkeypatch.setattr(kept_results, "json_report", lambda result: copy.deepcopy(RESULT))
    settings = {"walks": None, "protocol": load_protocol("casia-b-st"), "distance": "part_mean", "fingerprint": "x"}
    found = kept_results.KeptResults(tmp_path, **settings)
    found.computed = computed
    return found


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text + "x",
        lambda text: "[]",
        lambda text: "null",
        lambda text: "{}",
        lambda text: "[" * 100_000,
        lambda text: text.replace("50.0", "60.0"),
        lambda text: text.replace("50.0", "NaN"),
        lambda text: text.replace('"mean"', '"meen"'),
        lambda text: json.dumps({**json.loads(text), "result": None}),
        lambda text: json.dumps({**json.loads(text), "stamp": 5}),
        lambda text: json.dumps({**json.loads(text), "more": 7}),
    ],
    ids=range(13),
)
def test_a_damaged_or_edited_result_is_computed_again(results, damage):
    first = results.of_gait_energy()
    assert results.of_gait_energy() == first and len(results.computed) == 1
    file = results.folder / "gei.json"
    file.write_text(damage(file.read_text()))
    assert results.of_gait_energy() == first and len(results.computed) == 2
    assert results.of_gait_energy() == first and len(results.computed) == 2


@pytest.mark.bad_input
@pytest.mark.parametrize("key", [*TESTED, *COUNTED])
def test_rows_that_were_not_tested_on_the_same_walks_are_refused(key):
    kept = {name: {"result": copy.deepcopy(RESULT)} for name in ("gei", "narrow-seed-0", "wide-seed-0")}
    check_same_tests(kept)
    result = kept["wide-seed-0"]["result"]
    (result if key in result else result["facts"])[key] = [0]
    with pytest.raises(
        ValueError, match=rf"not tested on the same walks.*\n  {key}: .* in gei, \[0\] in wide-seed-0\n"
    ):
        check_same_tests(kept)


@pytest.mark.bad_input
def test_the_numbers_of_an_evaluation_are_written_before_they_are_printed(small_walks_folder, tmp_path, monkeypatch):
    from tf3dlocal.cli import main

    def fail(*arguments, **more):
        raise UnicodeEncodeError("ascii", "°", 0, 1, "ordinal not in range")

    write_configs(tmp_path)
    monkeypatch.setattr("tf3dlocal.evaluation.print_report", fail)
    verb = ["evaluate", "gei", "--data", small_walks_folder, "--protocol", tmp_path / "small.yaml"]
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in [*verb, "--json", tmp_path / "numbers.json"]])
    assert ended.value.code and json.loads((tmp_path / "numbers.json").read_text())["method"] == "gait energy images"
