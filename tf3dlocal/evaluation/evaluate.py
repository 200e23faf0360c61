"""Evaluation in one call: from a model and a data set to rank-k."""

import dataclasses
import functools
import importlib.metadata
import platform
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import tf3dlocal
from tf3dlocal.evaluation.cross_view import check_settings, identify_probes
from tf3dlocal.evaluation.cross_view_result import CrossViewResult
from tf3dlocal.evaluation.embedding import embed_walks, name_of_walk
from tf3dlocal.evaluation.model_precision import choose_model
from tf3dlocal.evaluation.protocol import Protocol, load_protocol, shorten_list
from tf3dlocal.evaluation.roles import as_degrees, assign_roles, match_conditions
from tf3dlocal.io.types import PathLike


def evaluate(
    model: Any,
    *,
    walks: Any,
    protocol: Protocol | PathLike,
    distance: str = "part_mean",
    max_rank: int = 5,
    probes_without_gallery: str | None = None,
    min_frames: int = 1,
    batch_size: int = 8,
    width: int | None = None,
    precision: str | None = None,
    method: str = "this run",
    seed: int | None = None,
    step: int | None = None,
    trained_subjects: Iterable[str] = (),
    details: dict | None = None,
    comparisons: bool = False,
    progress: bool = True,
) -> CrossViewResult:
    """Embed the test walks of a data set and identify every probe across views.

    Args:
        model: As for `embed_walks`.
        walks: A WalkDataset, or any object with the columns `subjects`, `conditions`, `view_degrees` and `num_frames`
            and with `read(i)`. Walks outside the test are not read.
        protocol: Protocol, a name ("casia-b-st", "casia-b-mt", "casia-b-lt", "ou-mvlp") or the path of a YAML file.
        distance: "part_mean" or "flattened".
        max_rank: Rank-1 to rank-k are counted.
        probes_without_gallery: "keep" or "drop". Default: the protocol's choice.
        min_frames: Shorter walks are not used, and counted in the notices. The published protocols use all walks.
        batch_size: Largest number of walks in a batch.
        width: Columns that the model takes, if it is a function; see `embed_walks`.
        precision: "float32" or "mixed_bfloat16", in which a Keras model computes; "auto": the one that is fast here.
            Default: as it was trained.
        method: Name of the model, for the rows of the reports.
        seed: Random seed of the training, for the reports.
        step: Training step of the model, for the reports.
        trained_subjects: Subjects that the model was trained on; a notice names those that are tested here.
        details: Further facts for the reports, for instance {"model": "runs/one"}.
        comparisons: Also keep the answer to each probe, and compute verification and open-set rates; `write_details`
            writes them.
        progress: Show a progress bar.

    Returns:
        CrossViewResult.

    Raises:
        ProtocolError: If the protocol cannot be read or the data set lacks test subjects, gallery or probes.
        ValueError: See `embed_walks` and `cross_view`; or a precision for a model that is no Keras model.

    Example:
        >>> result = evaluate(model, walks=open_walks("prepared"), protocol="casia-b-st")  # doctest: +SKIP
        >>> print(markdown_report(result))  # doctest: +SKIP
    """
    model, precision, chosen = choose_model(model, precision=precision)
    result = evaluate_embeddings(
        functools.partial(embed_walks, model, batch_size=batch_size, width=width),
        walks=walks,
        protocol=protocol,
        distance=distance,
        max_rank=max_rank,
        probes_without_gallery=probes_without_gallery,
        min_frames=min_frames,
        method=method,
        trained_subjects=trained_subjects,
        details={"seed": seed, "step": step, "precision": precision, **(details or {})},
        comparisons=comparisons,
        progress=progress,
    )
    return dataclasses.replace(result, notices=(*result.notices, chosen)) if chosen else result


def evaluate_embeddings(
    embed: Callable[..., np.ndarray],
    *,
    walks: Any,
    protocol: Protocol | PathLike,
    min_frames: int,
    details: dict,
    progress: bool,
    distance: str = "part_mean",
    max_rank: int = 5,
    probes_without_gallery: str | None = None,
    trained_subjects: Iterable[str] = (),
    **settings: Any,
) -> CrossViewResult:
    """Evaluate embeddings of any kind; `evaluate` describes the other arguments.

    `embed` is a function of the keywords `walks`, an object with `num_frames` and `read(i)`, and `progress`. It returns
    the embeddings of the walks.
    """
    settings |= {"distance": distance, "max_rank": max_rank, "probes_without_gallery": probes_without_gallery}
    check_settings(distance=distance, max_rank=max_rank, probes_without_gallery=probes_without_gallery)
    protocol = load_protocol(protocol)
    protocol.check(subjects=walks.subjects, conditions=walks.conditions, view_degrees=as_degrees(walks.view_degrees))
    split = protocol.split(walks.subjects)  # of the whole data set, once: the walks left below have fewer subjects
    rows, short = _test_rows(walks, protocol=protocol, test_subjects=split.test, min_frames=min_frames)
    columns = {name: np.asarray(getattr(walks, name))[rows] for name in ("subjects", "conditions", "view_degrees")}
    roles = assign_roles(protocol, **columns, split=split)
    roles.check()  # before the embedding, which takes most of the time
    embeddings = embed(walks=_Rows(walks, rows), progress=progress)
    facts = {"data": getattr(walks, "name", None), "versions": library_versions(), **details}
    result = identify_probes(embeddings, roles=roles, details=facts, progress=progress, **settings)
    notices = list(result.notices)
    if len(short):
        notices.append(
            f"{len(short)} test walks of fewer than {min_frames} frames are not used; the protocol uses them: "
            f"{shorten_list(name_of_walk(walks, row) for row in short)}."
        )
    if known := sorted(set(map(str, trained_subjects)) & set(split.test)):
        notices.append(
            f"The model was trained on {len(known)} of the {len(split.test)} test subjects: {shorten_list(known)}. Its "
            "score is not one of identifying strangers. Test by the protocol that it was trained by."
        )
    return dataclasses.replace(result, notices=tuple(notices))


class _Rows:
    """Selected rows of a data set, for reading."""

    def __init__(self, walks, rows):
        self.num_frames = np.asarray(walks.num_frames)[rows]
        for name in ("subjects", "conditions", "view_degrees"):
            setattr(self, name, np.asarray(getattr(walks, name))[rows])
        self._walks, self._rows = walks, rows

    def read(self, i):
        return self._walks.read(int(self._rows[i]))


def _test_rows(walks, *, protocol, test_subjects, min_frames) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the walks that take part, and of those that are too short."""
    part = np.isin(walks.subjects, test_subjects) & match_conditions(walks.conditions, patterns=protocol.conditions)
    part &= np.array([label is not None for label in protocol.view_labels(walks.view_degrees)], bool)
    long_enough = np.asarray(walks.num_frames) >= min_frames
    return np.flatnonzero(part & long_enough), np.flatnonzero(part & ~long_enough)


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that a score depends on, without importing them.

    Example:
        >>> sorted(library_versions())
        ['keras', 'numpy', 'python', 'tensorflow', 'tf3dlocal']
    """
    # Its own version is that of the code: the installed metadata of a checkout may be older.
    versions = {"python": platform.python_version(), "tf3dlocal": tf3dlocal.__version__}
    for package in ("tensorflow", "keras", "numpy"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions
