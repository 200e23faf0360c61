"""No error of a user, a file, TensorFlow or this program ends in a traceback unless it is asked for."""

import os
import signal
import subprocess
import sys

import pytest
import tensorflow as tf

from tf3dlocal.cli import COMMANDS, main
from tf3dlocal.cli.console import _with_home
from tf3dlocal.cli.mistakes import explained
from tf3dlocal.io import UnreadableError

DATA_ERROR = """tf3dlocal.io.guard.UnreadableError: set/walks-0.tfrecord cannot be read: its checksum is wrong. Copy it.
Traceback (most recent call last):

  File "/usr/lib/python3/site-packages/tensorflow/python/ops/script_ops.py", line 267, in __call__
    ret = func(*args)
tf3dlocal.io.guard.UnreadableError: set/walks-0.tfrecord cannot be read: its checksum is wrong. Copy it.

\t [[{{node PyFunc}}]] [Op:IteratorGetNext] name: """
ERRORS = {
    "value": (ValueError("The size is 3."), "The size is 3.", 1),
    "own": (UnreadableError("a.npz cannot be read: cut."), "a.npz cannot be read: cut.", 1),
    "empty value": (ValueError(), "ValueError", 1),
    "no file": (FileNotFoundError(2, "No such file or directory", "g.npz"), "There is no g.npz.", 1),
    "no file without a name": (FileNotFoundError(2, "No such file or directory"), "No such file or directory.", 1),
    "no right": (PermissionError(13, "Permission denied", "out"), "Permission denied: out.", 1),
    "full disk": (OSError(28, "No space left on device", "o/1"), "No space left on device: o/1.", 1),
    "bytes as a name": (OSError(28, "No space left on device", b"o"), "No space left on device: o.", 1),
    "a message of our own": (FileNotFoundError("There is no x. Make one."), "There is no x. Make one.", 1),
    "memory": (MemoryError(), "not enough memory", 1),
    "no module": (ModuleNotFoundError("No module named 'cv2'", name="cv2"), "No module named 'cv2'. Install", 1),
    "data error in tensorflow": (tf.errors.UnknownError(None, None, DATA_ERROR), "wrong. Copy it.", 1),
    "the same as another class": (tf.errors.InvalidArgumentError(None, None, DATA_ERROR), "set/walks-0.tfrecord", 1),
    "device memory": (tf.errors.ResourceExhaustedError(None, None, "OOM when allocating [Op:Conv3D]"), "smaller", 1),
    "disk in tensorflow": (tf.errors.ResourceExhaustedError(None, None, "x; No space left on device"), "Free some", 1),
    "graph": (
        tf.errors.InvalidArgumentError(None, None, "Graph execution error:\n\nDetected at node x\nShapes differ"),
        "TensorFlow stopped: Shapes differ.",
        1,
    ),
    "nothing told": (tf.errors.DataLossError(None, None, ""), "TensorFlow stopped: ", 1),
    "key": (KeyError("subject"), "Internal error: KeyError: 'subject'. This is an error inside tf3dlocal", 3),
    "type": (TypeError("many\nlines"), "Internal error: TypeError: many. ", 3),
    "nothing": (AssertionError(), "Internal error: AssertionError. ", 3),
    "recursion": (RecursionError("maximum recursion depth"), "Internal error: RecursionError", 3),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("error", "told", "code"), ERRORS.values(), ids=ERRORS)
def test_every_error_is_one_sentence_with_its_exit_code(error, told, code):
    sentence, exit_code = explained(error)
    assert told in sentence and "\n" not in sentence and exit_code == code
    assert "Traceback" not in sentence and "[Op:" not in sentence


def broken(monkeypatch, error):
    import tf3dlocal.data.walkers

    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(tf3dlocal.data.walkers, "write_walkers", fail)


@pytest.mark.bad_input
@pytest.mark.parametrize(("error", "told", "code"), ERRORS.values(), ids=ERRORS)
def test_a_verb_prints_the_sentence_and_no_traceback(error, told, code, monkeypatch, capfd):
    broken(monkeypatch, error)
    with pytest.raises(SystemExit) as ended:
        main(["walkers", "out"])
    err = capfd.readouterr().err
    assert ended.value.code == code and err.startswith("error: ") and told in err
    assert "Traceback" not in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["--debug", "walkers", "out"], ["walkers", "out", "--debug"]])
