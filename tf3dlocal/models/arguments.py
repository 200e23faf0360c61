"""Types and ranges of the builders' arguments, checked before anything is built from them."""

import functools
import inspect
import numbers
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np

from tf3dlocal.io import near_names
from tf3dlocal.layers import PartPrior

# A check takes a value and returns None, or what the argument must be instead: "argument must be ...; got value."
Check = Callable[[Any], str | None]
# What arguments must be to each other: see `tf3dlocal.models.agreement`.
Agreement = Callable[[SimpleNamespace, Callable[[str], str]], Iterator[str]]

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16", "float16", "bfloat16")
LONGEST_VALUE = 120  # characters of a value in a message


def is_whole(value: Any, low: int, high: int) -> bool:
    """Return whether a value is a whole number within a range; True and False are none."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and low <= value <= high


def whole(low: int, high: int, *, odd: bool = False) -> Check:
    """Make the check of a whole number."""
    kind = "an odd" if odd else "a whole"

    def check(value):
        fits = is_whole(value, low, high) and (value % 2 or not odd)
        return None if fits else f"{kind} number from {low} to {high}"

    return check


def wholes(
    low: int, high: int, *, counts: tuple[int, ...] = (), each: str = "", distinct: bool = False, empty: bool = False
) -> Check:
    """Make the check of a list of whole numbers; `counts` are the lengths that it may have, `each` says of what."""
    count = " or ".join(map(str, counts)) or "a list of"

    def check(value):
        fits = is_list(value) and (not counts or len(value) in counts) and all(is_whole(v, low, high) for v in value)
        fits = fits and (empty or len(value) > 0) and not (distinct and len(set(value)) < len(value))
        return None if fits else f"{count} whole numbers from {low} to {high}{each and f', {each}'}"

    return check


def fraction(value: Any) -> str | None:
    """Check a share from 0 up to, but not including, 1."""
    fits = isinstance(value, numbers.Real) and not isinstance(value, bool) and 0 <= value < 1
    return None if fits else "a number from 0 to less than 1"


def truth(value: Any) -> str | None:
    """Check true or false."""
    return None if isinstance(value, bool | np.bool_) else "true or false (True or False in Python)"


def one_of(*choices: str) -> Check:
    """Make the check of a name."""

    def check(value):
        if isinstance(value, str) and value in choices:
            return None
        return " or ".join(f'"{choice}"' for choice in choices)

    check.choices = choices
    return check


def input_shape(value: Any) -> str | None:
    """Check the shape of a walk."""
    if is_list(value) and len(value) == 4:
        frames, height, width, channels = value
        if frames is None or is_whole(frames, 1, 100_000):
            if is_whole(height, 4, 4096) and is_whole(width, 4, 4096) and is_whole(channels, 1, 1):
                return None
    return "(frames or None, height, width, 1): one channel, with a fixed height and width of 4 to 4096"


def parts(value: Any) -> str | None:
    """Check a list of part priors."""
    if not is_list(value) or not len(value):
        return "a list of at least one part prior"
    try:
        names = [PartPrior.of(each).name for each in value]
    except ValueError as error:
        return f"a list of part priors ({str(error).rstrip('.')})"
    return None if len(set(names)) == len(names) else "a list of part priors, each with its own name"


def precision(value: Any) -> str | None:
    """Check a dtype policy."""
    if getattr(value, "name", value) in PRECISIONS and isinstance(value, keras.DTypePolicy | str):
        return None
    return f"a Keras dtype policy, one of {', '.join(PRECISIONS)}"


def layer_name(value: Any) -> str | None:
    """Check a name that Keras gives to a model."""
    fits = isinstance(value, str) and value.isprintable() and value.strip() == value != "" and "/" not in value
    return None if fits else "a text without / that is not empty"


def is_list(value: Any) -> bool:
    """Return whether a value is a list, a tuple or an array with one axis."""
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim == 1)


WIDTHS = {"low": 1, "high": 4096}  # channels of a convolution
CHECKS: dict[str, Check] = {
    "num_classes": whole(1, 1_000_000),
    "input_shape": input_shape,
    "channels": wholes(**WIDTHS, counts=(3,), each="one per block"),
    "local_blocks": wholes(
        1, 3, each="the blocks with local paths, each once ([] for none)", distinct=True, empty=True
    ),
    "sampler": one_of("mixture", "gaussian", "trilinear"),
    "parts": parts,
    "geometry": one_of("paper", "release"),
    "num_convolutions": whole(1, 16),
    "hidden_divisor": whole(1, 4096),
    "feature_extraction": truth,
    "tied_strides": truth,
    "per_frame": truth,
    "registered": truth,
    "fusion": truth,
    "fusion_start": one_of("random", "identity"),
    "location_norm": truth,
    "location_jitter": fraction,
    "path_dropout": fraction,
    "prior_distances": truth,
    "feature_norm": truth,
    "global_path": one_of("plain", "focal"),
    "num_strips": whole(1, 4096),
    "part_strips": whole(0, 4096),
    "embedding_channels": whole(1, 8192),
    "temporal_bias": truth,
    "temporal_activation": one_of("leaky_relu", "relu"),
    "compact_channels": whole(0, 8192),
    "dropout": fraction,
    "clip_length": whole(1, 10_000),
    "synchronized": truth,
    "dtype": precision,
    "seed": whole(0, 2**32 - 1),
    "name": layer_name,
    "bins": wholes(1, 4096, each="each once", distinct=True),
    "strips": wholes(1, 4096, counts=(3, 4), each="one per block"),
    "negative_slope": fraction,
    "lateral_channels": whole(**WIDTHS),
    "lateral_kernel": whole(1, 31, odd=True),
    "interval": whole(1, 1000),
}
# Of single models, by the name of the builder.
OWN_CHECKS: dict[str, dict[str, Check]] = {
    "GaitPart": {"channels": wholes(**WIDTHS, counts=(3, 4), each="one per block")},
}


def shown(value: Any) -> str:
    """Return the repr of a value, shortened."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of more than 4300 digits
        return f"a {type(value).__name__} that is too long to write"
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."


