"""Every model that can be converted computes what a plain PyTorch reference computes, for other widths and lengths."""

import keras
import numpy as np
import pytest
import synthetic_states
from references import gait_in_torch

from tf3dlocal.pytorch_weights import load

SMALL, SMALL_FOUR = (4, 6, 8), (4, 6, 8, 12)
# source, model, state dict, arguments for the builder, reference
CASES = {
    "release gaitset": (
        "release",
        "gaitset",
        synthetic_states.release_gaitset(SMALL),
        {"channels": SMALL, "embedding_channels": 12},
        gait_in_torch.release_gaitset,
    ),
    "opengait gaitset": (
        "opengait",
        "gaitset",
        synthetic_states.opengait_gaitset(SMALL),
        {"channels": SMALL, "embedding_channels": 12},
        gait_in_torch.opengait_gaitset,
    ),
    "release gaitpart": (
        "release",
        "gaitpart",
        synthetic_states.release_gaitpart(SMALL),
        {"channels": SMALL, "embedding_channels": 12},
        lambda *arguments: gait_in_torch.release_gaitpart(*arguments, (1, 4, 8)),
    ),
    "release gaitpart, OU-MVLP": (
        "release",
        "gaitpart",
        synthetic_states.release_gaitpart(SMALL_FOUR),
        {"channels": SMALL_FOUR, "embedding_channels": 12},
        lambda *arguments: gait_in_torch.release_gaitpart(*arguments, (2, 2, 8, 8)),
    ),
    "opengait gaitpart": (
        "opengait",
        "gaitpart",
        synthetic_states.opengait_gaitpart(SMALL),
        {"channels": SMALL},
        lambda *arguments: gait_in_torch.opengait_gaitpart(*arguments, (1, 4, 8)),
    ),
    "opengait gaitpart, OU-MVLP": (
        "opengait",
        "gaitpart",
        synthetic_states.opengait_gaitpart(SMALL_FOUR),
        {"channels": SMALL_FOUR},
        lambda *arguments: gait_in_torch.opengait_gaitpart(*arguments, (1, 1, 8, 8)),
    ),
}


@pytest.fixture(scope="module")
def walks():
    return (np.random.default_rng(3).random((2, 7, 64, 44)) > 0.5).astype("float32")


@pytest.mark.parametrize("case", CASES)
def test_embeddings_are_those_of_the_reference_at_any_length(case, walks, tmp_path):
    source, name, state, arguments, reference = CASES[case]
    model = load(synthetic_states.save(tmp_path / "state.pt", state), source=source, model=name, **arguments)
    for num_frames in (1, 4, 7):
        silhouettes = walks[:, :num_frames]
        expected = reference(state, silhouettes)
        assert np.abs(model(silhouettes[..., None])["embedding"] - expected).max() < 2e-5 * np.abs(expected).max()


def test_the_compact_block_of_gln_is_that_of_the_reference(walks, tmp_path):
    state = synthetic_states.opengait_gln(SMALL, compact=7, classes=9)
    path = synthetic_states.save(tmp_path / "gln.pt", state)
    arguments = {
        "channels": SMALL,
        "lateral_channels": 6,
        "embedding_channels": 5,
        "compact_channels": 7,
        "num_classes": 9,
    }
    model = load(path, source="opengait", model="gln", **arguments)
    outputs = model(walks[..., None])
    whole = keras.Model(model.input, model.get_layer("compact_block").output)
    parts = np.asarray(outputs["part_features"])  # [n, p, c]; the reference has [n, c, p]
    compact, logits = gait_in_torch.opengait_compact_block(state, parts.swapaxes(1, 2))
    assert np.abs(whole(walks[..., None]) - compact).max() < 2e-5
    assert np.abs(outputs["logits"] - logits).max() < 2e-5
    assert np.array_equal(outputs["embedding"], parts), "OpenGait compares by the parts in both phases"


def test_gln_takes_the_larger_silhouettes_of_its_paper(tmp_path):
    path = synthetic_states.save(tmp_path / "gln.pt", synthetic_states.opengait_gln(SMALL))
    model = load(
        path,
        source="opengait",
        model="gln",
        channels=SMALL,
        lateral_channels=6,
        embedding_channels=5,
        input_shape=(None, 128, 88, 1),
    )
    assert model(np.zeros((1, 2, 128, 88, 1), "float32"))["embedding"].shape == (1, 93, 5)
