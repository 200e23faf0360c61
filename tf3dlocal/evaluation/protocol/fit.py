"""Whether the names of a protocol match something in a data set."""

import re
from collections.abc import Iterable

from tf3dlocal.evaluation.protocol.loading import is_published
from tf3dlocal.evaluation.protocol.protocol_model import Protocol, ProtocolError
from tf3dlocal.evaluation.protocol.subject_ids import IdOfRange
from tf3dlocal.io import check_names, matches_leading_word, plain_name

SOLUTION = "Correct these names, or remove those that this data set does not have."


def check_subjects(protocol: Protocol, *, present: Iterable[str], also: Iterable[str] = ()) -> None:
    """Check train, test and exclude against the ids of a data set; see `Protocol.check`.

    Args:
        protocol: Protocol.
        present: Ids of the whole data set.
        also: Messages that are raised together with those of this check.

    Raises:
        ProtocolError: Ids match nobody, or `also` has messages.
    """
    present = list(dict.fromkeys(map(str, present)))
    exist = set(present)
    named = {key: value for key in ("train", "test") if isinstance(value := getattr(protocol, key), tuple)}
    everywhere = {*protocol.exclude, *(name for names in named.values() for name in names)}
    notations = {plain_name(name) for name in present if name not in everywhere}
    faults = []
    for key, names in named.items():
        names = [name for name in names if name not in protocol.exclude]
        strict = not is_published(protocol, key=key)
        wrong = _unmatched_subjects(names, exist=exist, notations=notations, strict=strict)
        faults += _faults(protocol, key, wrong, known=present, what="subject")
    listed = {name for names in named.values() for name in names if plain_name(name) not in notations}
    exist |= listed  # whom the protocol knows it may exclude, although this data set lacks them
    wrong = _unmatched_subjects(protocol.exclude, exist=exist, notations=notations, strict=True)
    faults += _faults(protocol, "exclude", wrong, known=present, what="subject")
    if faults := [*faults, *also]:
        raise ProtocolError("\n".join([*faults, SOLUTION]) if len(faults) > 1 else f"{faults[0]} {SOLUTION}")


def _unmatched_subjects(names: Iterable[str], *, exist: set[str], notations: set[str], strict: bool) -> list[str]:
    """Return the ids that the data set has in another notation and, if strict, ids and whole ranges that it lacks."""
    names = list(names)
    met = {name.written for name in names if isinstance(name, IdOfRange) and name in exist}
    wrong = []
    for name in names:
        if name in exist:
            continue
        whole = name.written if isinstance(name, IdOfRange) else name
        if plain_name(name) in notations:
            wrong.append(str(name))
        elif strict and whole not in met:
            wrong.append(whole)
    return wrong


def check_walks(protocol: Protocol, *, conditions: Iterable[str], views: Iterable[int]) -> list[str]:
    """Return a message for each key whose conditions or views match no walk of a data set; see `Protocol.check`."""
    conditions, views = sorted(set(map(str, conditions))), sorted({int(view) for view in views})
    words = dict.fromkeys(match[0] for name in conditions if (match := re.match(r"[^\W\d_]+", name)))
    notations = {plain_name(name): name for name in [*words, *conditions]}
    faults = []
    keys = {"gallery": protocol.gallery, **{f"probes.{group}": names for group, names in protocol.probes.items()}}
    for key, names in keys.items():
        strict = not is_published(protocol, key=key.partition(".")[0])
        absent = unmatched_conditions(names, conditions=conditions)
        wrong = [name for name in absent if strict or plain_name(name) in notations]
        near = [notations[plain_name(name)] for name in wrong if plain_name(name) in notations]
        faults += _faults(protocol, key, wrong, known=[*conditions, *near], what="condition")
    if not is_published(protocol, key="views") or protocol.views == "all":
        keys = {"views": protocol.views}  # those of view_groups are among them
        if protocol.views == "all":
            keys = {f"view_groups.{group}": names for group, names in protocol.view_groups.items()}
        for key, asked in keys.items():
            faults += _faults(protocol, key, asked, known=views, what="view")
    return faults


def unmatched_conditions(names: Iterable[str], *, conditions: Iterable[str]) -> list[str]:
    """Return the conditions of a protocol that match no walk.

    Example:
        >>> unmatched_conditions(["nm", "cl-01"], conditions=["nm-01", "cl-02"])
        ['cl-01']
    """
    present = {str(condition) for condition in conditions}
    return [name for name in names if not any(matches_leading_word(name, condition) for condition in present)]


def _faults(protocol: Protocol, key: str, asked: Iterable, *, known: Iterable, what: str) -> list[str]:
    try:
        check_names(list(asked), known=known, what=what, where=f"Protocol {protocol.name!r}, {key}")
    except ValueError as error:
        return [str(error)]
    return []
