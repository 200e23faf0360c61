"""The rows of the result table, ours and the published ones, before anybody formats them."""

from dataclasses import dataclass

import numpy as np

from tf3dlocal.evaluation.cross_view_result import CrossViewResult
from tf3dlocal.evaluation.published import published_names, published_table
from tf3dlocal.evaluation.subject_ids import shorten_list


@dataclass(frozen=True)
class TableRow:
    """One row: rank-k in per cent per probe view and its mean. `recomputed_mean`: set where a published mean is off;
    `source`: where a published row stands, empty for ours."""

    group: str
    method: str
    values: tuple[float, ...]
    mean: float
    recomputed_mean: float | None = None
    source: str = ""

    @property
    def ours(self) -> bool:
        return not self.source


def rank_rows(
    result: CrossViewResult,
    method: str = "this run",
    rank: int = 1,
    identical_views: str | None = None,
    published: bool = False,
) -> list[TableRow]:
    """The rows of a table laid out as Table 2 of the paper's supplement: by groups, a value per probe view, a mean.

    Args:
      result: what `cross_view` or `evaluate` gave.
      method: the name of our row.
      rank: k of rank-k. identical_views: "exclude", "include" or "only"; default: the protocol's choice.
      published: put the published rows of the same protocol before ours. Only for rank 1 with identical views excluded,
        which is what was published.

    Returns: list of TableRow.

    Raises:
      ValueError: `published` is asked for and the protocol has no published table, or for another rank or mean.
    """
    identical_views = identical_views or result.protocol.identical_views
    if published:
        if result.protocol.name not in published_names():
            raise ValueError(
                f"nothing is published for protocol '{result.protocol.name}'; there are tables for "
                + ", ".join(published_names())
            )
        if rank != 1 or identical_views != "exclude":
            raise ValueError("the published tables are rank-1 with identical views excluded; ask for the same")
    values = result.by_probe_view(rank, identical_views)
    means = result.mean(rank, identical_views)
    rows = []
    for number, group in enumerate(result.groups):
        if published:
            rows += _published_rows(result, group)
        rows.append(TableRow(group, method, tuple(map(float, values[number])), float(means[number])))
    return rows


def _published_rows(result, group):
    table = published_table(result.protocol.name)
    for row in table.of_group(group, result.probes_without_gallery):
        known = dict(zip(table.views, row.values))
        yield TableRow(
            group,
            row.label,
            tuple(known.get(view, np.nan) for view in result.views),
            row.printed_mean,
            row.recomputed_mean if row.mean_is_off else None,
            source=row.source,
        )


def facts(result: CrossViewResult) -> dict[str, str]:
    """What must stand beside every number: protocol, distance, counts, rules, versions; name -> text."""
    protocol, split = result.protocol, result.split
    num_named = len(split.test) + len(split.missing_test)
    subjects = f"{len(split.test)} tested"
    if split.missing_test:
        subjects += f" of {num_named} (missing: {shorten_list(split.missing_test)})"
    probes = ", ".join(f"{group} {count}" for group, count in zip(result.groups, result.num_probes.sum(axis=1)))
    num_pairs = int(result.num_without_gallery[:, :, result.num_gallery > 0].sum())
    verb = "counted as misses" if result.probes_without_gallery == "keep" else "left out"
    texts = {
        "protocol": f"{protocol.name}" + (f" ({protocol.title})" if protocol.title else ""),
        "distance": result.distance,
        "identical views": f"{protocol.identical_views}d"
        + "; mean over gallery views, then over probe views, not rounded",
        "subjects": subjects,
        "gallery walks": f"{int(result.num_gallery.sum())} ({', '.join(protocol.gallery)})",
        "probe walks": f"{int(result.num_probes.sum())} ({probes})",
        "probes without gallery": f"{num_pairs} pairs of probe and gallery view, {verb}",
    }
    if protocol.exclude:
        texts["excluded subjects"] = ", ".join(protocol.exclude)
    for key, value in result.details.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {text}" for name, text in value.items())
        if value is not None:
            texts[key] = str(value)
    texts.setdefault("seed", "not given")
    return texts
