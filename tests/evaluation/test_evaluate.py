import numpy as np
import pytest

from tf3dlocal.evaluation import Protocol, ProtocolError, evaluate


def energy(silhouettes):
    """[batch, frames, height, width, 1] -> the mean image in 16 strips, [batch, 16, 4 * 44]."""
    picture = np.mean(silhouettes, axis=(1, 4))
    return picture.reshape(len(picture), 16, -1)


@pytest.fixture
def protocol():
    return Protocol(
        name="blobs",
        train={"first": 1},
        test="rest",
        gallery=["nm-01", "nm-02", "nm-03", "nm-04"],
        probes={"NM": ["nm-05", "nm-06"], "CL": ["cl"]},
    )


def test_one_call_evaluates_a_model_on_a_prepared_data_set(small_walks, protocol):
    result = evaluate(
        energy, walks=small_walks, protocol=protocol, width=44, progress=False, seed=3, details={"model": "energy"}
    )
    assert result.split.train == ("001",) and result.split.test == ("002", "003", "004")
    assert result.groups == ("NM", "CL") and result.views == (0, 90, 180)
    assert result.num_gallery.tolist() == [12, 12, 12] and result.num_probes.sum() == 36
    assert result.mean()[0] > 60
    assert result.details["seed"] == 3 and result.details["model"] == "energy" and "keras" in result.details["versions"]


def test_only_the_test_walks_are_embedded(small_walks, protocol):
    seen = []

    def watch(silhouettes):
        seen.append(len(silhouettes))
        return energy(silhouettes)

    evaluate(watch, walks=small_walks, protocol=protocol, progress=False)
    assert sum(seen) == 3 * 8 * 3  # subjects, conditions (no bags), views


def test_short_walks_are_not_used_on_request_and_counted_in_a_notice(small_walks, protocol):
    part = np.isin(small_walks.subjects, ["002", "003", "004"]) & (np.char.find(small_walks.conditions, "bg") < 0)
    num_short = int((part & (small_walks.num_frames < 11)).sum())
    result = evaluate(energy, walks=small_walks, protocol=protocol, width=44, progress=False, min_frames=11)
    assert num_short > 0 and any(f"{num_short} test walks of fewer than 11 frames" in n for n in result.notices)
    assert result.num_gallery.sum() + result.num_probes.sum() == 72 - num_short


def test_a_protocol_that_does_not_fit_fails_before_anything_is_embedded(small_walks, protocol):
    def never(silhouettes):
        raise AssertionError("was called")

    with pytest.raises(ProtocolError, match="gallery: there is no condition 'zz'"):
        evaluate(never, walks=small_walks, protocol=protocol.model_copy(update={"gallery": ("zz",)}), progress=False)
    with pytest.raises(ProtocolError, match="casia-b-lt.*075"):
        evaluate(never, walks=small_walks, protocol="casia-b-lt", progress=False)
