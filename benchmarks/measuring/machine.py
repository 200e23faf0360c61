"""The machine that a measurement was made on, and how busy it was."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import re
import sys

from tf3dlocal.io import num_cores

LIBRARIES = ("tf3dlocal", "tensorflow", "keras", "numpy", "torch")
THREAD_SETTINGS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_WAIT_POLICY",
    "KMP_BLOCKTIME",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
    "TF_ENABLE_ONEDNN_OPTS",
    "CUDA_VISIBLE_DEVICES",
)


def machine_facts():
    """Return processor, cores, memory, system, library versions, thread settings and date.

    Returns:
        dict that JSON can hold: "processor", "cores" ("usable" by this process, and of the "machine"), "memory_gb"
        (2^30 bytes), "gpus" (names of NVIDIA's, used or not), "system", "python", "libraries" (None where one is not
        installed), "settings" (those environment variables that are set), "date" (UTC). What is unknown is None.

    Example:
        >>> sorted(machine_facts()["cores"])
        ['machine', 'usable']
    """
    return {
        "processor": _processor(),
        "cores": {"usable": num_cores(), "machine": os.cpu_count()},
        "memory_gb": _memory_gb(),
        "gpus": _gpus(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "settings": {name: os.environ[name] for name in THREAD_SETTINGS if name in os.environ},
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def load_average():
    """Return the load averages of 1, 5 and 15 minutes, or None where there are none (Windows)."""
    return [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None


def busy_seconds():
    """Return the processor seconds of all processes since the machine started, or None if unknown (not Linux)."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen = map(
                int, file.readline().split()[1:9]
            )
        return (user + nice + system + interrupts + soft_interrupts + stolen) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return None


def _processor():
    information = pathlib.Path("/proc/cpuinfo")
    if sys.platform == "linux" and information.exists():
        name = re.search(r"^model name\s*:\s*(.+)$", information.read_text(errors="replace"), re.MULTILINE)
        if name:
            return name[1].strip()
    return platform.processor() or platform.machine() or None


def _memory_gb():
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _gpus():
    models = pathlib.Path("/proc/driver/nvidia/gpus").glob("*/information")
    return re.findall(r"^Model:\s*(.+)$", "\n".join(path.read_text(errors="replace") for path in models), re.MULTILINE)


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
