"""What a protocol says: training and test subjects, gallery, probes and views.

A protocol is one small YAML file. The published ones are in the folder `evaluation/protocols` of this package; any
other file is given by its path. `protocol_template()` is a commented file, `protocol_reference()` a table of the keys.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pydantic

from tf3dlocal.evaluation.protocol.subject_ids import expand_subject_ids, shorten_list
from tf3dlocal.io.types import Tensor


class ProtocolError(ValueError):
    """Error of a protocol that cannot be read or does not fit the data set."""


@dataclass(frozen=True, kw_only=True)
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


_Name = pydantic.constr(min_length=1, pattern=r"^[^\x00-\x1f\x7f]*$")
_Names = tuple[_Name, ...]


def _key(meaning: str, *, written: str, example: str, default: Any = ...) -> Any:
    """Describe a key for the reference page, the template and the error messages.

    `written` is the kind of value in words, `example` a value as in YAML.
    """
    return pydantic.Field(default, description=meaning, json_schema_extra={"written": written, "example": example})


class Protocol(pydantic.BaseModel):
    """Evaluation protocol; `protocol_reference()` describes its fields.

    Example:
        >>> from tf3dlocal.evaluation import load_protocol
        >>> protocol = load_protocol("casia-b-st")
        >>> protocol.gallery, list(protocol.probes), protocol.views[:3]
        (('nm-01', 'nm-02', 'nm-03', 'nm-04'), ['NM', 'BG', 'CL'], (0, 18, 36))
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    name: _Name = _key("Name of the protocol in reports.", written="text", example="my-protocol")
    title: str = _key("One line that describes it, for reports.", written="text", example='""', default="")
    source: str = _key("Where it was published.", written="text", example='""', default="")
    train: _First | Literal["none"] | _Names = _key(
        "Training subjects: ids and ranges of ids, or the first n ids of the data set. Ids are texts, named as the "
        "folders are: 005 is not 5. A range may have gaps; an id that is written out must exist.",
        written="list of ids and ranges such as [001..024, 030], {first: 20}, or none",
        example="{first: 20}",
        default="none",
    )
    test: Literal["rest", "all"] | _Names = _key(
        "Test subjects: ids and ranges, rest (all that do not train), or all.",
        written="list of ids and ranges such as [025..124], rest, or all",
        example="rest",
    )
    exclude: _Names = _key(
        "Subjects that neither train nor are tested. Nobody else changes sides: {first: 20} counts them too.",
        written="list of ids and ranges such as [005]",
        example="[]",
        default=(),
    )
    gallery: _Names = _key(
        "Conditions of the walks whose subject is known: whole conditions, or their leading word (nm is nm-01, nm-02, "
        "...).",
        written="list of conditions such as [nm-01, nm-02]",
        example="[nm-01, nm-02, nm-03, nm-04]",
    )
    probes: dict[_Name, _Names] = _key(
        "Conditions of the walks to identify, by probe group; the groups are the rows of the table. A gallery walk is "
        "no probe.",
        written="group: list of conditions, such as {NM: [nm-05, nm-06], CL: [cl]}",
        example="{NM: [nm-05, nm-06], CL: [cl]}",
    )
    views: Literal["all"] | tuple[int, ...] = _key(
        "Views in degrees, in the order of the table, or all views of the data set.",
        written="list of degrees such as [0, 90], or all",
        example="all",
        default="all",
    )
    view_groups: dict[_Name, tuple[int, ...]] = _key(
        "Views that count as one view.",
        written="name: list of degrees, such as {side: [90, 270]}",
        example="{}",
        default={},
    )
    identical_views: Literal["exclude", "include"] = _key(
        "Whether the reported mean includes the gallery view that is the probe's own.",
        written="exclude or include",
        example="exclude",
        default="exclude",
    )
    probes_without_gallery: Literal["keep", "drop"] = _key(
        "What a probe is in a gallery view where its subject has no walk: a miss (keep), or not counted (drop).",
        written="keep or drop",
        example="keep",
        default="keep",
    )
    leave_one_out: bool = _key(
        "Whether gallery walks may also be probes, each against all other walks.",
        written="true or false",
        example="false",
        default=False,
    )
    _names_are_checked: bool = pydantic.PrivateAttr(default=False)

    @pydantic.field_validator("train", "test", "exclude", "gallery", mode="before")
    @classmethod
    def _read_numbers_as_names(cls, value):
        return _as_names(value)

    @pydantic.field_validator("probes", mode="before")
    @classmethod
    def _read_numbers_in_groups_as_names(cls, value):
        return {str(key): _as_names(names) for key, names in value.items()} if isinstance(value, dict) else value

    @pydantic.field_validator("views", "view_groups", mode="before")
    @classmethod
    def _refuse_truth_values(cls, value):
        lists = value.values() if isinstance(value, dict) else [value]
        if any(isinstance(item, bool) for views in lists if isinstance(views, list | tuple) for item in views):
            raise ValueError("a view is a number of degrees")
        return value

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
        for key, names in {"gallery": self.gallery, **{f"probes.{k}": v for k, v in self.probes.items()}}.items():
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{key} names {shorten_list(twice)} twice. Write each condition once.")
            both = sorted(set(self.gallery) & set(names)) if names is not self.gallery else []
            if both and not self.leave_one_out:
                raise ValueError(
                    f"{shorten_list(both)} is in gallery and in {key}, and a gallery walk is no probe. Remove it from "
                    "one, or write leave_one_out: true."
                )
        if self.test == () or self.views == ():
            raise ValueError("test and views must name at least one. Write all for all of the data set.")
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

    def check(self, *, subjects: Iterable[str], conditions: Iterable[str], view_degrees: Iterable[int]) -> None:
        """Raise an error if a name of the protocol matches nothing in a whole data set.

        Every id, condition and view must match; a range of ids may have gaps. A key with the value of a published
        protocol may name what a part of its data set lacks, unless the data set has it in another notation ("nm1" and
        "nm-01", "5" and "005").

        Args:
            subjects: Those of all walks.
            conditions: Those of all walks.
            view_degrees: Those of all walks.

        Raises:
            ProtocolError: Names match nothing. All of them are listed, with near ones.
        """
        from tf3dlocal.evaluation.protocol.fit import check_subjects, check_walks

        if not self._names_are_checked:
            check_subjects(self, present=subjects, also=check_walks(self, conditions=conditions, views=view_degrees))

    def split(self, subjects: Iterable[str], *, needs_test: bool = True) -> SubjectSplit:
        """Split the subjects of a data set into training and test subjects.

        `first` counts all subjects, and those of `exclude` are taken out afterwards, so that no other subject changes
        sides.

        Args:
            subjects: Ids that are present in the whole data set; repetitions are allowed.
            needs_test: Whether a data set without any test subject is refused.

        Raises:
            ProtocolError: If ids match nobody (see `check`), `first` requires more subjects than there are, or no test
                subject is present although needs_test is true.
        """
        from tf3dlocal.evaluation.protocol.fit import check_subjects

        everybody = sorted({str(subject) for subject in subjects})
        if not self._names_are_checked:
            check_subjects(self, present=everybody)
        if isinstance(self.train, _First):
            if self.train.first > len(everybody):
                raise ProtocolError(
                    f"Protocol {self.name!r} trains on the first {self.train.first} subjects, but the data set has "
                    f"{len(everybody)}. Lower train: first in the protocol file."
                )
            named_train = everybody[: self.train.first]
        else:
            named_train = [] if self.train == "none" else self.train
        if self.test == "rest":
            trained = set(named_train)
            named_test = [subject for subject in everybody if subject not in trained]
        else:
            named_test = everybody if self.test == "all" else self.test
        known, excluded = set(everybody), set(self.exclude)
        named_train, named_test = ([s for s in named if s not in excluded] for named in (named_train, named_test))
        split = SubjectSplit(
            train=tuple(s for s in named_train if s in known),
            test=tuple(s for s in named_test if s in known),
            missing_train=tuple(s for s in named_train if s not in known),
            missing_test=tuple(s for s in named_test if s not in known),
        )
        if needs_test and not split.test:
            expected = shorten_list(named_test, most=4) or "all subjects that are not trained on"
            raise ProtocolError(
                f"Protocol {self.name!r} tests {expected}, but none of them is in the data set, which has "
                f"{shorten_list(everybody, most=4) or 'no subjects'}. Use a protocol made for this data set, for "
                "instance a file with train: {first: n} and test: rest."
            )
        return split

    def for_subjects(self, subjects: Iterable[str]) -> "Protocol":
        """Copy the protocol for other test subjects, such as held-out training subjects; no subject trains in it.

        They are a part of a data set that was checked as a whole, so the copy's names are not checked again.
        """
        update = {
            "name": f"{self.name} (given subjects)",
            "train": "none",
            "test": tuple(map(str, subjects)),
            "exclude": (),
        }
        return self.model_copy(update=update)._with_names_checked()

    def _with_names_checked(self):
        self._names_are_checked = True
        return self

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


def _as_names(value):
    """Turn numbers into text: an id such as 120 needs no quotes in the file (001 is text in any case)."""
    if isinstance(value, (list, tuple)):
        return tuple(str(item) if isinstance(item, int) and not isinstance(item, bool) else item for item in value)
    return value
