"""One of the things that are measured beside each other."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Alternative:
    """A function that makes a callable; the callable's calls are what is measured.

    The function is called once, in a process of its own, with the keyword arguments. It does all that comes before the
    first call (building a model, drawing a batch). What it returns is called without arguments, and must not return before
    its work is done. If it has an attribute `facts`, a dict that JSON can hold, that stands in the result.

    Args:
        name: what the table calls it.
        function: "package.module:function" or "folder/file.py:function". A file sees its own folder on the import path.
        arguments: keyword arguments, such as JSON can hold.
        environment: environment variables of its process.

    Raises:
        ValueError: no name, or a function without a colon.

    Example:
        >>> Alternative("nap", "time:sleep").arguments
        {}
    """

    name: str
    function: str
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    environment: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        place, colon, attribute = self.function.rpartition(":")
        if not self.name or not (colon and place and attribute):
            raise ValueError(f"{self.name!r}: {self.function!r} is not module:function or FILE.py:function")
