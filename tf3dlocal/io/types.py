"""Names for argument types that have no class of their own."""

import os
from typing import Any

Tensor = Any
"""A tensor of any kind (`keras.KerasTensor`, `tf.Tensor`, a numpy array); the docstring gives its shape."""

PathLike = str | os.PathLike[str]
"""A path as text or as `pathlib.Path`."""
