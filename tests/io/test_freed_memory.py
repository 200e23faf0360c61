"""Memory blocks that a process frees stay with it: seen in the page faults of a separate process."""

import os
import subprocess
import sys

import pytest

from tf3dlocal.io.freed_memory import VARIABLES

PROGRAM = """
import resource, sys
from tf3dlocal.io import keep_freed_memory
kept = sys.argv[1] == "keep" and keep_freed_memory() and keep_freed_memory()
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def touch(): bytearray(b"1") * (200 << 20)
touch()
before = faults()
for _ in range(5): touch()
print(int(bool(kept)), faults() - before, resident)
"""
# Blocks of 64 MB, 3 GB together, touched once and freed: how many MB are marked for large pages at the end.
LARGE_PAGES = """
from tf3dlocal.io import keep_freed_memory
keep_freed_memory()
blocks = [bytearray(64 << 20) for _ in range(48)]
del blocks
marked = size = 0
for line in open("/proc/self/smaps"):
    name, *rest = line.split()
    size = int(rest[0]) if name == "Size:" else size
    if name == "VmFlags:" and "hg" in rest: marked += size >> 10
print(marked)
"""


def ran(how, program=PROGRAM, **variables):
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    command = [sys.executable, "-c", program, how]
    output = subprocess.run(
        command, env={**environment, **variables}, capture_output=True, text=True, check=True
    ).stdout
    return [int(number) for number in output.split()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's settings")
@pytest.mark.slow
def test_the_pages_of_five_blocks_of_200_mb_are_faulted_in_only_once():
    kept, faults, resident = ran("keep")
    if not kept:
        pytest.skip("this C library has no mallopt")
    _, plain_faults, plain_resident = ran("plain")
    assert plain_faults > 5 * 90  # at least one fault per 2 MB; mostly one per 4 KB
    assert faults < plain_faults / 5
    assert resident < plain_resident + 20_000  # KB: the addresses that are taken hold no memory


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's settings")
@pytest.mark.slow
def test_freed_gigabytes_stay_and_are_marked_for_large_pages():
    if not ran("keep")[0] or not os.path.exists("/sys/kernel/mm/transparent_hugepage"):
        pytest.skip("this C library has no mallopt, or this kernel no large pages")
    assert ran("keep", LARGE_PAGES)[0] > 1800  # MB; the half of a small machine's memory may be less than 8 GB


def test_an_allocator_that_the_user_has_configured_is_left_alone():
    assert ran("keep", MALLOC_ARENA_MAX="2")[0] == 0
