"""The scripts and the measuring framework are imported as `python benchmarks/SCRIPT.py` imports them."""

import pathlib
import sys

import pytest

BENCHMARKS = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the `main` of a script in this process; returns (exit code or message, standard output, standard error)."""
    import importlib

    def run_here(script, *arguments):
        monkeypatch.setattr(sys, "argv", [f"{script}.py", *map(str, arguments)])
        try:
            importlib.import_module(script).main()
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
        return code, *capsys.readouterr()

    return run_here
