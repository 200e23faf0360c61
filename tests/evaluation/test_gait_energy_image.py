import doctest
import sys
import types

import numpy as np
import pytest

from tf3dlocal.evaluation.gait_energy_image import evaluate_gait_energy, gait_energy_image
from tf3dlocal.evaluation.protocol import Protocol, ProtocolError

PROTOCOL = Protocol(name="toy", test="all", gallery=["a"], probes={"B": ["b"]}, identical_views="include")


class Walks:
    """Walks of one row: subject x lights the left columns, subject y the right ones; y's probe is mostly x."""

    name = "toy walks"
    subjects = np.array(["x", "y", "x", "y", "x"])
    conditions = np.array(["a", "a", "b", "b", "other"])
    view_degrees = np.array([90] * 5)
    num_frames = np.array([2, 1, 1, 4, 1])
    rows = ([[9, 9, 0, 0]] * 2, [[0, 0, 9, 9]], [[9, 0, 0, 0]], [[9, 9, 0, 0]] * 3 + [[0, 0, 9, 9]], [[0, 0, 0, 0]])

    def read(self, i):
        assert self.conditions[i] != "other", "walks outside the test are not read"
        return types.SimpleNamespace(silhouettes=np.array(self.rows[i], np.uint8)[:, None])


def test_the_example_in_the_docstring_is_right():
    assert doctest.testmod(sys.modules[gait_energy_image.__module__]).failed == 0


def test_the_image_is_the_mean_of_the_frames_in_0_to_1():
    frames = np.random.default_rng(0).integers(0, 256, (300, 5, 4), dtype=np.uint8)
    expected = sum(frame.astype(float) for frame in frames) / 300 / 255
    image = gait_energy_image(frames)
    assert image.dtype == np.float32 and np.allclose(image, expected, atol=1e-6)


@pytest.mark.parametrize("wrong", [np.zeros((0, 4, 4), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((2, 4, 4))])
def test_what_is_no_walk_is_refused_with_its_shape(wrong):
    with pytest.raises(ValueError, match=r"uint8 \[frames, height, width\]"):
        gait_energy_image(wrong)


def test_one_probe_finds_its_own_subject_and_the_other_does_not():
    result = evaluate_gait_energy(Walks(), PROTOCOL, max_rank=2, progress=False)
    assert result.mean(rank=1).tolist() == [50.0] and result.mean(rank=2).tolist() == [100.0]
    assert result.distance == "Euclidean" and result.details["data"] == "toy walks"


def test_short_walks_are_left_out_on_request_and_said_to_be():
    result = evaluate_gait_energy(
        Walks(), Protocol(**{**PROTOCOL.model_dump(), "probes": {"B": ["b"]}}), min_frames=1, progress=False
    )
    assert "left out" not in result.details
    with pytest.raises(ProtocolError, match="no probes"):
        evaluate_gait_energy(
            Walks(),
            Protocol(**{**PROTOCOL.model_dump(), "gallery": ["b"], "probes": {"A": ["a"]}}),
            min_frames=3,
            progress=False,
        )


def test_a_data_set_without_gallery_is_refused():
    with pytest.raises(ProtocolError, match="no gallery"):
        evaluate_gait_energy(
            Walks(), Protocol(name="toy", test="all", gallery=["c"], probes={"B": ["b"]}), progress=False
        )


@pytest.mark.slow
@pytest.mark.shared
def test_the_baseline_on_the_100_test_subjects_of_walkers124_is_the_one_its_makers_give(shared):
    names, packed = [], []
    for subject in range(25, 125):
        with np.load(shared / "data" / "walkers124" / f"{subject:03d}.npz") as sequences:
            for key in sequences.files:
                names.append((f"{subject:03d}", *key.split("/")))
                packed.append(sequences[key])
    subjects, conditions, views = zip(*names)

    def read(row):
        bits = np.unpackbits(packed[row])[: 36 * 64 * 64].reshape(36, 64, 64)
        return types.SimpleNamespace(silhouettes=bits * np.uint8(255))

    walks = types.SimpleNamespace(
        subjects=subjects,
        conditions=conditions,
        view_degrees=[int(view) for view in views],
        num_frames=[36] * len(names),
        read=read,
    )
    result = evaluate_gait_energy(walks, "casia-b-st", progress=False)
    assert result.mean(identical_views="only").round(1).tolist() == pytest.approx([87.5, 64.7, 30.3], abs=0.11)
    assert result.mean(identical_views="exclude").round(1).tolist() == pytest.approx([19.8, 16.1, 10.3], abs=0.11)
