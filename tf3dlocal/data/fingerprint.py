"""Which data set it is, whatever its folder is called."""

import hashlib
import json

import numpy as np

from tf3dlocal.data.walk_dataset import WalkDataset


def data_fingerprint(walks: WalkDataset) -> str:
    """A checksum of all walks: who, how, from where, how long, and the CRC of the record, in whatever order they lie.

    Args:
        walks: a prepared data set or a choice of it.

    Returns:
        SHA-256 in hexadecimal. Two folders that hold the same walks have the same, in any number of shards.

    >>> data_fingerprint(walks) == data_fingerprint(walks.take(range(len(walks))[::-1]))
    True
    """
    columns = (walks.subjects, walks.conditions, walks.view_degrees, walks.num_frames, walks.checksums)
    rows = sorted(zip(*(np.asarray(column).tolist() for column in columns), strict=True))
    return hashlib.sha256(json.dumps([walks.size, rows]).encode()).hexdigest()
