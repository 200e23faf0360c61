"""Alternatives take turns in processes of their own; who fails is named, and the rest goes on."""

import itertools
import json
import pathlib
import sys

import pytest

from tf3dlocal.benchmark import Alternative, side_by_side
from tf3dlocal.benchmark.facts_of import facts_of
from tf3dlocal.benchmark.side_by_side import order_of
from tf3dlocal.benchmark.worker_process import AlternativeFailed

TOYS = pathlib.Path(__file__).parent / "toys.py"


def toy(name, function, /, **arguments):
    return Alternative(name, f"{TOYS}:{function}", arguments)


def measure(alternatives, rounds=3, **arguments):
    return side_by_side(alternatives, rounds, progress=False, pause=0, **arguments)


def calls(log):
    """[(name, begin, end)] of every call, in the order of their ends."""
    return [(name, float(begin), float(end)) for name, begin, end in map(str.split, log.read_text().splitlines())]


def test_everybody_comes_first_equally_often():
    rounds = [order_of("abc", number) for number in range(6)]
    assert all(sorted(names) == ["a", "b", "c"] for names in rounds)
    assert [names[0] for names in rounds].count("a") == 2
    assert len({tuple(names) for names in rounds}) == 6


def test_the_alternatives_take_turns_and_never_run_together(tmp_path):
    log = tmp_path / "log"
    names = ("a", "b", "c")
    found = measure(
        [toy(name, "noting", file=str(log), name=name, seconds=0.02) for name in names], rounds=4, warm_ups=1
    )
    made = calls(log)
    order = [name for name, _, _ in made]
    assert order[:6] == ["a", "a", "b", "b", "c", "c"]  # the first call and one more, each by itself
    for number in range(4):
        assert order[6 + 3 * number : 9 + 3 * number] == order_of(names, number)
    assert all(end <= begin for (_, _, end), (_, begin, _) in itertools.pairwise(made))
    assert [len(row.seconds) for row in found.rows] == [4, 4, 4]
    assert all(seconds >= 0.02 for row in found.rows for seconds in row.seconds)


def test_what_a_library_prints_does_not_disturb_the_answers(tmp_path):
    (row,) = measure([toy("a", "noting", file=str(tmp_path / "log"), name="a")]).rows
    assert row.facts["walks"] == 2


def test_a_short_call_is_repeated_within_a_round(tmp_path):
    log = tmp_path / "log"
    (row,) = measure([toy("a", "noting", file=str(log), name="a", seconds=0.002)], rounds=2, least_seconds=0.05).rows
    assert row.calls_per_round > 3
    assert len(calls(log)) == 2 + 2 * row.calls_per_round
    assert 0.002 <= row.median < 0.05


def test_no_round_begins_after_the_limit_but_three_are_made(tmp_path):
    found = measure(
        [toy("a", "noting", file=str(tmp_path / "log"), name="a", seconds=0.01)], rounds=50, limit_seconds=0
    )
    assert found.conditions["rounds"] == len(found.rows[0].seconds) == 3


def test_the_peak_sees_an_allocation_that_is_gone_again():
    small, large = measure(
        [toy("small", "holding", megabytes=1), toy("large", "holding", megabytes=200)], rounds=1
    ).rows
    if large.peak_mb is None:
        pytest.skip("this system does not tell a process's memory")
    assert 190 < large.peak_mb - small.peak_mb < 230
    assert 0 < small.python_mb <= small.libraries_mb <= small.peak_mb


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raise", "RuntimeError: no such kernel"),
        ("exit", "ended with exit code 3"),
        ("kill", "ended by SIGKILL: probably out of memory"),
    ],
)
@pytest.mark.parametrize("at_call", [1, 4])
def test_an_alternative_that_fails_is_reported_and_the_rest_goes_on(how, reason, at_call, tmp_path):
    good = toy("good", "noting", file=str(tmp_path / "log"), name="good")
    found = measure([good, toy("bad", "ending", how=how, at_call=at_call)])
    assert [row.name for row in found.rows] == ["good"]
    assert len(found.rows[0].seconds) == 3
    (absent,) = found.absent
    assert absent["name"] == "bad" and reason in absent["reason"] and "\n" not in absent["reason"]
    assert "no such kernel" in absent["details"] or how != "raise"


def test_a_library_that_is_not_installed_is_the_reason():
    found = measure([toy("needy", "needing_a_library"), toy("good", "holding", megabytes=1)])
    assert found.absent[0]["reason"] == "ModuleNotFoundError: No module named 'a_library_that_nobody_has'"
    assert found.base is None  # the first one was to be it
    assert found.ratio(found.rows[0]) is None


def test_an_alternative_that_never_answers_is_given_up():
    found = measure([toy("slow", "ending", how="sleep")], timeout=3)
    assert found.absent[0]["reason"] == "no answer within 3 s"


def test_a_function_that_is_not_there_is_the_reason():
    found = measure([toy("lost", "nobody"), Alternative("nowhere", "no_such_module:f")])
    assert "nobody" in found.absent[0]["reason"] and "no_such_module" in found.absent[1]["reason"]


def test_threads_are_set_for_every_alternative_alike(tmp_path):
    found = measure([toy("a", "noting", file=str(tmp_path / "log"), name="a")], rounds=1, threads=1)
    assert found.rows[0].facts["seen"] == "1"
    assert found.machine["threads"] == 1


def test_no_alternative_takes_a_whole_gpu_for_itself(tmp_path, monkeypatch):
    toy_here = toy("a", "noting", file=str(tmp_path / "log"), name="a")
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    assert facts_of(toy_here)["growth"] == "true"
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "false")
    assert facts_of(toy_here)["growth"] == "false"  # who sets it decides


def test_the_work_of_processes_that_an_alternative_starts_is_counted():
    row = measure([toy("a", "asking_another", seconds=0.3)], rounds=1, warm_ups=0).rows[0]
    if sys.platform == "win32":
        pytest.skip("this system does not tell")
    assert row.processor_seconds[0] >= 0.29


def test_the_result_is_json_with_the_machine_it_was_made_on(tmp_path):
    found = measure([toy("a", "holding", megabytes=1)], title="a toy", conditions={"walks": 3})
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert values["title"] == "a toy" and values["conditions"] == {"rounds": 3, "walks": 3}
    assert values["machine"]["cores"]["usable"] >= 1 and values["machine"]["libraries"]["numpy"]
    assert len(values["rows"][0]["seconds"]) == 3 and values["rows"][0]["ratio"] == 1


def test_what_the_alternatives_do_is_not_taken_for_other_work():
    found = measure([toy("busy", "counting", seconds=0.5)], rounds=3)
    if found.load.get("others") is None:
        pytest.skip("this system does not tell what the machine does")
    assert found.rows[0].processor_seconds[0] > 0.4  # of which none is counted as others', to the clock's hundredths
    everything = found.load["others"] + sum(found.rows[0].processor_seconds) / sum(found.rows[0].seconds)
    assert 0.9 < everything < found.machine["cores"]["machine"] + 0.2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alternatives": []}, "each with a name of its own"),
        ({"alternatives": [Alternative("a", "m:f"), Alternative("a", "m:g")]}, "each with a name of its own"),
        ({"alternatives": [Alternative("a", "m:f")], "base": "b"}, "the base 'b' is none of a"),
        ({"alternatives": [Alternative("a", "m:f")], "rounds": 0}, "at least one round"),
    ],
)
def test_a_measurement_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        side_by_side(**arguments)


@pytest.mark.parametrize("function", ["no_colon", ":f", "m:"])
def test_a_function_without_a_place_is_refused(function):
    with pytest.raises(ValueError, match="is not module:function or FILE.py:function"):
        Alternative("a", function)


def test_facts_are_had_without_a_call(tmp_path):
    assert facts_of(toy("a", "noting", file=str(tmp_path / "log"), name="a"))["walks"] == 2
    assert not (tmp_path / "log").exists()
    with pytest.raises(AlternativeFailed, match="a_library_that_nobody_has"):
        facts_of(toy("needy", "needing_a_library"))
