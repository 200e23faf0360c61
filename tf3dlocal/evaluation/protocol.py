"""A test protocol as data: who trains, who is tested, what is gallery, what is probe, from which views.

A protocol is one small YAML file. The published ones stand in `protocols/` beside this file; a user's own is a path.

    name: my-side-view
    train: {first: 20}              # the first 20 ids of the data set; or [001..024, 030], or none
    test: rest                      # everybody else; or a list of ids and ranges, or all
    exclude: []                     # subjects left out of both
    gallery: [d1-01, d1-02]         # whole conditions, or the leading word: d1 is d1-01, d1-02, ...
    probes:                         # the groups of rows in the table
      other walks: [d1]             # a gallery walk is never its own probe: here d1-03, d1-04, ...
      other clothes: [d3]
    views: [90, 270]                # degrees; or all: whatever the data set holds
    view_groups: {side: [90, 270]}  # views that count as one and the same
    identical_views: include        # the headline mean: exclude (default) or include probe view = gallery view
    probes_without_gallery: keep    # keep (default; such a probe is a miss) or drop
    leave_one_out: false            # true: gallery walks may be probes too, each against all the others
"""

import pathlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pydantic
import yaml

from tf3dlocal.evaluation.plain_yaml import read_plain_yaml
from tf3dlocal.evaluation.subject_ids import expand_subject_ids, shorten_list

_SHIPPED = pathlib.Path(__file__).parent / "protocols"


class ProtocolError(ValueError):
    """A protocol cannot be read, or does not fit the data set; the message says where and what to do."""


@dataclass(frozen=True)
class SubjectSplit:
    """The subjects of one data set under one protocol. `missing_*`: named by the protocol, absent from the data."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    missing_train: tuple[str, ...] = ()
    missing_test: tuple[str, ...] = ()


class _First(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)
    first: pydantic.PositiveInt


_Conditions = tuple[str, ...]


def _as_names(value):
    """An id such as 120 needs no quotes in the file; the reader leaves ids with leading zeros as text anyway."""
    if isinstance(value, (list, tuple)):
        return tuple(str(item) if isinstance(item, int) and not isinstance(item, bool) else item for item in value)
    return value


class Protocol(pydantic.BaseModel):
    """Who trains, who is tested, and which walks are gallery and probe; fields as in the head of this file.

    Example:
      >>> protocol = load_protocol("casia-b-st")
      >>> protocol.gallery, list(protocol.probes), protocol.views[:3]
      (('nm-01', 'nm-02', 'nm-03', 'nm-04'), ['NM', 'BG', 'CL'], (0, 18, 36))
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str = ""
    source: str = ""
    train: _First | Literal["none"] | tuple[str, ...] = "none"
    test: Literal["rest", "all"] | tuple[str, ...]
    exclude: tuple[str, ...] = ()
    gallery: _Conditions
    probes: dict[str, _Conditions]
    views: Literal["all"] | tuple[int, ...] = "all"
    view_groups: dict[str, tuple[int, ...]] = {}
    identical_views: Literal["exclude", "include"] = "exclude"
    probes_without_gallery: Literal["keep", "drop"] = "keep"
    leave_one_out: bool = False

    @pydantic.field_validator("train", "test", "exclude", "gallery", mode="before")
    @classmethod
    def _read_numbers_as_names(cls, value):
        return _as_names(value)

    @pydantic.field_validator("probes", mode="before")
    @classmethod
    def _read_numbers_in_groups_as_names(cls, value):
        return {str(key): _as_names(names) for key, names in value.items()} if isinstance(value, dict) else value

    @pydantic.field_validator("train", "test", "exclude", mode="after")
    @classmethod
    def _write_out_ranges(cls, value):
        return tuple(expand_subject_ids(value)) if isinstance(value, tuple) else value

    @pydantic.model_validator(mode="after")
    def _check_whole(self):
        if not self.gallery:
            raise ValueError("gallery is empty: name at least one condition")
        if not self.probes or not all(self.probes.values()):
            raise ValueError("probes needs at least one group, and each group at least one condition")
        if isinstance(self.train, tuple) and isinstance(self.test, tuple):
            both = sorted(set(self.train) & set(self.test) - set(self.exclude))
            if both:
                raise ValueError(f"subjects stand in train and in test: {shorten_list(both)}")
        grouped = [view for views in self.view_groups.values() for view in views]
        if len(grouped) != len(set(grouped)):
            raise ValueError("view_groups: a view stands in two groups")
        if self.views != "all" and set(grouped) - set(self.views):
            raise ValueError(f"view_groups: {sorted(set(grouped) - set(self.views))} do not stand in views")
        return self

    def split(self, subjects: Iterable[str]) -> SubjectSplit:
        """Who of a data set trains and who is tested; `subjects` are the ids that are present (repetition allowed).

        Raises:
          ProtocolError: `first` asks for more subjects than there are, or no test subject is present.
        """
        present = sorted({str(subject) for subject in subjects} - set(self.exclude))
        if isinstance(self.train, _First):
            if self.train.first > len(present):
                raise ProtocolError(
                    f"protocol '{self.name}' trains on the first {self.train.first} subjects, but the data set has "
                    f"{len(present)}; lower train: first in the protocol file"
                )
            named_train = present[: self.train.first]
        else:
            named_train = [] if self.train == "none" else [s for s in self.train if s not in self.exclude]
        if self.test == "rest":
            named_test = [subject for subject in present if subject not in set(named_train)]
        else:
            named_test = present if self.test == "all" else [s for s in self.test if s not in self.exclude]
        known = set(present)
        split = SubjectSplit(
            train=tuple(s for s in named_train if s in known),
            test=tuple(s for s in named_test if s in known),
            missing_train=tuple(s for s in named_train if s not in known),
            missing_test=tuple(s for s in named_test if s not in known),
        )
        if not split.test:
            wanted = shorten_list(named_test, 4) or "everybody who does not train"
            raise ProtocolError(
                f"protocol '{self.name}' tests {wanted}, but none of them is in the data set, which holds "
                f"{shorten_list(present, 4) or 'nobody'}; take a protocol made for this data set, for instance a file "
                "of your own with train: {first: n} and test: rest"
            )
        return split

    def for_subjects(self, subjects: Iterable[str]) -> "Protocol":
        """This protocol with other test subjects, for instance held-out training subjects; nobody trains in it."""
        update = {"name": f"{self.name} (subjects given)", "train": "none", "test": tuple(subjects), "exclude": ()}
        return self.model_copy(update=update)

    def view_labels(self, view_degrees) -> np.ndarray:
        """What each walk's view is called: the degrees, the name of its view group, or None outside the protocol.

        Args:
          view_degrees: int [walks], degrees.

        Returns: object array [walks] of int, str or None.
        """
        group_of = {view: name for name, views in self.view_groups.items() for view in views}
        known = None if self.views == "all" else set(self.views)
        labels = [
            None if known is not None and int(view) not in known else group_of.get(int(view), int(view))
            for view in view_degrees
        ]
        return np.array(labels + [None], dtype=object)[:-1]

    def ordered_view_labels(self, view_degrees) -> tuple[int | str, ...]:
        """The columns of the table: the protocol's views in its order, or with `all` those of the data by degrees."""
        views = sorted({int(view) for view in view_degrees}) if self.views == "all" else self.views
        return tuple(dict.fromkeys(label for label in self.view_labels(views) if label is not None))


