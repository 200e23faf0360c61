import types

import numpy as np
import pytest

from tf3dlocal.evaluation import Protocol, ProtocolError, evaluate_gait_energy, gait_energy_image

PROTOCOL = Protocol(name="toy", test="all", gallery=["a"], probes={"B": ["b"]}, identical_views="include")


class Walks:
    """Walks of one row: subject x is in the left columns, subject y in the right ones; the probe of y looks like x."""

    name = "toy walks"
    subjects = np.array(["x", "y", "x", "y", "x"])
    conditions = np.array(["a", "a", "b", "b", "other"])
    view_degrees = np.array([90] * 5)
    num_frames = np.array([2, 1, 1, 4, 1])
    rows = ([[9, 9, 0, 0]] * 2, [[0, 0, 9, 9]], [[9, 0, 0, 0]], [[9, 9, 0, 0]] * 3 + [[0, 0, 9, 9]], [[0, 0, 0, 0]])

    def read(self, i):
        assert self.conditions[i] != "other", "walks outside the test are not read"
        return types.SimpleNamespace(silhouettes=np.array(self.rows[i], np.uint8)[:, None])


def test_the_image_is_the_mean_of_the_frames_in_0_to_1():
    frames = np.random.default_rng(0).integers(0, 256, (300, 5, 4), dtype=np.uint8)
    expected = sum(frame.astype(float) for frame in frames) / 300 / 255
    image = gait_energy_image(frames)
    assert image.dtype == np.float32 and np.allclose(image, expected, atol=1e-6)


@pytest.mark.parametrize("wrong", [np.zeros((0, 4, 4), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((2, 4, 4))])
def test_an_array_that_is_not_a_walk_is_refused_with_its_shape(wrong):
    with pytest.raises(ValueError, match=r"uint8 \[frames, height, width\]"):
        gait_energy_image(wrong)


def test_one_probe_finds_its_own_subject_and_the_other_does_not():
    result = evaluate_gait_energy(Walks(), protocol=PROTOCOL, max_rank=2, progress=False)
    assert result.mean(rank=1).tolist() == [50.0] and result.mean(rank=2).tolist() == [100.0]
    assert result.distance == "Euclidean" and result.details["data"] == "toy walks"


def test_short_walks_are_not_used_on_request_and_counted_in_a_notice():
    reversed_roles = Protocol(**{**PROTOCOL.model_dump(), "gallery": ["b"], "probes": {"A": ["a"]}})
    result = evaluate_gait_energy(Walks(), protocol=reversed_roles, progress=False)
    assert not any("fewer than" in notice for notice in result.notices)
    result = evaluate_gait_energy(Walks(), protocol=reversed_roles, min_frames=2, progress=False)
    assert result.num_probes.sum() == 1 and result.num_gallery.sum() == 1
    assert any("2 test walks of fewer than 2 frames are not used" in notice for notice in result.notices)
    with pytest.raises(ProtocolError, match="no probes"):
        evaluate_gait_energy(Walks(), protocol=reversed_roles, min_frames=3, progress=False)


def test_a_data_set_without_gallery_is_refused():
    with pytest.raises(ProtocolError, match="gallery: there is no condition 'c'"):
        protocol = Protocol(name="toy", test="all", gallery=["c"], probes={"B": ["b"]})
        evaluate_gait_energy(Walks(), protocol=protocol, progress=False)


@pytest.mark.slow
@pytest.mark.shared
def test_the_baseline_on_the_100_test_subjects_of_walkers124_has_the_known_rates(shared):
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
    result = evaluate_gait_energy(walks, protocol="casia-b-st", progress=False)
    assert result.mean(identical_views="only").round(1).tolist() == [87.5, 64.7, 30.3]
    assert result.mean(identical_views="exclude").round(1).tolist() == [19.8, 16.1, 10.3]
