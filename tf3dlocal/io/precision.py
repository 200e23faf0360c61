"""The precision in which this machine computes fast."""

import os
import pathlib

from tf3dlocal.io.machine import ONEDNN_SETTING

FLOAT32, BFLOAT16 = "float32", "mixed_bfloat16"
INSTRUCTIONS = ("amx_bf16", "avx512_bf16")  # flags of Linux for products of bfloat16 numbers
CPUINFO = pathlib.Path("/proc/cpuinfo")
ISA_SETTINGS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")  # oneDNN reads the first that is set
# Values of these settings that keep oneDNN from both instructions.
ISA_WITHOUT = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI")
CAPABILITY = (8, 0)  # NVIDIA's Ampere, the first GPUs with arithmetic for bfloat16


def fast_precision() -> tuple[str, str]:
    """Return the precision in which the visible devices compute fast, and why.

    It is "mixed_bfloat16" on a TPU, on GPUs that all have compute capability 8.0 or higher, and on a processor with
    the instructions amx_bf16 or avx512_bf16 that oneDNN may use. Elsewhere, also where this cannot be found out, it is
    "float32".

    Returns:
        The precision, and the reason as the end of a sentence that begins with "since".

    Example:
        >>> precision, reason = fast_precision()
        >>> precision in ("float32", "mixed_bfloat16")
        True
    """
    import tensorflow as tf

    if tf.config.get_visible_devices("TPU"):
        return BFLOAT16, "a TPU computes in bfloat16"
    if gpus := tf.config.get_visible_devices("GPU"):
        return _of_gpus([tf.config.experimental.get_device_details(gpu) for gpu in gpus])
    return _of_processor()


def _of_gpus(details: list[dict]) -> tuple[str, str]:
    needed = ".".join(map(str, CAPABILITY))
    for number, one in enumerate(details):
        name, capability = one.get("device_name", f"GPU {number}"), one.get("compute_capability")
        if capability is None:
            return FLOAT32, f"the compute capability of {name} is not known"
        if tuple(capability) < CAPABILITY:
            found = ".".join(map(str, capability))
            return FLOAT32, f"{name} has compute capability {found}, and fast bfloat16 needs {needed}"
    names = ", ".join(dict.fromkeys(str(one.get("device_name", "the GPU")) for one in details))
    return BFLOAT16, f"{names} {'has' if len(details) == 1 else 'have'} compute capability {needed} or higher"


def _of_processor() -> tuple[str, str]:
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return FLOAT32, f"the processor's instructions cannot be read: there is no {CPUINFO}"
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    found = [name for name in INSTRUCTIONS if name in flags]
    if not found:
        return FLOAT32, f"the processor has no bfloat16 instructions ({', '.join(INSTRUCTIONS)})"
    setting = os.environ.get(ONEDNN_SETTING, "")
    if setting.lower() in ("0", "false"):
        return FLOAT32, f"oneDNN, which uses the processor's bfloat16 instructions, is off ({ONEDNN_SETTING}={setting})"
    name = next((name for name in ISA_SETTINGS if os.environ.get(name)), ISA_SETTINGS[0])
    setting = os.environ.get(name, "")
    if setting.upper() in ISA_WITHOUT:
        return FLOAT32, f"{name}={setting} keeps oneDNN from the processor's bfloat16 instructions"
    return BFLOAT16, f"the processor has bfloat16 instructions ({', '.join(found)})"
