"""Every model gives a walk the same embedding in a mixed list as alone."""

import numpy as np
import pytest

from tf3dlocal.evaluation import embed_walks
from tf3dlocal.models import MODELS

pytestmark = pytest.mark.slow  # whole models are traced

NARROW = {
    "three_d_local": {"channels": (4, 8, 8), "local_blocks": (3,), "embedding_channels": 8, "compact_channels": 6},
    "gaitset": {"channels": (4, 8, 8), "embedding_channels": 8},
    "gaitpart": {"channels": (4, 8, 8), "embedding_channels": 8},
    "gln": {"channels": (4, 8, 8), "lateral_channels": 8, "embedding_channels": 8},
    "mt3d": {"channels": (4, 8, 8), "embedding_channels": 8},
}


class Walks:
    def __init__(self, num_frames):
        rng = np.random.default_rng(0)
        self.num_frames = np.array(num_frames)
        blocks = [rng.integers(0, 2, (n, 8, 8), np.uint8) for n in num_frames]  # of 8 x 8 pixels: edges, as bodies have
        self.pictures = [255 * np.kron(block, np.ones((1, 8, 8), np.uint8)) for block in blocks]

    def read(self, i):
        return type("Walk", (), {"silhouettes": self.pictures[i]})


@pytest.mark.parametrize("name", MODELS)
def test_walks_of_many_lengths_are_embedded_together_as_each_alone(name):
    model = MODELS[name](**NARROW[name], seed=0)
    walks = Walks([7, 12, 7, 31, 9, 12, 7])
    together = embed_walks(model, walks=walks, batch_size=8, progress=False)
    for found, picture in zip(together, walks.pictures, strict=True):
        alone = model(picture[None, ..., 10:54, None] / np.float32(255), training=False)["embedding"]
        np.testing.assert_allclose(found, np.asarray(alone).reshape(found.shape), rtol=1e-5, atol=1e-5)
    assert together.std() > 1e-3