def test_debug_shows_the_traceback_wherever_it_stands(arguments, monkeypatch):
    broken(monkeypatch, KeyError("subject"))
    with pytest.raises(KeyError):
        main(arguments)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["trian"], "Did you mean 'train'"),
        (["train", "a.yaml", "--dta", "d"], "--data"),
        (["walkers", "out", "--subject", "3"], "--subjects"),
        (["export", "run", "out", "--distance", "cosine"], "part_mean"),
        (["prepare", "raw"], "OUT"),
        (["walkers", "out", "--subjects", "0"], "greater than or equal to 1"),
        (["walkers", "out", "--views", "left"], "0,90,180"),
        (["protocol", "casia-b-st", "--new", "x.yaml"], "not both"),
        (["embed", "saved", "=walks"], "NAME=FOLDER"),
        (["embed", "saved", "alice="], "NAME=FOLDER"),
        (["demo", "--json", "/"], "is a folder"),
        (["evaluate", "gei", "--data", "d", "--protocol", "p", "--json", "/dev/null/a.json"], "cannot be written"),
        (["embed", "saved", "walk", "--out", "/dev/null/a.npz"], "cannot be written"),
        (["demo", "--json", "/dev/null"], "is a device or a pipe"),
    ],
)
def test_wrong_usage_suggests_what_is_right(arguments, told, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and told in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_home_folder_is_written_out_in_paths_and_in_nothing_else(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    written = {
        "~/a": "/home/ann/a",
        "--json=~/a.json": "--json=/home/ann/a.json",
        "alice=~/walks/a=b": "alice=/home/ann/walks/a=b",
        "data.protocol=~/own.yaml": "data.protocol=/home/ann/own.yaml",
        "~": "~",
        "model.arguments.window=~": "model.arguments.window=~",
        "a/~b/c": "a/~b/c",
        "a~/b": "a~/b",
        "~nobody-of-this-name/a": "~nobody-of-this-name/a",
    }
    assert {argument: _with_home(argument) for argument in written} == written


def test_a_protocol_is_printed_and_a_new_one_is_written_once(capfd, tmp_path):
    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["protocol", *map(str, arguments)])
        return ended.value.code or 0, *capfd.readouterr()

    from tf3dlocal.evaluation import load_protocol

    code, out, _ = call("casia-b-st")
    assert code == 0 and "gallery:" in out
    (tmp_path / "printed.yaml").write_text(out)
    assert load_protocol(tmp_path / "printed.yaml") == load_protocol("casia-b-st")
    assert "casia-b-lt" in call()[1]
    assert call("--new", tmp_path / "own.yaml")[0] == 0
    load_protocol(tmp_path / "own.yaml")
    code, _, err = call("--new", tmp_path / "own.yaml")
    assert code == 1 and "is not replaced" in err
    code, _, err = call("casia-b")
    assert code == 1 and "Did you mean 'casia-b-" in err


EVERY_HELP = """
import sys
from tf3dlocal.cli import COMMANDS, main
from tf3dlocal.cli.console import say
for arguments in (["--help"], ["--version"], ["protocol"], *([command, "--help"] for command in COMMANDS)):
    try:
        main(arguments)
    except SystemExit as ended:
        assert not ended.code, (arguments, ended.code)
say("91 \\N{DEGREE SIGN}, Zo\\xeb, \\udcff")
for arguments in (["train", "nowh\\xe9re.yaml"], ["embed", "nowhere", "walk"], ["trian"]):
    try:
        main(arguments)
    except SystemExit as ended:
        assert ended.code in (1, 2), (arguments, ended.code)
open(sys.argv[1], "w").write("done")
"""


@pytest.mark.parametrize("closed", ["", ">&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.slow
def test_every_command_speaks_where_ascii_is_all_that_can_be_printed_or_nothing_at_all(closed, tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    command = ["sh", "-c", f'exec "$0" -c "$1" "$2" {closed}', sys.executable, EVERY_HELP, str(tmp_path / "out")]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "out").read_text() == "done"
    assert b"Traceback" not in done.stderr
    assert bool(done.stdout) == (closed == "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")
def test_output_that_no_disk_takes_is_one_sentence():
    command = ["sh", "-c", 'exec "$0" -m tf3dlocal --help >/dev/full', sys.executable]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False)
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr and len(done.stderr.splitlines()) == 1


def test_there_is_a_help_for_every_command():
    assert "protocol" in COMMANDS


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("line", "what"),
    [
        (["evaluate", "run", "--data", "", "--protocol", "casia-b-st"], "--data"),
        (["evaluate", "gei", "--data=", "--protocol", "casia-b-st"], "--data"),
        (["evaluate", "gei", "--data", "set", "--protocol", "casia-b-st", "--details", " "], "--details"),
        (["prepare", "", "out"], "An argument"),
        (["train", ""], "An argument"),
        (["export", "run", ""], "An argument"),
        (["compare", "a.yaml", "--data", "set", "--protocol", "casia-b-st", "--out="], "--out"),
        (["parts", "run", "--data", ""], "--data"),
        (["figure", "1", "--run", ""], "--run"),
        (["table", "1", "--run="], "--run"),
        (["embed", "", "walks"], "An argument"),
        (["convert", "", "out.keras", "--source", "opengait", "--model", "gaitset"], "An argument"),
        (["walkers", ""], "An argument"),
        (["protocol", "--new", ""], "--new"),
        (["demo", ""], "An argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_an_empty_argument_is_refused_and_never_the_working_folder(line, what, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == 2 and not list(tmp_path.iterdir())
    assert f"{what} is empty. Give a value, or leave it out" in " ".join(capfd.readouterr().err.split())


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "line",
    ["walkers out", "demo out", "figure 2 --run a --compare-with b", "compare a --data d --protocol p --out o"],
)
def test_a_seed_that_numpy_does_not_take_is_refused_by_every_command(line, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    option = "--seeds" if line.startswith("compare") else "--seed"
    with pytest.raises(SystemExit) as ended:
        main([*line.split(), option, str(2**32)])
    err = " ".join(capfd.readouterr().err.replace("│", " ").split())
    assert ended.value.code in (1, 2) and not list(tmp_path.iterdir())
    assert "4294967295" in err and option in err


@pytest.mark.bad_input
@pytest.mark.parametrize("variety", ["Wide", "faults+", "clothes,faults"])
def test_an_unknown_variety_of_walkers_is_wrong_usage(tmp_path, capfd, variety):
    with pytest.raises(SystemExit, match="2"):
        main(["walkers", str(tmp_path / "raw"), "--variety", variety])
    told = " ".join(capfd.readouterr().err.split())
    assert "--variety" in told and "some of clothes, cameras, speeds, faults joined by '+'" in told
    assert not (tmp_path / "raw").exists()


INTERRUPTED = """
import os, runpy, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits that it is ignored

class Interrupt:
    def find_spec(self, name, *_):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
sys.argv = ["tf3dlocal", "walkers", "--help"]
runpy.run_module("tf3dlocal", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("name", ["typer", "tf3dlocal.cli.app", "tf3dlocal.cli.console", "tf3dlocal.cli.verify"])
def test_an_interrupt_while_the_program_starts_ends_it_without_a_traceback(name, tmp_path):
    command = [sys.executable, "-c", INTERRUPTED.format(name=name)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_an_interrupt_before_typer_has_the_command_line_has_the_same_exit_code(monkeypatch, capfd):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("typer.main.get_command", interrupt)
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 130 and capfd.readouterr().err == ""


@pytest.mark.parametrize("handler", ["SIG_IGN", "default_int_handler"])
def test_the_import_of_the_command_line_leaves_the_handling_of_interrupts_as_it_was(handler):
    code = f"import signal as s; s.signal(s.SIGINT, s.{handler}); import tf3dlocal.cli; print(s.getsignal(s.SIGINT))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(getattr(signal, handler))
