"""From a zip of real raw silhouettes to rank-1: KTH's walking videos, with their real faults."""

import json
import pathlib

import numpy as np
import pytest

from tf3dlocal.data import open_walks, prepare
from tf3dlocal.evaluation import evaluate, evaluate_gait_energy, load_protocol

pytestmark = [pytest.mark.shared, pytest.mark.slow]

PROTOCOL = load_protocol(pathlib.Path(__file__).parents[2] / "configs" / "protocols" / "kth.yaml")


@pytest.fixture(scope="module")
def folder(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kth")
    prepare(shared / "data" / "kth" / "silhouettes.zip", out=folder, name="KTH walking", workers=2, progress=False)
    return folder


def test_every_walk_of_the_zip_is_prepared_and_none_is_reported_as_a_gap_of_casia_b(folder):
    report = json.loads((folder / "report.json").read_text())
    assert (report["num_walks"], report["num_frames"], report["num_raw_frames"]) == (104, 4078, 4078)
    assert not report["strays"] and not report["known_gaps"]


def test_gait_energy_images_know_the_clothes_rather_than_the_person(folder):
    result = evaluate_gait_energy(open_walks(folder), protocol=PROTOCOL, progress=False)
    assert result.num_probes[:, 0].tolist() == [47, 37, 20]
    # Tolerance of one probe: OpenCV's cubic filter differs by a grey level without Intel's library.
    np.testing.assert_allclose(result.hits[0, :, 0, 0], [45, 2, 6], atol=1)


def test_a_function_is_evaluated_on_walks_of_many_lengths(folder):
    def mean_shape(silhouettes):
        return silhouettes.mean(axis=1).reshape(len(silhouettes), -1)

    result = evaluate(mean_shape, walks=open_walks(folder), protocol=PROTOCOL, width=44, progress=False)
    assert result.mean()[0] > 90
