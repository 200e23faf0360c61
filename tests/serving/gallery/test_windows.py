"""Windows of one length: which frames they have, and that memory does not grow with the walk."""

import numpy as np
import pytest

from tf3dlocal.serving.gallery import EmbeddedWalk, LiveWalk, WindowRule, at_frame_rate, embed_in_windows


@pytest.mark.parametrize("num_frames", [1, 3, 4, 5, 30, 31, 45, 100])
def test_every_frame_of_a_walk_is_in_a_window_of_the_length(num_frames):
    rule = WindowRule(length=4, step=3)
    windows = list(rule.windows(num_frames))
    assert {len(window) for window in windows} == {4}
    assert set(np.concatenate(windows).tolist()) == set(range(num_frames))
    assert all((np.diff(window) == 1).all() for window in windows if num_frames >= 4)


@pytest.mark.bad_input
@pytest.mark.parametrize(("length", "step"), [(0, 1), (4, 0), (4, 5), (4.0, 2), (True, True)])
def test_windows_that_leave_frames_out_are_refused(length, step):
    with pytest.raises(ValueError, match="1 <= step <= length"):
        WindowRule(length=length, step=step)


def test_ten_thousand_frames_are_embedded_a_few_windows_at_a_time():
    sizes = []

    def embed(batch):
        sizes.append(batch.shape)
        return batch.mean(axis=(1, 2, 3))[:, None]

    walk = np.arange(10_000, dtype=np.uint64).astype(np.uint8)[:, None, None]
    embedding = embed_in_windows(embed, silhouettes=walk, rule=WindowRule(length=30, step=10))
    assert max(shape[0] for shape in sizes) == 8 and sum(shape[0] for shape in sizes) == 998
    assert embedding == pytest.approx(127.5, abs=0.5)


@pytest.mark.parametrize("num_frames", [2, 4, 7, 8, 11])
@pytest.mark.parametrize("rates", [(None, None), (25, 25), (12.5, 25), (50, 25), (30, 25), (60, 25), (24, 25)])
def test_a_growing_walk_ends_with_the_embedding_of_the_whole_walk(num_frames, rates):
    class Embedder:
        def embed(self, batch):
            return batch.astype(np.float32).mean(axis=(1, 2, 3))[:, None]

    rule, (rate, wanted) = WindowRule(length=4, step=2), rates
    walk = np.random.default_rng(0).integers(0, 256, (num_frames, 2, 2), dtype=np.uint8)
    rows = at_frame_rate(num_frames, frame_rate=rate, wanted=wanted) if rate else np.arange(num_frames)
    live = LiveWalk(embedder=Embedder(), rule=rule, frame_rate=rate, wanted_rate=wanted)
    for frame in walk:
        live.add(frame)
    live.end()
    expected = embed_in_windows(Embedder().embed, silhouettes=walk[rows], rule=rule)
    np.testing.assert_allclose(live.embedding(), expected, rtol=1e-6)


def test_half_the_frame_rate_repeats_each_frame():
    assert at_frame_rate(30, frame_rate=12.5, wanted=25).tolist() == np.repeat(np.arange(30), 2).tolist()
    assert at_frame_rate(5, frame_rate=30, wanted=30).tolist() == list(range(5))
    assert len(at_frame_rate(300, frame_rate=30, wanted=25)) == 250


def test_a_slow_walk_is_not_held_in_memory_at_the_rate_of_the_gallery():
    sizes = []

    def embed(batch):
        sizes.append(batch.nbytes)
        return batch.mean(axis=(1, 2, 3))[:, None]

    rows = at_frame_rate(1000, frame_rate=25, wanted=200)
    assert len(rows) == 8000
    embed_in_windows(embed, silhouettes=np.zeros((1000, 8, 8), np.uint8), rule=WindowRule(), rows=rows)
    assert max(sizes) == 8 * 30 * 64


def test_long_windows_are_embedded_few_at_a_time():
    sizes = []

    def embed(batch):
        sizes.append(batch.shape[0] * batch.shape[1])
        return batch.mean(axis=(1, 2, 3))[:, None]

    embed_in_windows(embed, silhouettes=np.ones((3000, 2, 2), np.uint8), rule=WindowRule(length=2000, step=100))
    assert sizes == [2000] * 11


@pytest.mark.bad_input
@pytest.mark.parametrize("length", [2049, 10**9, 10**30])
def test_windows_longer_than_the_graph_takes_are_refused(length):
    with pytest.raises(ValueError, match="1 <= step <= length <= 2048"):
        WindowRule(length=length, step=1)


def test_windows_are_not_longer_than_the_graph_takes_though_the_clips_were():
    assert WindowRule.of_card({"config": {"data": {"clip_length": 9000}}}) == WindowRule(length=2048, step=682)


@pytest.mark.bad_input
@pytest.mark.parametrize(("rate", "wanted"), [(1, 200), (200, 1)])
def test_frame_rates_far_from_each_other_are_refused(embedder, rate, wanted):
    with pytest.raises(ValueError, match=f"has {rate} frames per second, and the gallery {wanted}: more than 8 times"):
        walk = np.zeros((3, 16, 12), np.uint8)
        settings = {"embedder": embedder, "rule": WindowRule(), "frame_rate": rate, "wanted_rate": wanted}
        EmbeddedWalk.of_silhouettes(walk, **settings)
