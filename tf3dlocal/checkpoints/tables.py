"""All mapping tables, and which of them a checkpoint's keys belong to."""

from tf3dlocal.checkpoints import gaitpart, gaitset, gln, three_d_local

# In the order in which keys are recognised: 3DLocal's release has all of GaitPart's marks, so it stands first.
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


def table_of(source, model):
    """The mapping table of a model as one source has it.

    Raises:
        ValueError: there is none, with those that there are.

    Example:
        >>> table_of("release", "gaitset").preset
        'paper'
    """
    if (source, model) not in TABLES:
        sources = dict.fromkeys(known for known, _ in TABLES)
        offers = "; ".join(
            f"{known}: {', '.join(name for other, name in TABLES if other == known)}" for known in sources
        )
        raise ValueError(f"there is no mapping table for model {model!r} of source {source!r}; there are {offers}")
    return TABLES[source, model]


def recognise(keys):
    """The table that a state dict's keys look like, or None.

    Example:
        >>> recognise(["gl_block2.0.conv.weight"]).model, recognise(["fc.weight"])
        ('gaitset', None)
    """
    return next((table for table in TABLES.values() if table.mark in keys), None)
