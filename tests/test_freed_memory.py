"""Blocks that a process frees stay with it: seen in the page faults of a process of its own."""

import os
import subprocess
import sys

import pytest

from tf3dlocal.freed_memory import VARIABLES

PROGRAM = """
import resource, sys
from tf3dlocal.freed_memory import keep_freed_memory
kept = sys.argv[1] == "keep" and keep_freed_memory() and keep_freed_memory()
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def touch(): bytearray(b"1") * (200 << 20)
touch()
before = faults()
for _ in range(5): touch()
print(int(bool(kept)), faults() - before, resident)
"""


def ran(how, **variables):
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    command = [sys.executable, "-c", PROGRAM, how]
    output = subprocess.run(command, env={**environment, **variables}, capture_output=True, text=True, check=True).stdout
    return [int(number) for number in output.split()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's settings")
def test_five_blocks_of_200_mb_fault_their_pages_in_once_only():
    kept, faults, resident = ran("keep")
    if not kept:
        pytest.skip("this C library has no mallopt")
    _, plain_faults, plain_resident = ran("plain")
    assert plain_faults > 5 * 90  # at least one fault per 2 MB; mostly one per 4 KB
    assert faults < plain_faults / 5
    assert resident < plain_resident + 20_000  # KB: the addresses that are taken hold no memory


def test_who_has_set_the_allocator_up_is_left_alone():
    assert ran("keep", MALLOC_ARENA_MAX="2")[0] == 0
