"""Which precision a machine computes fast, decided from what processors and GPUs say of themselves."""

import pytest
import tensorflow as tf

from tf3dlocal.io import fast_precision
from tf3dlocal.io.machine import ONEDNN_SETTING

PLAIN = "fpu sse2 avx2 avx512f avx512_vnni"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Function that makes this a machine with such flags, environment variables, GPUs and TPUs."""

    def make(flags=PLAIN, *, gpus=(), tpus=0, **environment):
        for name in (ONEDNN_SETTING, "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        cpuinfo = tmp_path / "cpuinfo"
        if flags is not None:
            cpuinfo.write_text(f"processor\t: 0\nvendor_id\t: Some\nflags\t\t: {flags}\n\nprocessor\t: 1\n")
        monkeypatch.setattr("tf3dlocal.io.precision.CPUINFO", cpuinfo)
        devices = {"GPU": list(range(len(gpus))), "TPU": list(range(tpus))}
        monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: devices[kind])
        monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: gpus[gpu])

    return make


@pytest.mark.parametrize("flags", ["avx512_bf16", "amx_bf16", "amx_bf16 avx512_bf16"])
def test_a_processor_with_bfloat16_instructions_computes_in_bfloat16(machine, flags):
    machine(f"{PLAIN} {flags} amx_tile")
    precision, reason = fast_precision()
    assert precision == "mixed_bfloat16"
    assert reason == f"the processor has bfloat16 instructions ({', '.join(flags.split())})"


def test_a_processor_without_them_computes_in_float32(machine):
    machine(f"{PLAIN} avx512_fp16 amx_int8")
    assert fast_precision() == ("float32", "the processor has no bfloat16 instructions (amx_bf16, avx512_bf16)")


def test_a_system_that_does_not_list_the_instructions_computes_in_float32(machine):
    machine(None)
    precision, reason = fast_precision()
    assert precision == "float32" and reason.startswith("the processor's instructions cannot be read: there is no ")


@pytest.mark.parametrize("setting", ["0", "false", "False"])
def test_without_onednn_the_instructions_are_not_used(machine, setting):
    machine("avx512_bf16", **{ONEDNN_SETTING: setting})
    precision, reason = fast_precision()
    assert precision == "float32" and f"is off ({ONEDNN_SETTING}={setting})" in reason


@pytest.mark.parametrize(
    ("name", "value", "precision"),
    [
        ("ONEDNN_MAX_CPU_ISA", "AVX2", "float32"),
        ("ONEDNN_MAX_CPU_ISA", "avx512_core_vnni", "float32"),
        ("DNNL_MAX_CPU_ISA", "AVX512_CORE", "float32"),
        ("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16", "mixed_bfloat16"),
        ("ONEDNN_MAX_CPU_ISA", "ALL", "mixed_bfloat16"),
        (ONEDNN_SETTING, "1", "mixed_bfloat16"),
    ],
)
def test_the_environment_may_keep_onednn_from_the_instructions(machine, name, value, precision):
    machine("avx512_bf16", **{name: value})
    found, reason = fast_precision()
    assert found == precision and (precision != "float32" or f"{name}={value}" in reason)


def test_gpus_decide_where_there_are_any(machine):
    fast, old = ({"device_name": f"Some {number}", "compute_capability": (number, 0)} for number in (9, 7))
    machine("", gpus=[fast, fast])
    assert fast_precision() == ("mixed_bfloat16", "Some 9 have compute capability 8.0 or higher")
    machine("avx512_bf16", gpus=[fast, old])
    assert fast_precision() == ("float32", "Some 7 has compute capability 7.0, and fast bfloat16 needs 8.0")


def test_a_gpu_that_does_not_say_its_capability_computes_in_float32(machine):
    machine("avx512_bf16", gpus=[{}])
    assert fast_precision() == ("float32", "the compute capability of GPU 0 is not known")


def test_a_tpu_computes_in_bfloat16(machine):
    machine("", tpus=1)
    assert fast_precision() == ("mixed_bfloat16", "a TPU computes in bfloat16")
