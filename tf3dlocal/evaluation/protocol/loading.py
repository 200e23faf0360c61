"""Protocols by name or from a YAML file."""

import functools
import os
import pathlib
from collections.abc import Iterable, Iterator

import pydantic

from tf3dlocal.evaluation.protocol.protocol_model import Protocol, ProtocolError
from tf3dlocal.evaluation.protocol.subject_ids import expand_subject_ids
from tf3dlocal.io import YamlDocument, YamlError, near_names, read_yaml_file
from tf3dlocal.io.types import PathLike

_SHIPPED = pathlib.Path(__file__).parents[1] / "protocols"


def protocol_names() -> tuple[str, ...]:
    """List the names of the protocols that ship with the package."""
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.yaml")))


def load_protocol(name_or_path: PathLike | Protocol, *, exclude: Iterable[str] = ()) -> Protocol:
    """Load a protocol that ships with the package, by name, or any other protocol, by the path of its file.

    Args:
        name_or_path: One of `protocol_names()`, the path of a YAML file, or a Protocol, which is returned.
        exclude: Further subjects to leave out, for instance ["005"], which GaitSet and the authors' release drop.

    Raises:
        ProtocolError: If there is no such protocol or file, or the file is not YAML or has an unknown key or a wrong
            value. The message names the file, the line and the key.

    Example:
        >>> load_protocol("casia-b-lt", exclude=["005"]).split(["004", "005", "075"]).train
        ('004',)
    """
    protocol = name_or_path if isinstance(name_or_path, Protocol) else _load(name_or_path)
    exclude = [exclude] if isinstance(exclude, str | int) else list(exclude)
    if not exclude:
        return protocol
    try:
        further = expand_subject_ids(map(str, exclude))
    except ValueError as error:
        raise ProtocolError(f"exclude: {error}") from error
    return protocol.model_copy(update={"exclude": tuple(dict.fromkeys([*protocol.exclude, *further]))})


def is_published(protocol: Protocol, *, key: str) -> bool:
    """Return whether a key has the value of a protocol that ships with the package.

    Example:
        >>> is_published(load_protocol("casia-b-st", exclude=["005"]), key="views")
        True
    """
    return any(getattr(_shipped(name), key) == getattr(protocol, key) for name in protocol_names())


@functools.cache
def _shipped(name: str) -> Protocol:
    return _read(_SHIPPED / f"{name}.yaml")


def _load(name_or_path: PathLike) -> Protocol:
    if not isinstance(name_or_path, str | os.PathLike):
        raise ProtocolError(
            f"A protocol is a name, the path of a YAML file or a Protocol, not a {type(name_or_path).__name__}."
        )
    text = os.fspath(name_or_path)
    if text in protocol_names():
        return _shipped(text)
    try:
        path = pathlib.Path(os.path.expanduser(text))
        exists = path.exists() and not path.is_dir()
    except (OSError, ValueError):  # longer than a name can be, or with a null character
        exists = False
    if not exists:
        shown = text if len(text) <= 200 else f"{text[:200]}..."
        raise ProtocolError(
            f"There is no protocol {shown!r}: it is neither a file, relative to the working folder, nor one of "
            f"{', '.join(protocol_names())}. `tf3dlocal protocol --new FILE` writes a file to fill in."
        )
    return _read(path)


def _read(path: pathlib.Path) -> Protocol:
    try:
        document = read_yaml_file(path)
    except YamlError as error:
        raise ProtocolError(str(error)) from error
    except OSError as error:
        raise ProtocolError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not isinstance(document.values, dict):
        raise ProtocolError(f"{path} has no keys. A protocol needs name, test, gallery and probes.")
    try:
        return Protocol(**document.values)
    except pydantic.ValidationError as error:
        lines = dict.fromkeys(_faults(error, document))
        raise ProtocolError(f"{path} is not a protocol:\n" + "\n".join(f"  {line}" for line in lines)) from error


def _faults(error: pydantic.ValidationError, document: YamlDocument) -> Iterator[str]:
    """Yield one line per wrong key: where it is, what it is, and what may be written there."""
    for fault in error.errors():
        key, *inner = map(str, fault["loc"] or ("",))
        place = ".".join([key, *inner])
        if fault["type"] == "extra_forbidden" and not inner:
            yield f"{document.where(key)}: there is no key {key!r}. {near_names(key, Protocol.model_fields)}"
        elif fault["type"] == "missing" and not inner:
            yield f"{document.source}: {key} is missing. Write: {written_as(key)}."
        elif not key or fault["type"] == "value_error":
            told = str(fault["ctx"]["error"]).rstrip(".")
            yield f"{document.where(place)}: {key}{': ' * bool(key)}{told}."
        else:
            value = repr(document.values.get(key))
            shown = value if len(value) <= 100 else f"{value[:100]}..."
            yield f"{document.where(key)}: {key} is {shown}. Write: {written_as(key)}."


def written_as(key: str) -> str:
    """Return in words what may be written at a key of a protocol.

    Example:
        >>> written_as("identical_views")
        'exclude or include'
    """
    return Protocol.model_fields[key].json_schema_extra["written"]
