"""From paths to sequences: what lies in folders and archives, sorted by who walks, how and seen from where."""

from __future__ import annotations

from tf3dlocal.data.opengait_pickles import PickledWalk
from tf3dlocal.data.raw_sequences import RawSequence, natural_key


def group_into_sequences(files, pattern, source, strays, subjects=None) -> list[RawSequence]:
    """Sort files into sequences by their paths.

    Args:
        files: iterable of (path with forward slashes, function that gives the bytes).
        pattern: the `PathPattern` that says what the paths mean; one that ends in .pkl has a whole walk in a file.
        source: where the files lie, for messages.
        strays: paths that do not fit are added here.
        subjects: names of the subjects to keep; None keeps all.

    Returns:
        the sequences, sorted by subject, condition and view; their frames in natural order.
    """
    groups: dict[tuple, dict] = {}
    for path, read in files:
        place = pattern.match(path)
        if place is None:
            strays.append(f"{source}/{path}")
        elif subjects is None or place[0] in subjects:
            groups.setdefault(place, {})[path] = read
    kind = PickledWalk if pattern.pickled else RawSequence
    return [
        kind(*place, source, {path: found[path] for path in sorted(found, key=natural_key)})
        for place, found in sorted(groups.items())
    ]
