"""Machine facts: cores, and oneDNN's kernels where tf3dlocal is imported before TensorFlow."""

import os
import platform
import subprocess
import sys

import pytest

from tf3dlocal.io import num_cores, use_onednn
from tf3dlocal.io.machine import ONEDNN_SETTING as SETTING

HAS_ONEDNN = "from tensorflow.python.util import _pywrap_util_port as port; print(bool(port.IsMklEnabled()))"


@pytest.fixture
def before_tensorflow(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setenv(SETTING, "")  # so that what a test leaves is undone
    monkeypatch.delenv(SETTING)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


def test_a_process_held_to_one_core_counts_one():
    program = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    program += "; from tf3dlocal.io import num_cores; print(num_cores())"
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system cannot limit a process to some cores")
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "1"
    assert num_cores() >= 1


def test_onednn_is_switched_on_before_tensorflow_is_imported(before_tensorflow):
    assert use_onednn() and os.environ[SETTING] == "1"


def test_a_setting_or_a_running_tensorflow_or_another_processor_is_left_alone(before_tensorflow, monkeypatch):
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
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="oneDNN is for x86 processors")
def test_a_program_that_imports_tf3dlocal_first_computes_with_onednn_unless_the_setting_forbids_it(setting):
    environment = {name: value for name, value in os.environ.items() if name != SETTING}
    environment |= {SETTING: setting} if setting else {}
    command = [sys.executable, "-c", f"import tf3dlocal, tensorflow; {HAS_ONEDNN}"]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == str(setting is None)
