"""What the figures and tables are made from: a run's model, its test subjects, and walks of a data set."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from tf3dlocal.config import ConfigError
from tf3dlocal.data import WalkDataset, open_walks
from tf3dlocal.evaluation import Protocol, ProtocolError, load_protocol, match_conditions
from tf3dlocal.io import check_names
from tf3dlocal.io.types import PathLike
from tf3dlocal.layers import LocalPath
from tf3dlocal.load_model import load_model
from tf3dlocal.models import part_geometry
from tf3dlocal.training import config_of_run

SPOKEN = {"three_d_local": "3DLocal", "gaitset": "GaitSet", "gaitpart": "GaitPart", "gln": "GLN", "mt3d": "MT3D"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """A run folder or a .keras file.

    Attributes:
        path: As the user wrote it.
        config: Of the run, as plain dicts; None for a file that is of no run.
    """

    path: pathlib.Path
    config: dict[str, Any] | None

    @classmethod
    def of(cls, path: PathLike) -> "Source":
        """Open a run folder or a .keras file."""
        path = pathlib.Path(path)
        return cls(path=path, config=config_of_run(path))

    @property
    def name(self) -> str:
        """Name of the folder or file."""
        return self.path.resolve().stem if self.path.suffix == ".keras" else self.path.resolve().name

    @property
    def method(self) -> str:
        """The network's name as papers write it, or the name of the run if it is not known."""
        return SPOKEN.get((self.config or {}).get("model", {}).get("name"), self.name)

    @contextlib.contextmanager
    def named_in_errors(self) -> Iterator[None]:
        """Begin the message of a ValueError of the block with the path: a figure may be of several models."""
        try:
            yield
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from error

    def geometry(self, model: keras.Model, *, silhouettes: np.ndarray) -> dict[str, Any]:
        """Locate the parts of a walk with the model of this source; see `tf3dlocal.models.part_geometry`."""
        with self.named_in_errors():
            return part_geometry(model, silhouettes=silhouettes)

    def model(self) -> keras.Model:
        """Load the model."""
        return load_model(self.path, keras_only=True)

    def model_with_parts(self) -> keras.Model:
        """Load the model.

        Raises:
            ValueError: It has no local paths.
        """
        model = self.model()
        if not any(isinstance(layer, LocalPath) for layer in model.layers):
            raise ValueError(
                f"The model of {self.path} has no local paths, so it locates no parts. Give a run of 3DLocal whose "
                "model.arguments.local_blocks is not empty."
            )
        return model

    def walks(self, data: PathLike | None) -> WalkDataset:
        """Open a data set: the given one, or that of the run's config.

        Raises:
            ValueError: Neither is given.
        """
        folder = data or ((self.config or {}).get("data") or {}).get("folder")
        if folder is None:
            raise ValueError(f"The config of {self.path} names no data set. Give its folder with --data DIR.")
        return open_walks(folder)

    def protocol(self) -> Protocol | None:
        """Load the protocol of the training; None if it is not known, or its file is not where it was."""
        if self.config is None:
            return None
        data = self.config["data"]
        try:
            return load_protocol(data["protocol"], exclude=data["exclude_subjects"])
        except (ProtocolError, ConfigError, OSError):
            return None

    def test_subjects(self, walks: WalkDataset) -> list[str]:
        """Return the subjects of a data set that the training has not seen; all of them if that is not known.

        They are the test subjects of its protocol, or, if none of these is there, those who did not train.
        """
        protocol, names = self.protocol(), walks.subject_names
        try:
            split = None if protocol is None else protocol.split(names, needs_test=False)
        except (ProtocolError, ConfigError):  # of another data set
            split = None
        if split is None:
            return names
        return [name for name in names if name in split.test] or [name for name in names if name not in split.train]


def choose_walk(
    source: Source, *, walks: WalkDataset, views: Sequence[int], subject: str | None, condition: str | None
) -> WalkDataset:
    """Choose one subject in one condition, seen from all of the views: by default the first test subject, in gallery.

    Args:
        source: The run.
        walks: The data set.
        views: In degrees.
        subject: Only this one.
        condition: Only this one, such as "nm-01".

    Returns:
        One walk per view, in the order of the views.

    Raises:
        ValueError: A name or view occurs in no walk, or nobody has walks from all of the views.
    """
    check_names(list(views), known=np.unique(walks.view_degrees).tolist(), what="view", where="--views")
    candidates = walks.select(subjects=subject, conditions=condition, views=views)
    tested, protocol = set(source.test_subjects(walks)), source.protocol()
    gallery = protocol.gallery if protocol else ()

    def order(pair):
        return pair[0] not in tested, not match_conditions([pair[1]], patterns=gallery).any(), pair

    pairs = sorted(set(zip(candidates.subjects.tolist(), candidates.conditions.tolist(), strict=True)), key=order)
    for who, how in pairs:
        rows = np.flatnonzero((candidates.subjects == who) & (candidates.conditions == how))
        found = {int(candidates.view_degrees[row]): row for row in rows}
        if len(found) == len(set(views)):
            return candidates.take([found[view] for view in views])
    wanted = ", ".join(map(str, views))
    raise ValueError(
        f"Nobody in {walks.name!r} has walks of one condition from all of the views {wanted}. Give fewer --views, or "
        "another --subject or --condition."
    )


def silhouettes_of(walks: WalkDataset, row: int, *, model: keras.Model) -> np.ndarray:
    """Read a walk as uint8 [frames, height, width], with equal margins cut to the model's width.

    Raises:
        ValueError: The silhouettes are not as high as the model expects, or narrower.
    """
    silhouettes, (height, width) = walks.read(row).silhouettes, model.input_shape[2:4]
    margin = (silhouettes.shape[2] - width) // 2
    if silhouettes.shape[1] != height or margin < 0:
        raise ValueError(
            f"The model takes silhouettes of {height} x {width}, and those of {walks.name!r} have "
            f"{silhouettes.shape[1]} x {silhouettes.shape[2]}. Prepare the data set at size {height}."
        )
    return silhouettes[..., margin : margin + width]


def described(walks: WalkDataset, row: int = 0) -> str:
    """Return subject, condition and data set of a walk, for titles."""
    return f"{walks.subjects[row]}/{walks.conditions[row]} of {walks.name}"
