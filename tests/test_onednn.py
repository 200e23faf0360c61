"""Kernels of oneDNN where tf3dlocal is imported before TensorFlow, and nothing of it where somebody has decided already."""

import os
import platform
import subprocess
import sys

import pytest

from tf3dlocal.onednn import SETTING, has_onednn, use_onednn

PROGRAM = "import tf3dlocal, tensorflow; from tf3dlocal.onednn import has_onednn; print(has_onednn())"


@pytest.fixture
def before_tensorflow(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setenv(SETTING, "")  # so that what a test leaves behind is undone
    monkeypatch.delenv(SETTING)
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
@pytest.mark.parametrize("setting", [None, "0"])
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="for x86 processors")
def test_who_imports_tf3dlocal_first_computes_with_it_unless_the_setting_says_otherwise(setting):
    environment = {name: value for name, value in os.environ.items() if name != SETTING} | (
        {SETTING: setting} if setting else {}
    )
    told = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(setting is None)


def test_the_tests_compute_as_users_do():
    if os.environ.get(SETTING) != "1":
        pytest.skip(f"{SETTING} is set from outside, or this is no x86 processor")
    assert has_onednn()
