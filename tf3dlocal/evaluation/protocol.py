"""An evaluation protocol as data: training and test subjects, gallery, probes and views.

A protocol is one small YAML file. The published ones are in the folder `protocols/` of this package; any other file is
given by its path.

    name: my-side-view
    train: {first: 20}              # the first 20 ids of the data set; or [001..024, 030], or none
    test: rest                      # all other subjects; or a list of ids and ranges, or all
    exclude: []                     # subjects that are neither trained on nor tested
    gallery: [d1-01, d1-02]         # whole conditions, or a leading word: d1 is d1-01, d1-02, ...
    probes:                         # the probe groups, which are the rows of the table
      other walks: [d1]             # a gallery walk is never its own probe: here d1-03, d1-04, ...
      other clothes: [d3]
    views: [90, 270]                # degrees; or all: every view of the data set
    view_groups: {side: [90, 270]}  # views that count as one view
    identical_views: include        # the reported mean excludes (default) or includes gallery view = probe view
    probes_without_gallery: keep    # keep (default): such a probe is a miss; drop: it is not counted
    leave_one_out: false            # true: gallery walks may also be probes, each against all other walks
"""

import pathlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pydantic

from tf3dlocal.evaluation.subject_ids import expand_subject_ids, shorten_list
from tf3dlocal.io import YamlError, read_yaml_file
from tf3dlocal.io.types import PathLike, Tensor

_SHIPPED = pathlib.Path(__file__).parent / "protocols"


class ProtocolError(ValueError):
    """Error of a protocol that cannot be read or does not fit the data set."""


@dataclass(frozen=True)
class SubjectSplit:
    """Subjects of one data set under one protocol.

    `missing_train` and `missing_test` are named by the protocol and absent from the data set.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    missing_train: tuple[str, ...] = ()
    missing_test: tuple[str, ...] = ()


class _First(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)
    first: pydantic.PositiveInt


_Conditions = tuple[str, ...]


def _as_names(value):
    """Turn numbers into text: an id such as 120 needs no quotes in the file (001 is text in any case)."""
    if isinstance(value, (list, tuple)):
        return tuple(str(item) if isinstance(item, int) and not isinstance(item, bool) else item for item in value)
    return value


class Protocol(pydantic.BaseModel):
    """Evaluation protocol; the docstring of this module describes its fields.

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
    def _expand_ranges(cls, value):
        return tuple(expand_subject_ids(value)) if isinstance(value, tuple) else value

    @pydantic.model_validator(mode="after")
    def _check_fields_together(self):
        if not self.gallery:
            raise ValueError("gallery is empty. Name at least one condition.")
        if not self.probes or not all(self.probes.values()):
            raise ValueError("probes needs at least one group, and each group at least one condition.")
        if isinstance(self.train, tuple) and isinstance(self.test, tuple):
            both = sorted(set(self.train) & set(self.test) - set(self.exclude))
            if both:
                raise ValueError(f"Subjects are both in train and in test: {shorten_list(both)}. Remove them from one.")
        grouped = [view for views in self.view_groups.values() for view in views]
        if len(grouped) != len(set(grouped)):
            raise ValueError("view_groups: a view is in two groups. Keep it in one.")
        if self.views != "all" and set(grouped) - set(self.views):
            unknown = sorted(set(grouped) - set(self.views))
            raise ValueError(f"view_groups: the views {unknown} are not in views. Add them there.")
        return self

    @property
    def conditions(self) -> tuple[str, ...]:
        """All conditions that the protocol names, of the gallery and of the probes."""
        return tuple(dict.fromkeys(name for names in (self.gallery, *self.probes.values()) for name in names))

    def split(self, subjects: Iterable[str]) -> SubjectSplit:
        """Split the subjects of a data set into training and test subjects.

        Args:
            subjects: Ids that are present; repetitions are allowed.

        Raises:
            ProtocolError: If `first` requires more subjects than there are, or no test subject is present.
        """
        present = sorted({str(subject) for subject in subjects} - set(self.exclude))
        if isinstance(self.train, _First):
            if self.train.first > len(present):
                raise ProtocolError(
                    f"Protocol {self.name!r} trains on the first {self.train.first} subjects, but the data set has "
                    f"{len(present)}. Lower train: first in the protocol file."
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
            expected = shorten_list(named_test, most=4) or "all subjects that are not trained on"
            raise ProtocolError(
                f"Protocol {self.name!r} tests {expected}, but none of them is in the data set, which has "
                f"{shorten_list(present, most=4) or 'no subjects'}. Use a protocol made for this data set, for "
                "instance a file with train: {first: n} and test: rest."
            )
        return split

    def for_subjects(self, subjects: Iterable[str]) -> "Protocol":
        """Copy the protocol for other test subjects, such as held-out training subjects; no subject trains in it."""
        update = {"name": f"{self.name} (given subjects)", "train": "none", "test": tuple(subjects), "exclude": ()}
        return self.model_copy(update=update)

    def view_labels(self, view_degrees: Tensor) -> np.ndarray:
        """Name the view of each walk: its degrees, its view group, or None outside the protocol.

        Args:
            view_degrees: int [walks], degrees.

        Returns:
            object [walks] of int, str or None.
        """
        group_of = {view: name for name, views in self.view_groups.items() for view in views}
        known = None if self.views == "all" else set(self.views)
        labels = [
            None if known is not None and int(view) not in known else group_of.get(int(view), int(view))
            for view in view_degrees
        ]
        return np.array(labels + [None], dtype=object)[:-1]

    def ordered_view_labels(self, view_degrees: Tensor) -> tuple[int | str, ...]:
        """List the columns of the table: the protocol's views in its order, or the data's in ascending degrees."""
        views = sorted({int(view) for view in view_degrees}) if self.views == "all" else self.views
        return tuple(dict.fromkeys(label for label in self.view_labels(views) if label is not None))


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
    if isinstance(name_or_path, Protocol):
        protocol = name_or_path
    else:
        path = pathlib.Path(name_or_path)
        if str(name_or_path) in protocol_names():
            path = _SHIPPED / f"{name_or_path}.yaml"
        elif not path.is_file():
            raise ProtocolError(
                f"There is no protocol {str(name_or_path)!r}. Give the path of a YAML file or one of "
                f"{', '.join(protocol_names())}."
            )
        protocol = _read(path)
    if not (exclude := tuple(exclude)):
        return protocol
    return protocol.model_copy(update={"exclude": tuple(dict.fromkeys(protocol.exclude + exclude))})


def _read(path: pathlib.Path) -> Protocol:
    try:
        document = read_yaml_file(path)
    except YamlError as error:
        raise ProtocolError(str(error)) from error
    if not isinstance(document.values, dict):
        raise ProtocolError(f"{path} has no keys. A protocol needs name, test, gallery and probes.")
    try:
        return Protocol(**{str(key): value for key, value in document.values.items()})
    except pydantic.ValidationError as error:
        lines = []
        for fault in error.errors():
            key = ".".join(map(str, fault["loc"]))
            lines.append(f"  {document.where(key)}: {key or 'protocol'}: {fault['msg']}")
        raise ProtocolError(
            f"{path} is not a protocol:\n" + "\n".join(lines) + f"\nKnown keys: {', '.join(Protocol.model_fields)}."
        ) from error
