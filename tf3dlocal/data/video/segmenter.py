"""Anybody's segmentation network: MODULE:function takes frames and returns masks, and what it returns is checked."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator

import numpy as np

from tf3dlocal.data.plausibility import FAINTEST

Segmenter = Callable[[np.ndarray], np.ndarray]
WANTED = (
    "It must return one mask per frame, [frames, height, width]: bool, or 0 and 1, or 0..255, or numbers from 0 to 1, "
    "with people high and background low."
)


class SegmenterError(ValueError):
    """A segmentation function cannot be found, failed, or returned something else than masks."""


def load_segmenter(name: str) -> Segmenter:
    """Import the function that MODULE:function names; modules are looked for in the working folder as well.

    The import leaves the working folder and the arguments of the process as they were; it may add to `sys.path`.

    Raises:
        SegmenterError: There is no such module or function, or the module cannot be imported.

    Example:
        >>> load_segmenter("math:cosine")
        Traceback (most recent call last):
        tf3dlocal.data.video.segmenter.SegmenterError: math has no function 'cosine'. Give the name of a function in it.
    """
    module_name, colon, function_name = name.partition(":")
    if not (colon and function_name.isidentifier() and all(part.isidentifier() for part in module_name.split("."))):
        raise SegmenterError(
            f"{name!r} does not name a function. Give MODULE:function, such as people:segment for the function "
            "segment in the file people.py of the working folder."
        )
    try:
        with _same_process(), _working_folder_on_path():
            module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.split(".")[0]:
            raise SegmenterError(f"{module_name} cannot be imported: it needs {error.name!r}. Install it.") from error
        raise SegmenterError(
            f"There is no module {module_name!r}. Put {module_name}.py into the working folder, or install it."
        ) from error
    except (Exception, SystemExit) as error:
        raise SegmenterError(f"{module_name} cannot be imported: {_told(error)}.") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise SegmenterError(f"{module_name} has no function {function_name!r}. Give the name of a function in it.")
    return function


def masks_of(segmenter: Segmenter, *, images: np.ndarray, name: str, first: int) -> np.ndarray:
    """Call a segmentation function, and check what it returns.

    Args:
        segmenter: The function.
        images: uint8 [frames, height, width, 3], red green blue.
        name: What to call it in messages.
        first: Number of the first frame, for messages.

    Returns:
        uint8 [frames, height, width], 0 or 255.

    Raises:
        SegmenterError: The function raised an error, or returned another shape, type or range.

    Example:
        >>> images = np.zeros((1, 48, 64, 3), np.uint8)
        >>> masks_of(lambda images: images[..., 0] > 5, images=images, name="mine", first=0).shape
        (1, 48, 64)
    """
    where = f"The segmenter {name}, frames {first}..{first + len(images) - 1},"
    try:
        with _same_process():
            masks = segmenter(images.copy())
    except (Exception, SystemExit) as error:
        raise SegmenterError(f"{where} raised {_told(error)}. Correct it; --debug shows the place.") from error
    try:
        masks = np.asarray(masks)
    except Exception as error:
        raise SegmenterError(f"{where} returned {type(masks).__name__}, which is no array. {WANTED}") from error
    if masks.ndim == 4 and masks.shape[-1] == 1:
        masks = masks[..., 0]
    if masks.shape != images.shape[:3]:
        raise SegmenterError(
            f"{where} returned shape {list(masks.shape)} for frames {list(images.shape)}; {list(images.shape[:3])} is "
            f"expected. {WANTED}"
        )
    if masks.dtype.kind not in "buif":
        raise SegmenterError(f"{where} returned values of type {masks.dtype}. {WANTED}")
    if masks.dtype.kind == "f" and not np.isfinite(masks).all():
        raise SegmenterError(f"{where} returned numbers that are not finite. {WANTED}")
    return _two_valued(masks, where)


@contextlib.contextmanager
def _same_process() -> Iterator[None]:
    """Undo what foreign code changes in the process: paths of this program are relative to the working folder."""
    folder, arguments = _working_folder(), list(sys.argv)
    try:
        yield
    finally:
        sys.argv = arguments
        if folder is not None and _working_folder() != folder:
            with contextlib.suppress(OSError):  # it was removed since
                os.chdir(folder)


@contextlib.contextmanager
def _working_folder_on_path() -> Iterator[None]:
    folder = _working_folder()
    if folder is None:
        yield
        return
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:  # the module may have removed it, or replaced the list
            sys.path.remove(folder)


def _working_folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return None


def _told(error: BaseException) -> str:
    """Return the type of an error, and the first line of its message if it has one."""
    lines = str(error).strip().splitlines()
    return ": ".join([type(error).__name__, *(line.rstrip(".") for line in lines[:1])])


def _two_valued(masks: np.ndarray, where: str) -> np.ndarray:
    low, high = float(masks.min()), float(masks.max())
    if low < 0 or high > 255:
        raise SegmenterError(f"{where} returned values from {low:g} to {high:g}. {WANTED}")
    if high <= 1:
        body = masks >= 0.5 if masks.dtype.kind == "f" else masks > 0
    elif high < FAINTEST:
        raise SegmenterError(
            f"{where} returned values from {low:g} to {high:g}: labels, and no mask. Return labels == PERSON. {WANTED}"
        )
    else:
        body = masks >= FAINTEST
    return body.astype(np.uint8) * np.uint8(255)