def check_arguments(
    builder: Callable,
    *,
    arguments: Mapping[str, Any],
    presets: Mapping[str, Any] | None,
    called: Callable[[str], str] = str,
) -> None:
    """Check the types and ranges of arguments of one builder.

    Args:
        builder: One of the builders; None is allowed for the arguments whose default is None.
        arguments: Those that are given.
        presets: Names of its presets; None for a builder of another package, of whose arguments the names alone are
            known.
        called: Function that gives the name of an argument in messages.

    Raises:
        ValueError: Unknown names, or values that do not fit; all of them are named.
    """
    parameters = inspect.signature(builder).parameters
    checks = {}
    if presets is not None:
        checks = CHECKS | {"preset": one_of(*presets)} | OWN_CHECKS.get(builder.__name__, {})
    problems = []
    for name, value in arguments.items():
        if name not in parameters:
            problems.append(f"{called(name)} is no argument of {builder.__name__}. {near_names(str(name), parameters)}")
        elif value is not None or parameters[name].default is not None:
            expected = checks[name](value) if name in checks else None
            if expected:
                choices = getattr(checks[name], "choices", None)
                hint = near_names(value, choices) if choices and isinstance(value, str) else ""
                hint = f" {hint}" if hint.startswith("Did you mean") else ""
                problems.append(f"{called(name)} must be {expected}; got {shown(value)}.{hint}")
    if problems:
        raise ValueError(" ".join(problems))


def check_agreement(builder: Callable, *, arguments: Mapping[str, Any], called: Callable[[str], str] = str) -> None:
    """Check arguments of one builder, each of which fits alone, against each other.

    Args:
        builder: One of the builders.
        arguments: Those that are given; the others have their defaults, and None means the preset's value.
        called: Function that gives the name of an argument in messages.

    Raises:
        ValueError: Some contradict each other; all contradictions are named.
    """
    parameters = inspect.signature(builder).parameters
    values = {name: parameter.default for name, parameter in parameters.items()} | dict(arguments)
    preset = builder.presets[values["preset"]]
    values |= {name: value for name, value in preset.items() if values.get(name) is None}
    if problems := list(builder.agreement(SimpleNamespace(**values), called)):
        raise ValueError(" ".join(problems))


def checked(presets: Mapping[str, Any], *, agreement: Agreement) -> Callable[[Callable], Callable]:
    """Make the decorator of a builder that checks its arguments before it builds.

    Args:
        presets: The builder's presets by name.
        agreement: What its arguments must be to each other.
    """

    def decorate(builder):
        signature = inspect.signature(builder)
        parameters = signature.parameters

        @functools.wraps(builder)
        def build(*args, **kwargs):
            unknown = [name for name in kwargs if name not in parameters]
            if unknown:
                hints = " ".join(f"It has no argument {name!r}. {near_names(name, parameters)}" for name in unknown)
                raise TypeError(f"{builder.__name__} cannot be built. {hints}")
            given = signature.bind(*args, **kwargs).arguments
            check_arguments(builder, arguments=given, presets=presets)
            check_agreement(build, arguments=given)
            return builder(*args, **kwargs)

        build.presets, build.agreement = presets, agreement
        return build

    return decorate
