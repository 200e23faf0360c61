"""From a model and a data set to the table: one call."""

import dataclasses
import importlib.metadata
import platform

import numpy as np

from tf3dlocal.evaluation.cross_view import check_roles, cross_view
from tf3dlocal.evaluation.cross_view_result import CrossViewResult
from tf3dlocal.evaluation.distances import check_distance
from tf3dlocal.evaluation.embedding import embed_walks
from tf3dlocal.evaluation.protocol import Protocol, load_protocol, match_conditions


def evaluate(
    model,
    walks,
    protocol: Protocol | str,
    distance: str = "part_mean",
    max_rank: int = 5,
    probes_without_gallery: str | None = None,
    min_frames: int = 1,
    batch_size: int = 8,
    seed: int | None = None,
    details: dict | None = None,
    progress: bool = True,
) -> CrossViewResult:
    """Embed the test walks of a data set and identify every probe across views.

    Args:
      model: what `embed_walks` takes.
      walks: a WalkDataset, or anything with the columns `subjects`, `conditions`, `view_degrees` and `num_frames`
        and with `read(i)`. Walks outside the test are not read.
      protocol: a Protocol, a name ("casia-b-st", "casia-b-mt", "casia-b-lt", "ou-mvlp") or the path of a YAML file.
      distance: "part_mean" or "flattened".
      max_rank: rank-1 to rank-k are counted.
      probes_without_gallery: "keep" or "drop"; default: the protocol's choice.
      min_frames: shorter walks are left out, and counted in the result's notices. The published protocol keeps all.
      batch_size: walks in a batch at most.
      seed: named in the reports: the seed the model was trained with.
      details: further facts for the reports, for instance {"model": "runs/one", "config": "..."}.
      progress: show a progress bar.

    Returns: CrossViewResult.

    Raises:
      ProtocolError: the protocol cannot be read or the data set lacks test subjects, gallery or probes.
      ValueError: see `embed_walks` and `cross_view`.

    Example:
      >>> result = evaluate(model, open_walks("prepared"), "casia-b-st")  # doctest: +SKIP
      >>> print(markdown_report(result))  # doctest: +SKIP
    """
    protocol = load_protocol(protocol)
    check_distance(distance)
    split = protocol.split(walks.subjects)
    rows, num_short = _test_rows(walks, protocol, split.test, min_frames)
    facts = {"data": getattr(walks, "name", None), "seed": seed, "versions": library_versions(), **(details or {})}
    columns = [np.asarray(getattr(walks, name))[rows] for name in ("subjects", "conditions", "view_degrees")]
    settings = {"distance": distance, "max_rank": max_rank, "probes_without_gallery": probes_without_gallery}
    check_roles(*columns, protocol, split=split)  # before the long part
    embeddings = embed_walks(model, _Rows(walks, rows), batch_size=batch_size, progress=progress)
    result = cross_view(embeddings, *columns, protocol, split=split, details=facts, progress=progress, **settings)
    if num_short:
        notice = f"{num_short} test walks of fewer than {min_frames} frames were left out; the protocol keeps them."
        result = dataclasses.replace(result, notices=(*result.notices, notice))
    return result


class _Rows:
    """Some walks of a data set, for reading."""

    def __init__(self, walks, rows):
        self.num_frames = np.asarray(walks.num_frames)[rows]
        self._walks, self._rows = walks, rows

    def read(self, i):
        return self._walks.read(int(self._rows[i]))


def _test_rows(walks, protocol, test_subjects, min_frames):
    """Numbers of the walks that take part, and how many would have but are too short."""
    conditions = [*protocol.gallery, *(name for names in protocol.probes.values() for name in names)]
    part = np.isin(walks.subjects, test_subjects) & match_conditions(walks.conditions, conditions)
    part &= np.array([label is not None for label in protocol.view_labels(walks.view_degrees)], bool)
    long_enough = np.asarray(walks.num_frames) >= min_frames
    return np.flatnonzero(part & long_enough), int((part & ~long_enough).sum())


def library_versions() -> dict[str, str]:
    """Versions of what a number depends on, without importing it.

    Example:
      >>> sorted(library_versions())
      ['keras', 'numpy', 'python', 'tensorflow', 'tf3dlocal']
    """
    versions = {"python": platform.python_version()}
    for package in ("tf3dlocal", "tensorflow", "keras", "numpy"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions
