"""`tf3dlocal serve-check` says of each fact whether it is as expected, and its exit code says it of all."""

import json
import pathlib
import sys

import pytest

from tf3dlocal.cli import main

sys.path.append(str(pathlib.Path(__file__).parents[1] / "serving"))
pytest.importorskip("tensorflow_serving.apis", reason="needs tensorflow-serving-api: pip install -e '.[test]'")

from served_tiny_model import server, small_server, tiny_export  # noqa: E402, F401  (fixtures)
from small_server import StatusError  # noqa: E402


def call(capfd, *arguments):
    """Run a command as the process would: (exit code, standard output, standard error)."""
    with pytest.raises(SystemExit) as ended:
        main(["serve-check", *map(str, arguments)])
    out, err = capfd.readouterr()
    return ended.value.code or 0, " ".join(out.split()), err


@pytest.mark.parametrize("interface", ["rest", "grpc"])
@pytest.mark.slow
def test_a_server_of_the_same_export_passes(capfd, server, tiny_export, tmp_path, interface):  # noqa: F811
    url, out = getattr(server, interface), tmp_path / "check.json"
    code, text, err = call(capfd, url, "--name", "tiny", "--model", tiny_export, "--requests", 2, "--json", out)
    assert (code, err) == (0, "")
    assert f"{url}, model 'tiny', version 2" in text and "All 11 checks passed." in text
    values = json.loads(out.read_text())
    assert values["passed"] and len(values["milliseconds"]) == 2
    assert [fact["name"] for fact in values["facts"]] == [
        "state",
        "version",
        "signatures",
        "embedding",
        "answer of serving_default",
        "answer of variable",
        "different lengths",
        "answer of float",
        "answer of raw",
        "answer of png",
        "latency",
    ]


@pytest.mark.slow
def test_a_server_without_a_local_export_is_checked_for_what_it_says(capfd, server):  # noqa: F811
    code, text, _ = call(capfd, server.rest, "--name", "tiny", "--label", "stable", "--requests", 1)
    assert code == 0
    assert "version 1" in text and "answer of raw [1, 2, 5], finite" in text


@pytest.mark.slow
def test_a_server_that_loads_the_model_is_waited_for(capfd, server, monkeypatch):  # noqa: F811
    """First it is unavailable, then it says LOADING, then AVAILABLE."""
    asked, states = [], server.states

    def unavailable_at_first(what):
        asked.append(what)
        if len(asked) < 6:  # more often than a client repeats a request
            raise StatusError("UNAVAILABLE", "starting")

    def loading_at_first(*arguments, **wanted):
        found = states(*arguments, **wanted)
        if len(asked) < 7:
            for each in found.model_version_status:
                each.state = 20  # LOADING
        return found

    server.fault = unavailable_at_first
    monkeypatch.setattr(server, "states", loading_at_first)
    code, text, _ = call(capfd, server.rest, "--name", "tiny", "--requests", 1)
    assert code == 0 and "version 2 AVAILABLE" in text and len(asked) > 7


@pytest.mark.bad_input
def test_a_server_that_loads_for_longer_than_the_timeout_is_named(capfd, server, monkeypatch):  # noqa: F811
    states = server.states

    def loading(*arguments, **wanted):
        found = states(*arguments, **wanted)
        for each in found.model_version_status:
            each.state = 20
        return found

    monkeypatch.setattr(server, "states", loading)
    code, _, err = call(capfd, server.rest, "--name", "tiny", "--timeout", 0.8)
    assert code == 1 and "loads model 'tiny' (version 2 LOADING, version 1 LOADING)" in err and "longer timeout" in err


@pytest.mark.bad_input
@pytest.mark.slow
def test_another_model_is_found_by_its_answers(capfd, server, tiny_export):  # noqa: F811
    """Versions 1 and 2 have the same signatures and shapes, and other weights."""
    code, text, _ = call(capfd, server.rest, "--name", "tiny", "--model", tiny_export / "1", "--requests", 1)
    assert code == 1
    assert "WRONG version 2, and the export is 1" in text
    assert "WRONG answer of serving_default largest difference from the local answer" in text
    assert "another model, or another version" in text


@pytest.mark.bad_input
def test_padding_that_changes_an_answer_is_found(capfd, server):  # noqa: F811
    """Such as a server that ignores num_frames."""
    server.change = lambda outputs: {
        "embedding": outputs["embedding"] + (outputs["embedding"].shape[0] > 1) * 0.1 * outputs["embedding"].max()
    }
    code, text, _ = call(capfd, server.rest, "--name", "tiny", "--requests", 1)
    assert code == 1
    assert "WRONG different lengths" in text and "1 of 8 checks failed" in text


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("http://127.0.0.1:9", "--timeout", "1"), 1, "Nothing listens on http://127.0.0.1:9"),
        (("127.0.0.1:8501",), 1, "is not the URL of a server"),
        (("http://127.0.0.1:9", "--version", "1", "--label", "a"), 1, "not both"),
        (("http://127.0.0.1:9", "--requests", "0"), 2, "--requests"),
        (("http://127.0.0.1:9", "--timeout", "0"), 2, "--timeout"),
        ((), 2, "URL"),
    ],
)
def test_a_mistake_is_one_message(capfd, arguments, code, message):
    found, _, err = call(capfd, *arguments)
    assert found == code
    assert message in err and "Traceback" not in err


@pytest.mark.bad_input
@pytest.mark.slow
def test_a_wrong_name_and_a_slow_answer_are_named(capfd, server):  # noqa: F811
    code, _, err = call(capfd, server.rest, "--name", "other")
    assert code == 1 and "has no model 'other'" in err
    code, text, _ = call(capfd, server.rest, "--name", "tiny", "--requests", 1, "--latency", 0.001)
    assert code == 1 and "WRONG latency" in text and "more than 0.001 ms" in text