def match_conditions(conditions, patterns: Iterable[str]) -> np.ndarray:
    """Which conditions a list of patterns names: bool [walks].

    A pattern is a whole condition or its leading word, as in the data station's `select`: "nm" names nm-01 and nm01
    but not nmx-01, "d1" not d10-01.

    Example:
      >>> match_conditions(["nm-01", "nm-02", "cl-01", "nmx-01"], ["nm", "cl-01"]).tolist()
      [True, True, True, False]
    """
    patterns = tuple(patterns)
    named = {name: any(_leads(pattern, name) for pattern in patterns) for name in {str(c) for c in conditions}}
    return np.array([named[str(condition)] for condition in conditions], bool)


def _leads(word: str, name: str) -> bool:
    if not word or not name.startswith(word):
        return False
    end, following = word[-1], name[len(word) : len(word) + 1]
    return not (following.isdigit() and end.isdigit() or following.isalpha() and end.isalpha())


def protocol_names() -> tuple[str, ...]:
    """The names of the protocols that come with the package."""
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.yaml")))


def load_protocol(name_or_path: "str | pathlib.Path | Protocol", exclude: Iterable[str] = ()) -> Protocol:
    """Read a protocol that comes with the package, by name, or a user's own file, by path.

    Args:
      name_or_path: one of `protocol_names()`, the path of a YAML file, or a Protocol (given back).
      exclude: subjects to leave out as well, for instance ["005"], which GaitSet and the authors' release drop.

    Raises:
      ProtocolError: no such protocol or file, not YAML, an unknown key or a wrong value; names the file and the key.

    Example:
      >>> load_protocol("casia-b-lt", exclude=["005"]).split(["004", "005", "075"]).train
      ('004',)
    """
    if isinstance(name_or_path, Protocol):
        protocol = name_or_path
    else:
        path = pathlib.Path(name_or_path)
        if str(name_or_path) in protocol_names():
            path = _SHIPPED / f"{name_or_path}.yaml"
        elif not path.is_file():
            raise ProtocolError(
                f"there is no protocol '{name_or_path}': give the path of a YAML file or one of "
                + ", ".join(protocol_names())
            )
        protocol = _read(path)
    if not (exclude := tuple(exclude)):
        return protocol
    return protocol.model_copy(update={"exclude": tuple(dict.fromkeys(protocol.exclude + exclude))})


def _read(path: pathlib.Path) -> Protocol:
    try:
        data = read_plain_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ProtocolError(f"{path} is not a YAML file: {error}") from error
    if not isinstance(data, dict):
        raise ProtocolError(f"{path} holds no keys; a protocol needs name, test, gallery and probes")
    try:
        return Protocol(**{str(key): value for key, value in data.items()})
    except pydantic.ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or 'protocol'}: {e['msg']}" for e in error.errors()]
        raise ProtocolError(
            f"{path} is not a protocol:\n" + "\n".join(lines) + f"\nknown keys: {', '.join(Protocol.model_fields)}"
        ) from error
