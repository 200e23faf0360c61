"""Memory that a step frees and that stays with the process."""

import ctypes
import os

from tf3dlocal.io.machine import has_accelerator

# Numbers of glibc's mallopt (malloc.h) and of Linux' madvise (mman.h).
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENA_MAX = -1, -2, -3, -8
HUGE_PAGES = 14
LARGEST, NEVER = 2**31 - 1, -1
BLOCK, MOST_BLOCKS = 2**30, 8
VARIABLES = (
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TOP_PAD_",
    "MALLOC_ARENA_MAX",
    "GLIBC_TUNABLES",
    "LD_PRELOAD",
)


def keep_freed_memory() -> bool:
    """Let the process keep the memory blocks that it frees, in large pages, instead of returning each to the system.

    A step on a CPU allocates and frees gigabytes in blocks of 10 to 100 MB. glibc takes such blocks from the system one
    by one, and the system clears every page of 4 KB at its first touch: on two AMD cores this was a quarter of a
    training step. Here glibc is told to keep freed memory in one arena, and the system to back its first gigabytes with
    large pages. The peak does not change; a process that needed much memory once keeps it until it ends.

    Nothing is done where another C library or allocator is in use, where one of `VARIABLES` is set, because then the
    user has decided, or where TensorFlow sees a GPU, whose memory is not this one. A second call has no further effect.

    Returns:
        Whether memory is kept.

    Example:
        >>> keep_freed_memory() in (True, False)
        True
    """
    if os.name != "posix" or any(name in os.environ for name in VARIABLES):
        return False
    if has_accelerator():
        return False
    c = ctypes.CDLL(None)
    if not (hasattr(c, "gnu_get_libc_version") and hasattr(c, "mallopt")):
        return False
    settings = {MMAP_THRESHOLD: LARGEST, TRIM_THRESHOLD: NEVER, TOP_PAD: 2**26, ARENA_MAX: 1}
    if not all(c.mallopt(name, value) for name, value in settings.items()):
        return False
    _advise_large_pages(c)
    return True


def _advise_large_pages(c) -> None:
    """Allocate addresses (no memory, because nothing touches them), mark them for large pages, and free them."""
    global _advised
    if _advised:
        return
    _advised = True
    c.malloc.restype, c.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    c.free.argtypes = [ctypes.c_void_p]
    c.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    page = 2**21
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    taken = []
    for _ in range(min(MOST_BLOCKS, total // (2 * BLOCK))):
        start = c.malloc(BLOCK)
        if start is None:  # a limit on addresses, such as ulimit -v
            break
        taken.append(start)
        c.madvise(
            (start + page - 1) // page * page, BLOCK - page, HUGE_PAGES
        )  # a kernel without large pages refuses: no harm
    for start in taken:
        c.free(start)


_advised = False
