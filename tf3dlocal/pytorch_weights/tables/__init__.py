"""One mapping table per model and source, and the search for the table that a state dict belongs to."""

from collections.abc import Iterable

from tf3dlocal.pytorch_weights.mapping import Table
from tf3dlocal.pytorch_weights.tables import gaitpart, gaitset, gln, three_d_local

__all__ = ["TABLES", "find_table", "recognize"]

# `recognize` searches in this order: the 3DLocal release has every key that marks GaitPart, so it comes first.
TABLES = {
    (table.source, table.model): table
    for table in (
        three_d_local.RELEASE,
        gaitset.RELEASE,
        gaitpart.RELEASE,
        gaitset.OPENGAIT,
        gaitpart.OPENGAIT,
        gln.OPENGAIT,
    )
}


def find_table(source: str, *, model: str) -> Table:
    """Return the mapping table of a model of one source.

    Args:
        source: "release" or "opengait".
        model: Name in `tf3dlocal.models.MODELS`.

    Raises:
        ValueError: There is no such table; the message lists those that exist.

    Example:
        >>> find_table("release", model="gaitset").preset
        'paper'
    """
    if (source, model) not in TABLES:
        sources = dict.fromkeys(known for known, _ in TABLES)
        offers = "; ".join(
            f"{known}: {', '.join(name for other, name in TABLES if other == known)}" for known in sources
        )
        raise ValueError(f"There is no mapping table for model {model!r} of source {source!r}. Known: {offers}.")
    return TABLES[source, model]


def recognize(keys: Iterable[str]) -> Table | None:
    """Return the table that the keys of a state dict belong to, or None.

    Example:
        >>> recognize(["gl_block2.0.conv.weight"]).model, recognize(["fc.weight"])
        ('gaitset', None)
    """
    return next((table for table in TABLES.values() if table.mark in keys), None)
