"""What a user of the command line sees: help that teaches, one sentence for a mistake, the right exit code."""

import json
import os
import re
import subprocess
import sys
import time

import pytest

from tf3dlocal.cli import COMMANDS, app, main
from tf3dlocal.cli.console import write_numbers


def call(capfd, *arguments):
    """Run a command as the process would: (exit code, standard output, standard error)."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    return ended.value.code or 0, out, err


def test_the_help_lists_every_command(capfd):
    code, out, _ = call(capfd, "--help")
    assert code == 0
    assert {command.name or command.callback.__name__ for command in app.registered_commands} == set(COMMANDS)
    assert all(f"\n  {command}" in out for command in COMMANDS)


def test_the_help_cuts_no_sentence_on_a_command(capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    commands = call(capfd, "--help")[1].partition("\nCommands:\n")[2]
    assert commands.strip().endswith(".") and "..." not in commands


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(capfd, command):
    code, out, _ = call(capfd, command, "--help")
    assert code == 0
    assert len(out.splitlines()) > 10
    assert re.search(rf"^ +tf3dlocal {command}\b", out, re.MULTILINE), "an example of its use"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_help_text(command):
    import typer.main

    command = typer.main.get_command(app).commands[command]
    assert not [parameter.name for parameter in command.params if not parameter.help]


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in ("walkers", "protocol")])
def test_every_command_that_computes_numbers_writes_them_as_json(command):
    import typer.main

    options = [option for p in typer.main.get_command(app).commands[command].params for option in p.opts]
    assert "--json" in options


def test_the_help_takes_less_than_a_second():
    command = [sys.executable, "-m", "tf3dlocal", "--help"]
    seconds = []
    for _ in range(3):
        begin = time.process_time_ns(), os.times()
        subprocess.run(command, check=True, capture_output=True, timeout=600)
        after = os.times()
        seconds.append(after.children_user + after.children_system - begin[1].children_user - begin[1].children_system)
    assert min(seconds) < 1  # of processor time, so that a busy machine does not fail the test


def test_the_version_is_printed(capfd):
    code, out, _ = call(capfd, "--version")
    assert (code, out.startswith("tf3dlocal 0.")) == (0, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("walkers",),
        ("walkers", "OUT", "--subjects", "many"),
        ("walkers", "OUT", "--views", "0,left"),
        ("prepare", "raw", "out", "--no-such-option"),
        ("evaluate", "run", "--protocol", "casia-b-st"),
        ("evaluate", "run", "--data", "d", "--protocol", "casia-b-st", "--distance", "cosine"),
        ("export", "run", "out", "--version", "0"),
        ("embed", "saved"),
    ],
)
def test_wrong_usage_has_exit_code_2_and_an_explanation(capfd, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = call(capfd, *arguments)
    assert code == 2
    assert "Usage: tf3dlocal" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("prepare", "nowhere", "out"), "nowhere"),
        (("train", "nowhere.yaml"), "nowhere.yaml"),
        (("evaluate", "nowhere", "--data", "d", "--protocol", "casia-b-st"), "nowhere"),
        (("export", "nowhere", "out"), "nowhere"),
        (("embed", "nowhere", "walk"), "nowhere"),
    ],
)
def test_a_missing_file_is_one_message_with_its_name_and_exit_code_1(capfd, arguments, named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = call(capfd, *arguments)
    assert code == 1
    assert "error: " in err and named in err
    assert "Traceback" not in err


def test_an_unknown_config_key_is_named_before_anything_is_written(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("training: {steps: 10, sede: 3}\n")
    code, _, err = call(capfd, "train", "config.yaml", "--data", "prepared")
    assert code == 1
    assert "training.sede" in err and "training.seed" in err
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_wrong_setting_is_named_as_it_was_typed(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("training: {steps: 10}\n")
    code, _, err = call(capfd, "train", "config.yaml", "--set", "training.steps=many")
    assert code == 1
    assert "--set training.steps=many" in err


def test_an_environment_variable_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("TF3DLOCAL_TRACEBACK", "1")
    with pytest.raises(FileNotFoundError):
        main(["train", "nowhere.yaml"])


def test_a_full_disk_is_one_message(capfd, monkeypatch):
    import tf3dlocal.data.walkers

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device", "out/001")

    monkeypatch.setattr(tf3dlocal.data.walkers, "write_walkers", full)
    code, _, err = call(capfd, "walkers", "out")
    assert code == 1
    assert "No space left on device" in err and "out/001" in err


def test_square_brackets_in_a_message_are_printed_as_they_are(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = call(capfd, "prepare", "raw[/bold]", "out")
    assert code == 1
    assert "raw[/bold]" in err


def test_the_numbers_are_written_completely_or_not_at_all_and_their_file_is_named(tmp_path, capfd):
    target = tmp_path / "new" / "numbers.json"
    write_numbers(target, values={"rank_1": 91.5, "folder": tmp_path})
    assert capfd.readouterr().out.split() == f"Numbers written to {target}.".split()
    assert json.loads(target.read_text()) == {"rank_1": 91.5, "folder": str(tmp_path)}
    with pytest.raises(ValueError, match="JSON"):
        write_numbers(target, values={"rank_1": float("nan")})
    assert json.loads(target.read_text())["rank_1"] == 91.5
    assert [path.name for path in target.parent.iterdir()] == ["numbers.json"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "start",
    ["from tf3dlocal.cli.console import start_tensorflow; start_tensorflow()", "import tf3dlocal.quiet"],
    ids=["a command", "a notebook"],
)
def test_tensorflow_prints_nothing_when_a_command_or_a_notebook_starts_it(start):
    program = f"{start}; import tensorflow as tf; tf.zeros(1)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
        env={name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"},
    )
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.slow
def test_quiet_says_that_it_comes_too_late():
    program = "import tensorflow, warnings\nwith warnings.catch_warnings(record=True) as found:\n"
    program += "    import tf3dlocal.quiet\nprint(found[0].message)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=600)
    assert "TensorFlow was imported before it. Import tf3dlocal.quiet first" in done.stdout
