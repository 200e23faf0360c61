"""Kernels of oneDNN where the command line starts TensorFlow, and nothing of it where somebody has decided already."""

import os
import subprocess
import sys

import pytest

from tf3dlocal.onednn import SETTING, has_onednn, use_onednn

PROGRAM = "from tf3dlocal.console import start_tensorflow; start_tensorflow(); from tf3dlocal.onednn import *; print(has_onednn())"


@pytest.fixture
def before_tensorflow(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.delenv(SETTING, raising=False)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


def test_it_is_switched_on_before_tensorflow_is_imported(before_tensorflow):
    assert use_onednn() and os.environ[SETTING] == "1"


def test_a_setting_a_running_tensorflow_and_another_kind_of_processor_stay_as_they_are(before_tensorflow, monkeypatch):
    with monkeypatch.context() as on_arm:
        on_arm.setattr("platform.machine", lambda: "aarch64")
        assert not use_onednn()
    with monkeypatch.context() as running:
        running.setitem(sys.modules, "tensorflow", object())
        assert not use_onednn()
    assert SETTING not in os.environ
    monkeypatch.setenv(SETTING, "0")
    assert not use_onednn() and os.environ[SETTING] == "0"


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["0", "1"])
def test_tensorflow_says_whether_it_computes_with_it(setting):
    environment = {**os.environ, SETTING: setting}
    told = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(setting == "1")


def test_the_tests_compute_as_the_command_line_does():
    assert has_onednn() == (os.environ.get(SETTING) == "1")
