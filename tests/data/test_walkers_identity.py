"""The walkers behave like gait data, measured by the nearest gait energy image."""

import types

import numpy as np
import pytest

from tf3dlocal.data import align_silhouette
from tf3dlocal.data.walkers import SEQUENCES, draw_views
from tf3dlocal.evaluation import Protocol, evaluate_gait_energy

VIEWS = (0, 54, 90, 144)


@pytest.mark.slow
def test_nm_is_easier_than_bg_than_cl_and_the_same_view_than_another():
    rows = [
        (f"{subject:03d}", sequence, view, np.stack([align_silhouette(frame) for frame in walk]))
        for subject in range(1, 17)
        for sequence in SEQUENCES
        for view, walk in zip(
            VIEWS, draw_views(0, subject=subject, condition=sequence, views_degrees=VIEWS), strict=True
        )
    ]
    subjects, conditions, views, silhouettes = zip(*rows, strict=True)
    walks = types.SimpleNamespace(
        subjects=subjects,
        conditions=conditions,
        view_degrees=views,
        num_frames=[30] * len(rows),
        read=lambda row: types.SimpleNamespace(silhouettes=silhouettes[row]),
    )
    protocol = Protocol(
        name="walkers",
        test="all",
        gallery=["nm-01", "nm-02", "nm-03", "nm-04"],
        probes={"NM": ["nm-05", "nm-06"], "BG": ["bg"], "CL": ["cl"]},
    )
    result = evaluate_gait_energy(walks, protocol=protocol, progress=False)
    same, other = result.mean(identical_views="only"), result.mean(identical_views="exclude")
    chance = 100 / 16
    assert 98 > same[0] > same[1] + 10 > same[2] + 20
    assert same[2] > 2 * chance
    assert (same > other + 5).all()
    assert other[0] > other[2] and other[0] > 1.5 * chance
