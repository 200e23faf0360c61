"""A comparison as CSV and as JSON, in full precision."""

import csv
import io
import math
from typing import Any

from tf3dlocal.comparison.comparison import Comparison
from tf3dlocal.evaluation import published_table


def comparison_csv(comparison: Comparison) -> str:
    """Format one line per group and method (mean over the seeds), per group and run, and per published row.

    Every line repeats the data set, so that it keeps its meaning when it is copied elsewhere.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    views = [str(view) for view in comparison.views]
    writer.writerow(["kind", "group", "method", "seeds", *views, "mean", "spread", "data_set", "protocol"])
    protocol = comparison.protocol.name

    def write(kind, group, method, *, seeds=(), values, mean, spread=None, data=comparison.data):
        numbers = [*map(_exact, values), _exact(mean), _exact(spread)]
        writer.writerow([kind, group, method, " ".join(map(str, seeds)), *numbers, data, protocol])

    for row in comparison.rows:
        for g, group in enumerate(row.groups):
            means = {"values": row.mean_by_view(group), "mean": row.mean(group), "spread": row.spread(group)}
            write("method" if row.seeds else "baseline", group, row.label, seeds=row.seeds, **means)
            for s, seed in enumerate(row.seeds):
                means = {"values": row.by_view[s, g].tolist(), "mean": float(row.means[s, g])}
                write("run", group, row.label, seeds=[seed], **means)
    if comparison.published:
        table = published_table(protocol)
        for group in comparison.groups:
            for row in table.of_group(group, probes_without_gallery=comparison.probes_without_gallery):
                known = dict(zip(table.views, row.values, strict=False))
                values = [known.get(view) for view in comparison.views]
                write("published", group, row.label, values=values, mean=row.printed_mean, data=row.source)
    return out.getvalue()


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Arrange everything as plain dicts and lists; null where nothing was counted."""
    rows = [
        {
            "method": row.label,
            "seeds": list(row.seeds),
            "rank1": {
                group: {
                    "by_probe_view": [_number(value) for value in row.mean_by_view(group)],
                    "mean": _number(row.mean(group)),
                    "spread": _number(row.spread(group)),
                }
                for group in row.groups
            },
            "cost": row.cost,
        }
        for row in comparison.rows
    ]
    return {
        "protocol": comparison.protocol.model_dump(mode="json"),
        "data_set": comparison.data,
        "views": list(comparison.views),
        "groups": list(comparison.groups),
        "num_planned": comparison.num_planned,
        "is_finished": len(comparison.runs) == comparison.num_planned,
        "methods": rows,
        "runs": [{**run, "mean": {g: _number(value) for g, value in run["mean"].items()}} for run in comparison.runs],
        "facts": comparison.facts,
        "notes": list(comparison.notes),
    }


def _exact(value) -> str:
    return "" if value is None or math.isnan(value) else repr(round(float(value), 10))


def _number(value):
    return None if value is None or math.isnan(value) else float(value)
