"""Alternatives take turns in their own processes; one that fails is listed, and the others continue."""

import itertools
import json
import pathlib
import sys

import pytest
from measuring import Alternative, AlternativeError, facts_of, side_by_side
from measuring.side_by_side import order_of

TOYS = pathlib.Path(__file__).parent / "toy_alternatives.py"


def toy(name, function, /, **arguments):
    return Alternative(name, function=f"{TOYS}:{function}", arguments=arguments)


def measure(alternatives, rounds=3, **arguments):
    return side_by_side(alternatives, rounds=rounds, progress=False, pause=0, **arguments)


def calls(log):
    """[(name, begin, end)] of every call, in the order of their ends."""
    return [(name, float(begin), float(end)) for name, begin, end in map(str.split, log.read_text().splitlines())]


def test_each_name_comes_first_equally_often():
    rounds = [order_of("abc", number) for number in range(6)]
    assert all(sorted(names) == ["a", "b", "c"] for names in rounds)
    assert [names[0] for names in rounds].count("a") == 2
    assert len({tuple(names) for names in rounds}) == 6


def test_alternatives_take_turns_and_never_run_together_whatever_a_library_prints(tmp_path):
    log = tmp_path / "log"
    names = ("a", "b", "c")
    noting = [toy(name, "noting", file=str(log), name=name, seconds=0.02) for name in names]
    found = measure(noting, rounds=4, threads=1, title="a toy", conditions={"walks": 3})
    made = calls(log)
    order = [name for name, _, _ in made]
    assert order[:6] == ["a", "a", "b", "b", "c", "c"]  # the first call and a warm-up, one alternative after the other
    for number in range(4):
        assert order[6 + 3 * number : 9 + 3 * number] == order_of(names, number)
    assert all(end <= begin for (_, _, end), (_, begin, _) in itertools.pairwise(made))
    assert [len(row.seconds) for row in found.rows] == [4, 4, 4]
    assert all(seconds >= 0.02 for row in found.rows for seconds in row.seconds)
    assert found.machine["threads"] == 1 and {row.facts["seen"] for row in found.rows} == {"1"}

    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert values["title"] == "a toy" and values["conditions"] == {"rounds": 4, "walks": 3}
    assert values["machine"]["cores"]["usable"] >= 1 and values["machine"]["libraries"]["numpy"]
    assert len(values["rows"][0]["seconds"]) == 4 and values["rows"][0]["ratio"] == 1


def test_a_short_call_is_repeated_within_a_round(tmp_path):
    log = tmp_path / "log"
    (row,) = measure([toy("a", "noting", file=str(log), name="a", seconds=0.002)], rounds=2, least_seconds=0.05).rows
    assert row.calls_per_round > 3
    assert len(calls(log)) == 2 + 2 * row.calls_per_round
    assert 0.002 <= row.median < 0.05


def test_no_round_begins_after_the_limit_but_three_are_made():
    found = measure([toy("a", "counting", seconds=0.01)], rounds=50, limit_seconds=0)
    assert found.conditions["rounds"] == len(found.rows[0].seconds) == 3


def test_the_peak_includes_an_allocation_that_is_released_again():
    alternatives = [toy("small", "holding", megabytes=1), toy("large", "holding", megabytes=200)]
    small, large = measure(alternatives, rounds=1).rows
    if large.peak_mb is None:
        pytest.skip("This system does not report the memory of a process.")
    assert 190 < large.peak_mb - small.peak_mb < 230
    assert 0 < small.python_mb <= small.libraries_mb <= small.peak_mb


def test_alternatives_that_fail_are_listed_with_the_reason_and_the_others_continue():
    how = {
        "raise": "RuntimeError: no such kernel",
        "exit": "its process ended with exit code 3",
        "kill": "its process was ended by SIGKILL: probably out of memory",
    }
    bad = {f"{name} at {at}": toy(f"{name} at {at}", "ending", how=name, at_call=at) for name in how for at in (1, 4)}
    lost = {
        "needy": toy("needy", "needing_a_library"),
        "lost": toy("lost", "unknown_function"),
        "nowhere": Alternative("nowhere", function="no_such_module:f"),
    }
    found = measure([*lost.values(), toy("good", "counting", seconds=0.001), *bad.values()])
    assert [row.name for row in found.rows] == ["good"] and len(found.rows[0].seconds) == 3
    reasons = {entry["name"]: entry["reason"] for entry in found.absent}
    assert set(reasons) == {*bad, *lost}
    assert all(reasons[name] == how[name.split()[0]] for name in bad)
    assert reasons["needy"] == "ModuleNotFoundError: No module named 'a_library_that_does_not_exist'"
    assert "unknown_function" in reasons["lost"] and "no_such_module" in reasons["nowhere"]
    assert all("and a second line" in entry["details"] for entry in found.absent if "raise" in entry["name"])
    assert found.base is None and found.ratio(found.rows[0]) is None  # the first one failed


def test_an_alternative_that_never_answers_is_ended():
    found = measure([toy("slow", "ending", how="sleep")], timeout=1)
    assert found.absent[0]["reason"] == "no answer within 1 s"


@pytest.mark.slow
def test_processor_seconds_include_started_processes_and_do_not_count_as_work_of_others():
    alternatives = [toy("busy", "counting", seconds=0.3), toy("starting", "starting_another", seconds=0.3)]
    found = measure(alternatives, rounds=3, warm_ups=0)
    if sys.platform == "win32" or found.load.get("others") is None:
        pytest.skip("This system does not report the processor time of the machine or of started processes.")
    assert all(min(row.processor_seconds) >= 0.29 for row in found.rows)
    own = sum(sum(row.processor_seconds) for row in found.rows) / sum(sum(row.seconds) for row in found.rows)
    assert 0.9 < found.load["others"] + own < found.machine["cores"]["machine"] + 0.2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alternatives": []}, "each with a different name"),
        ({"alternatives": [Alternative("a", function="m:f"), Alternative("a", function="m:g")]}, "different name"),
        ({"alternatives": [Alternative("a", function="m:f")], "rounds": 0}, "Give at least 1"),
    ],
)
def test_an_impossible_measurement_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        side_by_side(**arguments)


@pytest.mark.parametrize("function", ["no_colon", ":f", "m:"])
def test_a_function_without_a_place_is_refused(function):
    with pytest.raises(ValueError, match="module:function or FILE.py:function"):
        Alternative("a", function=function)


def test_facts_are_read_without_a_call_and_no_process_takes_a_whole_gpu(tmp_path, monkeypatch):
    noting = toy("a", "noting", file=str(tmp_path / "log"), name="a")
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    assert facts_of(noting)["growth"] == "true" and facts_of(noting)["walks"] == 2
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "false")
    assert facts_of(noting)["growth"] == "false"  # the user's value wins
    assert not (tmp_path / "log").exists()
    with pytest.raises(AlternativeError, match="a_library_that_does_not_exist"):
        facts_of(toy("needy", "needing_a_library"))
