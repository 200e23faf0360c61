"""Whole numbers and shares that callers give: a wrong one is named before anything is computed."""

from collections.abc import Iterable
from typing import Any

import numpy as np

MOST_SEED = 2**32 - 1  # the largest that numpy's legacy generator, Keras and scikit-learn take


def check_whole(number: Any, *, name: str, least: int = 0, most: int | None = None) -> int:
    """Return a whole number as an int.

    Args:
        number: What the caller gave.
        name: Of the argument, for the message.
        least: Smallest number that is accepted.
        most: Largest number that is accepted; None: no limit.

    Raises:
        ValueError: It is no whole number, or outside of the range.

    Example:
        >>> check_whole(2.5, name="frames", least=1)
        Traceback (most recent call last):
        ValueError: frames must be a whole number of at least 1, not 2.5.
    """
    is_whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
    if not is_whole or number < least or (most is not None and number > most):
        wanted = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number {wanted}, not {number!r}.")
    return int(number)


def check_seed(seed: Any, *, name: str = "seed") -> int:
    """Return a random seed as an int.

    Args:
        seed: What the caller gave.
        name: Of the argument, for the message.

    Raises:
        ValueError: It is no whole number from 0 to 2^32 - 1.

    Example:
        >>> check_seed(2**32)
        Traceback (most recent call last):
        ValueError: seed must be a whole number from 0 to 4294967295, not 4294967296.
    """
    return check_whole(seed, name=name, most=MOST_SEED)


def is_share(value: Any) -> bool:
    """Return whether a value is a number between 0 and 1, without the ends.

    Example:
        >>> is_share(0.5), is_share(1.0), is_share("0.5")
        (True, False, False)
    """
    return isinstance(value, int | float | np.floating) and bool(0 < value < 1)


def check_shares(shares: Any, *, name: str) -> list[float]:
    """Return shares, such as error rates, as a list of floats.

    Args:
        shares: What the caller gave: numbers between 0 and 1, without the ends; at least one.
        name: Of the argument, for the message.

    Raises:
        ValueError: There is none, or one is no number or outside of the range.

    Example:
        >>> check_shares([0.1, 5], name="fars")
        Traceback (most recent call last):
        ValueError: fars has 5. Give shares between 0 and 1, such as 0.01.
    """
    help_text = "Give shares between 0 and 1, such as 0.01."
    if isinstance(shares, str) or not isinstance(shares, Iterable):
        raise ValueError(f"{name} is {shares!r}, and a list is expected. {help_text}")
    shares = list(shares)
    if not shares:
        raise ValueError(f"{name} is empty. {help_text}")
    for share in shares:
        if not is_share(share):
            raise ValueError(f"{name} has {share!r}. {help_text}")
    return [float(share) for share in shares]
