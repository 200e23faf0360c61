"""One rule by which every draw of the walkers gets its own stream of random numbers."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """A generator that depends on the seed and the names alone, never on what was drawn before.

    So a walk looks the same whether it is drawn alone, after others, or in another process.

    Args:
        seed: The data set's seed, an integer from 0 on.
        *names: What is drawn, for example ``"person", 7``.

    Raises:
        ValueError: If the seed is negative or not an integer.

    Example:
        >>> bool(stream(0, "person", 7).integers(100) == stream(0, "person", 7).integers(100))
        True
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be an integer of 0 or more, not {seed!r}")
    return np.random.default_rng([int(seed), *(zlib.crc32(str(name).encode()) for name in names)])
